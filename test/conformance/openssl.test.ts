/**
 * Random chains judged twice: by us, and by OpenSSL in a real handshake. Where the two differ, a listed rule says why.
 * A difference without a rule fails. The long run (npm run proof) prints how often each rule was needed.
 */
import { createSecureContext, createServer, type Server } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/model/evidence.ts';
import { handshake } from '../../src/upstream/handshake.ts';
import { readPresented } from '../../src/verify/presented.ts';
import { searchPaths } from '../../src/verify/search.ts';
import { closeServer, listen } from '../support/sockets.ts';
import { type Issued, pem } from '../support/test-ca.ts';
import { anchorsOf, askFor } from '../upstream/support.ts';
import { ruleOf, trustOf, verify } from '../verify/verify-cases.ts';
import { HOST } from './batch.ts';
import { anchors, type Plan, plans, present } from './random-chains.ts';

/** We refuse and OpenSSL accepts: code and fact → why. */
const STRICTER: Readonly<Record<string, string>> = {
  'chain.leaf-is-ca ca-bit': 'a leaf is no CA',
  'chain.malformed serial-number-zero': 'serial numbers are positive (RFC 5280 §4.1.2.2)',
  'chain.malformed serial-number-too-long': 'serial numbers have at most 20 bytes',
  'chain.malformed-issuer serial-number-zero': 'the same for issuers',
  'chain.malformed-issuer serial-number-too-long': 'the same for issuers',
  'chain.name-constraints constraints-in-leaf': 'constraints belong into CA certificates (RFC 5280 §4.2.1.10)',
  'chain.policy no-valid-policy': 'policies are processed; OpenSSL does that only when it is told to',
};

/** We have proven a path and OpenSSL refuses for a reason that is about finding it, but is not overridden: it blocks. */
const STILL_BLOCKED: Readonly<Record<string, string>> = {
  INVALID_CA: 'a certificate of the same name that is no CA stood first',
  INVALID_PURPOSE: 'an issuer with anyExtendedKeyUsage alone; OpenSSL asks for serverAuth',
  PATH_LENGTH_EXCEEDED: 'the way that OpenSSL took is longer',
  CERT_NOT_YET_VALID: 'it took another certificate of the same name',
  CERT_HAS_EXPIRED: 'it took another certificate of the same name that is on no list of ours',
  UNABLE_TO_GET_ISSUER_CERT: 'it ended at another certificate',
  UNSPECIFIED: 'a name constraint on the way that OpenSSL took',
};

interface Difference {
  readonly kind: 'stricter' | 'still blocked' | 'overridden' | 'unexplained';
  readonly what: string;
}

const chains = new Map<string, { readonly key: string; readonly cert: string }>();
const trust = trustOf({ anchors });
const anchorSet = anchorsOf(...anchors);
let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer({
    SNICallback: (_name, answer) => answer(null, createSecureContext([...chains.values()].at(-1)!)),
  });
  server.on('secureConnection', (socket) => socket.on('error', () => undefined));
  server.on('tlsClientError', () => undefined);
  port = await listen(server);
});
afterAll(async () => closeServer(server));

async function evidenceFor(chain: readonly Issued[]): Promise<Evidence | null> {
  chains.clear();
  chains.set(HOST, { key: chain[0]!.keyPem, cert: chain.map((one) => pem('CERTIFICATE', one.der)).join('') });
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
  try {
    const { socket, evidence } = await handshake(askFor(HOST, port, anchorSet, { clock }));
    socket.destroy();
    return evidence;
  } catch {
    // OpenSSL would not even serve or read it: nothing to compare.
    return null;
  }
}

/** What we say of each complete path, whichever we would tell of. */
function pathsOf(evidence: Evidence): readonly (readonly string[])[] {
  const presented = readPresented(evidence, trust);
  if (!presented.ok) return [];
  const { leaf, candidates } = presented;
  const paths: string[][] = [];
  searchPaths(
    { evidence, rule: ruleOf(), trust, nowMs: evidence.seenAtMs, seenAtMs: evidence.seenAtMs, leaf },
    {
      candidates,
      anchors: anchorSet.bySubject,
      brokenLinks: 'drop',
      mayIssue: () => true,
      accept: () => false,
      watch: ({ findings }) =>
        paths.push(findings.map(({ code, facts }) => `${code} ${String(facts['why'] ?? '')}`.trim())),
    },
  );
  return paths;
}

/** Null: both agree. */
async function compare(plan: Plan): Promise<Difference | null> {
  const evidence = await evidenceFor(present(plan));
  if (evidence === null) return null;
  const { openssl } = evidence;
  const own = verify({ ...evidence, openssl: 'none' }, trust, ruleOf());
  const isBlocked = verify(evidence, trust, ruleOf()).report.findings.some(
    (entry) => entry.code === 'chain.validators-disagree',
  );
  // OpenSSL was not asked about names.
  const findings = own.report.findings.filter((entry) => !entry.code.startsWith('identity.'));
  const accepts = findings.length === 0;
  if (accepts === (openssl === 'accepted')) return null;
  if (!accepts) {
    // The path that OpenSSL took is one of ours, and nothing but listed rules speaks against it.
    const known = pathsOf(evidence).find((said) => said.every((one) => STRICTER[one] !== undefined));
    return known === undefined
      ? { kind: 'unexplained', what: findings.map(({ code }) => code).join() }
      : { kind: 'stricter', what: known[0]! };
  }
  if (!isBlocked) return { kind: 'overridden', what: openssl };
  return { kind: STILL_BLOCKED[openssl] === undefined ? 'unexplained' : 'still blocked', what: openssl };
}

describe('OpenSSL and we', () => {
  const proof = process.env['PINWARDEN_PROOF'] !== undefined;

  it('differ only where a listed rule says why', async () => {
    const seen = new Map<string, number>();
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        compared += 1;
        const difference = await compare(plan);
        if (difference === null) return;
        const name = `${difference.kind}: ${difference.what}`;
        seen.set(name, (seen.get(name) ?? 0) + 1);
        expect(difference.kind, name).not.toBe('unexplained');
      }),
      { numRuns: proof ? 10_000 : 600 },
    );
    expect(compared).toBeGreaterThan(0);
    if (proof)
      console.log(
        [...seen]
          .map(([name, count]) => `${name}\t${count}`)
          .sort()
          .join('\n'),
      );
  }, 900_000);
});
