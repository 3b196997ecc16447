/**
 * The stage of the demo: a PKI made a moment ago, upstreams on loopback, a configuration and one policy in a directory
 * of its own. Nothing leaves the machine.
 */
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createSecureContext, createServer, type SecureContext, type Server } from 'node:tls';
import type { Clock } from '../host/clock.ts';
import { makeTemporaryDirectory, remove, writeNew } from '../host/files.ts';
import { createCa, loadCa, type MintingCa } from '../minting/ca.ts';
import { mintLeaf } from '../minting/leaf.ts';
import { createLeafKeys, type LeafKey } from '../minting/leaf-key.ts';
import type { VerdictWord } from '../observe/recorder.ts';

export interface Scene {
  readonly host: string;
  /** What the upstream shows, one line. */
  readonly story: string;
  readonly expected: VerdictWord;
  /** Why the proxy answers as it does, one line. */
  readonly why: string;
}

export const SCENES: readonly Scene[] = [
  {
    host: 'good.demo.test',
    story: 'shows the CA that its rule pins',
    expected: 'allow',
    why: 'the verified path holds a pinned key',
  },
  {
    host: 'rotated.demo.test',
    story: 'renewed its certificate with a new key; the rule pins the old one and says onFailure: alert',
    expected: 'alert',
    why: 'the pins fail, the chain is valid: let through, counted and written down before anything breaks',
  },
  {
    host: 'attacked.demo.test',
    story: 'somebody in the middle holds a certificate of another CA that the machine trusts',
    expected: 'block',
    why: 'the chain is valid, so only the pin can tell; the rule says onFailure: block',
  },
  {
    host: 'inspected.demo.test',
    story: 'somebody in the middle shows a certificate of a CA that nobody configured',
    expected: 'block',
    why: 'no path to a configured anchor: always blocked, whatever onFailure says',
  },
];

export interface Stage {
  readonly directory: string;
  readonly configFile: string;
  /** What clients of the proxy must trust; the proxy makes it at its start. */
  readonly caFile: string;
  /** Port on which every host of the demo answers. */
  readonly port: number;
  close(): void;
}

interface Cast {
  readonly trusted: MintingCa;
  readonly other: MintingCa;
  readonly unknown: MintingCa;
  readonly keys: LeafKey;
  /** The key that rotated.demo.test had before. */
  readonly oldKeys: LeafKey;
}

/** @throws FileError when no directory can be made; nothing is open then. */
export async function setStage(clock: Clock): Promise<Stage> {
  const directory = makeTemporaryDirectory('pinwarden-demo-');
  const cast = makeCast(clock);
  const server = upstreams(cast, clock.nowMs());
  const port = await listen(server);
  const configFile = join(directory, 'pinwarden.yaml');
  writeNew(join(directory, 'anchors.pem'), cast.trusted.certificatePem + cast.other.certificatePem, 0o644);
  writeNew(configFile, configText(port), 0o644);
  writeNew(join(directory, 'policy.yaml'), policyText(cast), 0o644);
  return {
    directory,
    configFile,
    caFile: join(directory, 'ca.pem'),
    port,
    close() {
      server.close();
      remove(directory);
    },
  };
}

function makeCast(clock: Clock): Cast {
  const make = (commonName: string): MintingCa => {
    const nowMs = clock.nowMs();
    const { certificatePem, keyPem } = createCa({ commonName, nowMs, days: 2 });
    return loadCa(certificatePem, keyPem, nowMs);
  };
  return {
    trusted: make('Demo Trusted CA'),
    other: make('Demo Other Trusted CA'),
    unknown: make('Corporate Inspection CA'),
    keys: createLeafKeys(clock).current(),
    oldKeys: createLeafKeys(clock).current(),
  };
}

function upstreams(cast: Cast, nowMs: number): Server {
  const issuers = new Map([
    ['good.demo.test', cast.trusted],
    ['rotated.demo.test', cast.trusted],
    ['attacked.demo.test', cast.other],
    ['inspected.demo.test', cast.unknown],
  ]);
  const contexts = new Map<string, SecureContext>();
  for (const [host, ca] of issuers) {
    const leaf = mintLeaf(ca, cast.keys, { host, kind: 'name', port: 443 }, nowMs);
    contexts.set(host, createSecureContext({ key: cast.keys.keyPem(), cert: leaf.certificatePem + ca.certificatePem }));
  }
  const server = createServer(
    {
      ALPNProtocols: ['http/1.1'],
      SNICallback: (name, answer) => {
        const context = contexts.get(name);
        if (context === undefined) answer(new Error('not a host of the demo'));
        else answer(null, context);
      },
    },
    (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        const body = `hello from ${String(socket.servername)}\n`;
        socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
      });
    },
  );
  server.on('tlsClientError', () => undefined);
  return server;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

function configText(port: number): string {
  const hosts = SCENES.map(({ host }) => `    ${host}: [127.0.0.1]`).join('\n');
  return `version: 1
listen: [{ address: 127.0.0.1, port: 0 }]
metrics: { address: 127.0.0.1, port: 0 }
anchors: [anchors.pem]
publicAnchors: [anchors.pem]   # nothing here depends on the age of the set that ships
egress:
  ports: [${port}]
  hosts:
${hosts}
policies: [policy.yaml]
workers: 1
`;
}

function policyText({ trusted, oldKeys }: Cast): string {
  const pin = (spki: Buffer): string => `sha256/${createHash('sha256').update(spki).digest('base64')}`;
  const off = 'checks: { publicRoot: off, ct: off, staple: off, crl: off }';
  return `version: 1
pinGroups:
  demo-cas:
    pins:
      - { key: "sha256/${trusted.spkiSha256}", name: "Demo Trusted CA" }
      - { key: "${pin(Buffer.from('a key kept in a safe'))}", name: "Demo CA in the safe", backup: true }
rules:
  - name: good
    match: [good.demo.test]
    onFailure: block
    pins: { anyOf: [{ ca: demo-cas }] }
    ${off}
    allowPrivate: [127.0.0.1/32]
  - name: rotated
    match: [rotated.demo.test]
    onFailure: alert
    pins: { anyOf: [{ leaf: "${pin(oldKeys.spki)}" }] }
    ${off}
    allowPrivate: [127.0.0.1/32]
  - name: attacked
    match: [attacked.demo.test, inspected.demo.test]
    onFailure: block
    pins: { anyOf: [{ ca: demo-cas }] }
    ${off}
    allowPrivate: [127.0.0.1/32]
`;
}
