/**
 * The shape of `pinwarden.yaml`; the other half of the door to `zod` (see schema.ts).
 *
 * Does not: check addresses, ranges and hosts (compile-config.ts does, with their places).
 */
import { z } from 'zod';
import type { Limits } from './config.ts';
import { DEFAULT_LIMITS, DNS_TIMEOUT_MS } from './limits.ts';
import {
  anchors,
  answer,
  checks,
  hosts,
  mode,
  name,
  number,
  ofList,
  ofText,
  onFailure,
  plaintext,
  text,
  tls,
  version,
} from './schema.ts';

const address = text('IPv4 or IPv6 address, without brackets.');
const port = z.int().min(0).max(65_535).meta({ description: 'Port; 0 lets the system choose.' });
const endpoint = z.strictObject({ address, port });
const limit = (name: keyof Limits, min: number, max: number, description: string) =>
  number(min, max, DEFAULT_LIMITS[name], description);

function files(description: string, most: number) {
  return z.array(text(description)).max(most, ofList);
}

function fetched(fallback: 'off', description: string) {
  return z
    .enum(['off', 'background'])
    .default(fallback)
    .meta({ description: `${description} \`background\`: fetched aside, for later connections.` });
}

const ct = z
  .strictObject({
    logList: text('Log list, JSON format v3.').optional(),
    signatureKeyFile: text('PEM public key that signs the list. With it an unsigned list is refused.').optional(),
    signatureFile: text('Signature of the list. Default: the list with `.sig` instead of `.json`.').optional(),
    profile: z
      .union(
        [
          z.enum(['chrome', 'apple']),
          z.strictObject({
            minScts: z.int().min(1).max(16).meta({ description: 'Distinct logs.' }),
            minOperators: z.int().min(1).max(16).meta({ description: 'Distinct operators.' }),
            lifetimeDays: z.int().min(1).max(10_000).optional().meta({
              description: 'One more log for certificates that live longer. Default: lifetime does not matter.',
            }),
          }),
        ],
        { error: 'expected `chrome`, `apple` or a map with minScts and minOperators' },
      )
      .default('chrome')
      .meta({ description: 'How many timestamps are enough.' }),
    maxListAgeDays: number(1, 3650, 70, 'An older list is not used: CT is then absent, which `require` refuses.'),
  })
  .prefault({})
  .meta({ description: 'Certificate Transparency. Without a list every CT check is absent.' });

export const configSchema = z
  .strictObject({
    version,
    listen: z
      .array(endpoint)
      .min(1, ofList)
      .max(64, ofList)
      .default([{ address: '127.0.0.1', port: 3128 }])
      .meta({
        description: 'Where clients reach the proxy.',
      }),
    metrics: z
      .union([endpoint, z.literal('off')], { error: 'expected `off` or a map with address and port' })
      .default({ address: '127.0.0.1', port: 9464 })
      .meta({ description: 'Where the status page, /metrics, /healthz, /readyz and /version are served, or `off`.' }),
    admin: z
      .union(
        [
          z.strictObject({ unix: text('Path of a socket that only its owner reaches.') }),
          z.strictObject({
            address,
            port,
            tokenFile: text('File with the bearer token, readable by its owner alone.'),
          }),
        ],
        { error: 'expected a map with `unix`, or one with `address`, `port` and `tokenFile`' },
      )
      .optional()
      .meta({ description: 'Admin interface: events, evidence, explanations, reload, drain. Default: none.' }),
    state: text('Directory for what survives a restart.').default('./state'),
    ca: z
      .strictObject({
        certificateFile: text('PEM certificate of the CA that clients trust.').default('ca.pem'),
        keyFile: text('PEM key, readable by its owner alone.').default('ca-key.pem'),
        chainFile: text(
          'PEM certificates between a subordinate CA and the root that clients trust, its issuer first. Sent with every leaf.',
        ).optional(),
        create: z.enum(['ifMissing', 'never']).default('ifMissing').meta({
          description:
            '`ifMissing`: make a CA on the first start. `never`: refuse to start without one (images, fleets).',
        }),
        next: z
          .strictObject({
            certificateFile: text('Default: `next-` before the name of `ca.certificateFile`.').optional(),
            keyFile: text('Default: `next-` before the name of `ca.keyFile`.').optional(),
            chainFile: text('Default: `ca.chainFile`, unless the next CA is a root.').optional(),
            signsFrom: text(
              '`2027-06-01` (00:00 UTC) or `2027-06-01T12:00:00Z`: from then on it signs. Default: it waits for `ca rotate --promote`.',
            ).optional(),
          })
          .prefault({})
          .meta({
            description: 'The CA that comes after this one: handed out beside it as soon as its files are there.',
          }),
      })
      .prefault({})
      .meta({ description: 'The CA that mints leaves for clients.' }),
    anchors: anchors.default('public'),
    egress: z
      .strictObject({
        ports: z.array(z.int().min(1).max(65_535)).max(1000, ofList).default([443, 80]).meta({
          description: 'Ports that clients may ask for, besides those that patterns name.',
        }),
        hosts: z
          .record(z.string(), z.array(text('Address.')).min(1, ofList).max(64, ofList))
          .default({})
          .meta({ description: 'Host → addresses to dial instead of asking DNS, like `curl --resolve`.' }),
        dns: z
          .strictObject({
            servers: z.array(text('`IP` or `IP:port`.')).max(16, ofList).default([]).meta({
              description: 'Resolvers; empty: those of the system.',
            }),
            timeoutMs: number(1, 60_000, DNS_TIMEOUT_MS, 'Time for an answer.'),
          })
          .prefault({})
          .meta({ description: 'How names are resolved.' }),
      })
      .prefault({})
      .meta({ description: 'Where the proxy may go.' }),
    clients: z
      .record(name('Name of the group.'), z.array(text('CIDR or address.')).min(1, ofList).max(10_000, ofList))
      .default({})
      .meta({ description: 'Client groups by source address; the first one wins when a client is in several.' }),
    unmatched: z
      .strictObject({
        action: z
          .literal('deny')
          .optional()
          .meta({ description: '`deny` makes the rules an allow-list; excludes the other keys.' }),
        mode,
        reason: text('Why; asked for by `mode: bypass`.').min(1, ofText).optional(),
        onFailure,
        checks: checks.optional(),
        anchors: anchors.optional(),
        tls: tls.optional(),
        plaintext,
        answer,
      })
      .prefault({})
      .meta({ description: 'Hosts that no rule matches.' }),
    audit: z
      .strictObject({
        file: text('NDJSON file.').default('audit.ndjson'),
        onFull: z.enum(['block', 'count']).default('block').meta({
          description:
            'When a verdict cannot be written: `block` refuses with 503 and is not ready, `count` goes on and counts the loss.',
        }),
      })
      .prefault({})
      .meta({ description: 'Two lines a tunnel, one for what was refused.' }),
    policies: z
      .array(
        z.union(
          [
            text('File or directory.'),
            z.strictObject({
              path: text('File or directory.'),
              owner: name('Whose rules these are; a label in records.'),
              mayMatch: hosts(
                'Bounds: every pattern of these files must lie in one of them. Default: none.',
              ).optional(),
              mayNot: z
                .array(z.enum(['bypass', 'unsafe']))
                .default([])
                .meta({
                  description: '`bypass`: no `mode: bypass`. `unsafe`: no key that starts with `unsafe`.',
                }),
            }),
          ],
          { error: 'expected a path, or a map with path and owner' },
        ),
      )
      .max(1000, ofList)
      .default([])
      .meta({
        description: 'Policy files, and directories of `*.yaml` and `*.yml`; with ownership if given as a map.',
      }),
    limits: z
      .strictObject({
        connections: limit('connections', 1, 1_000_000, 'Client connections.'),
        connectionsPerClient: limit('connectionsPerClient', 1, 1_000_000, 'Client connections from one address.'),
        handshakesPerClient: limit(
          'handshakesPerClient',
          1,
          100_000,
          'Upstream handshakes under way or waiting for a hello, for one client.',
        ),
        headTimeoutMs: limit('headTimeoutMs', 1, 600_000, 'For the request head.'),
        helloTimeoutMs: limit('helloTimeoutMs', 1, 600_000, 'For the ClientHello after the 200.'),
        dialTimeoutMs: limit('dialTimeoutMs', 1, 600_000, 'For the TCP connection, all addresses together.'),
        handshakeTimeoutMs: limit('handshakeTimeoutMs', 1, 600_000, 'For the upstream TLS handshake.'),
        idleTimeoutMs: limit('idleTimeoutMs', 1, 86_400_000, 'For a tunnel without bytes in either direction.'),
        drainDelayMs: limit(
          'drainDelayMs',
          0,
          600_000,
          'Between saying not ready and refusing connections: what a load balancer needs to notice.',
        ),
        drainTimeoutMs: limit('drainTimeoutMs', 0, 3_600_000, 'For open tunnels after a stop was asked for.'),
        leaves: limit('leaves', 1, 1_000_000, 'Minted certificates kept ready, 32 KiB each.'),
      })
      .prefault({})
      .meta({ description: 'Per worker.' }),
    workers: z.int().min(1).max(256).optional().meta({ description: 'Processes that serve. Default: one a core.' }),
    publicAnchors: files('PEM file.', 100).optional().meta({
      description: 'Roots that count as public instead of the Mozilla set that ships.',
    }),
    intermediates: files('PEM file.', 100).default([]).meta({
      description:
        'Intermediates that may complete what an upstream forgot to send. They are never trusted by themselves.',
    }),
    aia: fetched(
      'off',
      'Issuers that upstreams forget: those of accepted paths, and those that certificates name (caIssuers).',
    ),
    ct,
    crl: z
      .strictObject({
        files: files('CRL, DER or PEM.', 10_000).default([]).meta({ description: 'CRLs to use.' }),
        fetch: fetched('off', 'CRLs that certificates of accepted paths name.'),
      })
      .prefault({})
      .meta({ description: 'Certificate revocation lists.' }),
    fetch: z
      .strictObject({
        ports: z
          .array(z.int().min(1).max(65_535))
          .max(16, ofList)
          .default([80])
          .meta({ description: 'Ports that URLs may have.' }),
        allowPrivate: z.array(text('CIDR.')).max(1000, ofList).default([]).meta({
          description: 'Ranges that may be dialled although they are private: where your own CAs publish.',
        }),
      })
      .prefault({})
      .meta({
        description: 'What `crl.fetch` and `aia` may do. Plain HTTP only, as CAs publish; never during a handshake.',
      }),
  })
  .meta({ title: 'pinwarden.yaml' });

export type ConfigShape = z.output<typeof configSchema>;
