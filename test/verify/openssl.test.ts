/**
 * OpenSSL as a second opinion, with real connections: chains that hold a valid path which OpenSSL does not find, and
 * the refusals that stay refusals.
 */
import { createServer, type Server } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { Der } from '../../src/model/der.ts';
import type { Path } from '../../src/pki/path/builder.ts';
import { handshake } from '../../src/upstream/handshake.ts';
import { type Opinion, opensslAgrees } from '../../src/verify/openssl.ts';
import { closeServer, listen } from '../support/sockets.ts';
import { authority, forgeIssuer, type Issued, pem } from '../support/test-ca.ts';
import { anchorsOf, askFor } from '../upstream/support.ts';
import { certificateOf, ruleOf, say, trustOf, verify } from './verify-cases.ts';

const DAY_MS = 86_400_000;
const root = authority({ cn: 'Root' });
const inter = root.issueCa({ cn: 'Inter' });
const other = authority({ cn: 'Other' });
const dns = ['good.test'];
const expired = { notBefore: root.atMs - 30 * DAY_MS, notAfter: root.atMs - DAY_MS };

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => closeServer(server)));
});

interface Scene {
  readonly chain: readonly Issued[];
  readonly anchors?: readonly Issued[];
  /** From the pool of intermediates. */
  readonly completing?: readonly Issued[];
}

/** What OpenSSL said over a real connection, and our verdict on its evidence. */
async function judged({ chain, anchors = [root], completing = [] }: Scene): Promise<readonly [string, string]> {
  const cert = chain.map((one) => pem('CERTIFICATE', one.der)).join('');
  const server = createServer({ key: chain[0]!.keyPem, cert }, (socket) => socket.on('error', () => undefined));
  servers.push(server);
  const port = await listen(server);
  const ask = askFor('good.test', port, anchorsOf(...anchors), {
    completing: () => completing.map((one) => Der.of(one.der)),
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
  });
  const line = await handshake(ask);
  line.socket.destroy();
  const trust = trustOf({ anchors });
  return [line.evidence.openssl, say(verify(line.evidence, trust, ruleOf()))];
}

describe('OpenSSL finds no path where there is one', () => {
  it('when the upstream forgot an intermediate that we know', async () => {
    const leaf = inter.issueLeaf({ dns });
    expect(await judged({ chain: [leaf], completing: [inter] })).toEqual([
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'allow',
    ]);
  });

  it('when a middle one is forgotten', async () => {
    const lower = inter.issueCa({ cn: 'Lower' });
    const leaf = lower.issueLeaf({ dns });
    const scene = { chain: [leaf, lower], completing: [inter] };
    expect(await judged(scene)).toEqual(['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'allow']);
  });

  it('when it walks up to another root that was presented', async () => {
    const cross = other.crossSign(inter);
    const leaf = inter.issueLeaf({ dns });
    expect(await judged({ chain: [leaf, cross, other, inter] })).toEqual(['SELF_SIGNED_CERT_IN_CHAIN', 'allow']);
  });

  it('when it walks up to an anchor that has expired', async () => {
    const old = authority({ cn: 'Old', ...expired });
    const cross = old.crossSign(inter);
    const leaf = inter.issueLeaf({ dns });
    const scene = { chain: [leaf, cross, inter], anchors: [root, old] };
    expect(await judged(scene)).toEqual(['CERT_HAS_EXPIRED', 'allow']);
  });

  it('when a forged issuer stands before the real one', async () => {
    const forged = forgeIssuer(inter, authority({ cn: 'x' }).spki, {
      issuer: root.subject,
      authorityKeyId: root.subjectKeyId,
    });
    const leaf = inter.issueLeaf({ dns });
    expect(await judged({ chain: [leaf, forged, inter] })).toEqual(['CERT_SIGNATURE_FAILURE', 'allow']);
  });
});

describe('nothing that we would not prove ourselves', () => {
  it.each<readonly [string, string, Scene]>([
    ['a forgotten intermediate that nobody knows', 'block chain.incomplete', { chain: [inter.issueLeaf({ dns })] }],
    [
      'an expired leaf beside an expired stranger',
      'block chain.expired',
      { chain: [inter.issueLeaf({ dns, ...expired }), inter, authority({ cn: 'Stranger', ...expired })] },
    ],
    [
      'a forged leaf beside a forged issuer',
      'block chain.signature',
      { chain: [inter.issueLeaf({ dns, broken: 'flipped' }), forgeIssuer(inter, root.spki), inter] },
    ],
    ['a root that was only presented', 'block chain.private-root', { chain: [other.issueLeaf({ dns }), other, inter] }],
  ])('%s: %s', async (_what, expected, scene) => {
    const [openssl, verdict] = await judged(scene);
    expect(openssl).not.toBe('accepted');
    expect(verdict).toBe(expected);
  });

  it('a chain that OpenSSL refuses for what it is', async () => {
    const any = root.issueCa({ cn: 'Any', extendedKeyUsage: ['2.5.29.37.0'] });
    const scene = { chain: [any.issueLeaf({ dns }), any] };
    expect(await judged(scene)).toEqual(['INVALID_PURPOSE', 'block chain.validators-disagree']);
  });
});

describe('the word of OpenSSL', () => {
  const leaf = certificateOf(inter.issueLeaf({ dns }));
  const path: Path = [leaf, certificateOf(inter), certificateOf(root)];
  const opinion = (openssl: string, changes: Partial<Opinion> = {}): boolean =>
    opensslAgrees({ openssl, path, presented: path.slice(1), anchors: path.slice(2), seenAtMs: root.atMs, ...changes });

  it('counts when it is not about finding a path', () => {
    const codes = [
      'INVALID_CA',
      'INVALID_PURPOSE',
      'CERT_REVOKED',
      'CERT_REJECTED',
      'PATH_LENGTH_EXCEEDED',
      'UNSPECIFIED',
      '',
      'ok',
    ];
    expect(codes.filter((code) => opinion(code))).toEqual([]);
  });

  it('counts when nothing beside our path explains it', () => {
    const codes = ['SELF_SIGNED_CERT_IN_CHAIN', 'CERT_HAS_EXPIRED', 'CERT_SIGNATURE_FAILURE'];
    expect(codes.filter((code) => opinion(code))).toEqual([]);
    const stranger = [...path.slice(1), certificateOf(root.issueCa({ cn: 'Stranger' }))];
    expect(codes.filter((code) => opinion(code, { presented: stranger }))).toEqual([]);
  });

  it('does not count when it agrees or was not asked', () => {
    expect(opinion('accepted') && opinion('none')).toBe(true);
  });
});
