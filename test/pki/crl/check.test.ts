import { describe, expect, it } from 'vitest';
import { CRL_SKEW_MS, type CrlQuestion, DEFAULT_MAX_CRL_AGE_MS, judgeCrls } from '../../../src/pki/crl/check.ts';
import { type Crl, parseCrl } from '../../../src/pki/crl/parse.ts';
import * as der from '../../../src/pki/der/writer.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { parseCertificate } from '../../../src/pki/x509/parse.ts';
import { createSignatureMemory, verifySignature } from '../../../src/pki/x509/signature.ts';
import { type CrlSpec, distributionPoint, issuingPoint, makeCrl } from '../../support/crl-maker.ts';
import { crlDistributionPoints, distinguishedName, extension } from '../../support/extensions.ts';
import { authority, type Issued } from '../../support/test-ca.ts';

const AT = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;
const URI = 'http://crl.test/7.crl';
const DELTA = extension('2.5.29.27', true, der.integer(1));
/** What `part` relative to the issuer is in full. */
const PART = distinguishedName([
  ['CN', 'Inter'],
  ['CN', 'part'],
]);
const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter' });
const leaf = inter.issueLeaf({ dns: ['a.test'] });

function parsed(issued: Issued): Certificate {
  const certificate = parseCertificate(issued.der);
  if (!certificate.ok) throw new Error(certificate.why);
  return certificate.value;
}

function crl(spec: Partial<CrlSpec> = {}, signer = inter): Crl {
  const made = parseCrl(makeCrl(signer, { atMs: AT, ...spec }));
  if (!made.ok) throw new Error(made.why);
  return made.value;
}

function ask(crls: readonly Crl[], of: Issued = leaf, more: Partial<CrlQuestion> = {}) {
  const issuers = of === inter ? [root] : [inter, root];
  return judgeCrls({
    certificate: parsed(of),
    issuers: issuers.map(parsed),
    crls,
    nowMs: AT,
    maxAgeMs: DEFAULT_MAX_CRL_AGE_MS,
    profile: 'public',
    memory: createSignatureMemory(10),
    verify: verifySignature,
    ...more,
  });
}

const revoked = [{ serial: leaf.serial, atMs: AT - DAY_MS, reason: 1 }];
const old = { thisUpdateMs: AT - 8 * DAY_MS, nextUpdateMs: AT - DAY_MS };

describe('no CRL for the certificate', () => {
  it.each([
    ['none at all', [], leaf],
    ['of another issuer', [crl({}, root)], leaf],
    ['for CAs only', [crl({ extensions: [issuingPoint({ onlyCas: true })] })], leaf],
    ['for users only, of a CA', [crl({ extensions: [issuingPoint({ onlyUsers: true })] }, root)], inter],
    ['for attributes', [crl({ extensions: [issuingPoint({ onlyAttributes: true })] })], leaf],
    [
      'of a distribution point that the certificate does not name',
      [crl({ extensions: [issuingPoint({ uris: [URI] })] })],
      leaf,
    ],
    [
      'of another distribution point',
      [crl({ extensions: [issuingPoint({ uris: [URI] })] })],
      inter.issueLeaf({ crlUris: ['http://crl.test/8.crl'] }),
    ],
    [
      'of a distribution point that is named in another way',
      [crl({ extensions: [issuingPoint({ relative: true })] })],
      inter.issueLeaf({ crlUris: [URI] }),
    ],
    [
      'for users only, of version 1',
      [crl({ extensions: [issuingPoint({ onlyUsers: true })] })],
      inter.issueLeaf({ version: 1 }),
    ],
    ['of a point with a CRL issuer of its own', [crl()], inter.issueLeaf({ extensions: [pointWithIssuer()] })],
  ])('%s', (_, crls, of) => {
    expect(ask(crls, of)).toEqual({ is: 'none' });
  });
});

/** A distribution point whose CRLs somebody else signs. */
function pointWithIssuer() {
  const [point] = [crlDistributionPoints([URI])];
  const issuer = der.contextConstructed(2, der.contextConstructed(4, root.subject));
  const name = der.contextConstructed(0, der.contextConstructed(0, der.contextPrimitive(6, der.ia5Bytes(URI))));
  return { ...point!, value: der.sequence(der.sequence(name, issuer)) };
}

describe('a CRL that does not count', () => {
  it.each([
    ['a broken signature', { broken: true }, 'signature'],
    ['SHA-1', { signature: 'sha1' }, 'signature'],
    ['an indirect one', { extensions: [issuingPoint({ indirect: true })] }, 'indirect'],
    [
      'an unknown critical extension',
      { extensions: [extension('1.2.3', true, der.nullValue())] },
      'critical-extension',
    ],
  ] as const)('%s', (_, spec, why) => {
    expect(ask([crl({ revoked, ...spec })])).toEqual({ is: 'invalid', why });
  });

  it.each([
    ['for some reasons', issuingPoint({ onlySomeReasons: true }), 'some-reasons'],
    ['a delta', DELTA, 'delta'],
  ] as const)('one that is %s, but for what it lists', (_, part, why) => {
    const listing = (spec: Partial<CrlSpec>) => crl({ extensions: [part], ...spec });
    expect(ask([listing({})])).toEqual({ is: 'invalid', why });
    expect(ask([listing({ revoked, broken: true })])).toEqual({ is: 'invalid', why: 'signature' });
    expect(ask([listing({ revoked })])).toMatchObject({ is: 'revoked', reason: 1 });
    // A whole list of the same time does not know of it yet.
    expect(ask([crl(), listing({ revoked })])).toMatchObject({ is: 'revoked' });
    expect(ask([crl(), listing({})])).toMatchObject({ is: 'good' });
    const held = [{ serial: leaf.serial, reason: 6 }];
    expect(ask([crl(), listing({ revoked: held })])).toMatchObject({ is: 'revoked', reason: 6 });
    expect(ask([listing({ revoked: held, nextUpdateMs: AT - DAY_MS })])).toMatchObject({ is: 'stale' });
  });

  it('a delta that takes an entry back, which leaves its base as it is', () => {
    const lifted = crl({ revoked: [{ serial: leaf.serial, reason: 8 }], extensions: [DELTA] });
    expect(ask([lifted])).toEqual({ is: 'invalid', why: 'delta' });
    expect(ask([crl({ revoked: [{ serial: leaf.serial, reason: 6 }] }), lifted])).toMatchObject({ is: 'revoked' });
    for (const both of [
      [{ serial: leaf.serial, reason: 8 }, ...revoked],
      [...revoked, { serial: leaf.serial, reason: 8 }],
    ]) {
      expect(ask([crl({ revoked: both, extensions: [DELTA] })])).toMatchObject({ is: 'revoked', reason: 1 });
    }
    // Only a delta may say so: elsewhere it is a revocation like any other.
    expect(ask([crl({ revoked: [{ serial: leaf.serial, reason: 8 }] })])).toMatchObject({ is: 'revoked' });
  });

  it('one that lists a serial number twice, but for what it lists', () => {
    const twice = [{ serial: Buffer.from([5]) }, { serial: Buffer.from([5]) }];
    expect(ask([crl({ revoked: twice })])).toEqual({ is: 'invalid', why: 'repeated-entry' });
    expect(ask([crl({ revoked: [...twice, ...revoked] })])).toMatchObject({ is: 'revoked' });
    // A hold of a CRL that is out of date is not believed; a lasting revocation is, wherever it stands.
    const held = { serial: leaf.serial, atMs: AT, reason: 6 };
    for (const both of [
      [...revoked, held],
      [held, ...revoked],
    ]) {
      const stale = crl({ revoked: both, nextUpdateMs: AT - DAY_MS });
      expect(ask([stale])).toMatchObject({ is: 'revoked', reason: 1 });
    }
  });

  it('of another key with the issuer name', () => {
    const imposter = root.issueCa({ cn: 'Inter' });
    expect(ask([crl({ revoked }, imposter)])).toEqual({ is: 'invalid', why: 'signature' });
  });

  it('of an issuer that may not sign CRLs', () => {
    const silent = root.issueCa({ cn: 'Inter', keyUsage: ['keyCertSign'] });
    const issuers = [parsed(silent), parsed(root)];
    expect(ask([crl({}, silent)], silent.issueLeaf(), { issuers })).toEqual({
      is: 'invalid',
      why: 'issuer-may-not-sign',
    });
    const plain = root.issueCa({ cn: 'Inter', keyUsage: null });
    expect(ask([crl({}, plain)], plain.issueLeaf(), { issuers: [parsed(plain)] })).toMatchObject({ is: 'good' });
  });
});

describe('how fresh', () => {
  it.each([
    ['expired', { nextUpdateMs: AT - CRL_SKEW_MS }, 'expired'],
    ['from the future', { thisUpdateMs: AT + CRL_SKEW_MS + 1000 }, 'not-yet-valid'],
    ['too old', { thisUpdateMs: AT - 10 * DAY_MS - 1000 }, 'too-old'],
    ['too old without nextUpdate', { thisUpdateMs: AT - 11 * DAY_MS, nextUpdateMs: null }, 'too-old'],
  ])('%s is stale', (_, spec, why) => {
    expect(ask([crl(spec)])).toMatchObject({ is: 'stale', why });
  });

  it('a private CA says itself how long its CRL lasts', () => {
    const profile = 'private' as const;
    const ancient = { thisUpdateMs: AT - 300 * DAY_MS };
    expect(ask([crl(ancient)], leaf, { profile })).toMatchObject({ is: 'good' });
    expect(ask([crl(ancient)])).toMatchObject({ is: 'stale', why: 'too-old' });
    expect(ask([crl({ ...ancient, nextUpdateMs: null })], leaf, { profile })).toMatchObject({ is: 'stale' });
    expect(ask([crl({ ...ancient, nextUpdateMs: AT - DAY_MS })], leaf, { profile })).toMatchObject({ why: 'expired' });
  });

  it('within skew and age it is good', () => {
    expect(ask([crl({ nextUpdateMs: AT - CRL_SKEW_MS + 1000 })])).toMatchObject({ is: 'good' });
    expect(ask([crl({ thisUpdateMs: AT + CRL_SKEW_MS })])).toMatchObject({ is: 'good' });
    expect(ask([crl({ thisUpdateMs: AT - 10 * DAY_MS, nextUpdateMs: null })])).toMatchObject({ is: 'good' });
  });
});

describe('what it says', () => {
  it('revoked, with time and reason', () => {
    expect(ask([crl({ revoked })])).toMatchObject({ is: 'revoked', revokedAtMs: AT - DAY_MS, reason: 1 });
  });

  it('good, for the leaf and for its issuer, by scope and distribution point', () => {
    expect(ask([crl()])).toEqual({ is: 'good', thisUpdateMs: AT - DAY_MS, nextUpdateMs: AT + 5 * DAY_MS });
    expect(ask([crl({ extensions: [issuingPoint({ onlyCas: true })] }, root)], inter)).toMatchObject({ is: 'good' });
    const partitioned = inter.issueLeaf({ crlUris: ['http://other.test/', URI] });
    const parts = [8, 7].map((part) =>
      crl({ extensions: [issuingPoint({ uris: [`http://crl.test/${part}.crl`], onlyUsers: true })] }),
    );
    expect(ask(parts, partitioned)).toMatchObject({ is: 'good' });
    expect(ask(parts.slice(0, 1), partitioned)).toEqual({ is: 'none' });
  });

  it.each([
    ['a directory name', { directory: PART }, { directory: PART }],
    ['a directory name, relative to the issuer in the certificate', { relative: true }, { directory: PART }],
    ['a directory name, relative to the issuer in the CRL', { directory: PART }, { relative: true }],
    ['the name relative to the issuer', { relative: true }, { relative: true }],
    ['one name of several', { uris: [URI], directory: PART }, { directory: PART }],
  ] as const)('good where %s calls the distribution point, below private anchors', (_, named, issued) => {
    const pointed = inter.issueLeaf({ extensions: [distributionPoint(named)] });
    const list = crl({ extensions: [issuingPoint(issued)] });
    expect(ask([list], pointed, { profile: 'private' })).toMatchObject({ is: 'good' });
    expect(ask([list], pointed)).toEqual({ is: 'none' });
    const other = inter.issueLeaf({
      extensions: [distributionPoint({ directory: distinguishedName([['CN', 'Part']]) })],
    });
    expect(ask([list], other, { profile: 'private' })).toEqual({ is: 'none' });
  });

  it('after a rollover the other certificate of the same name on the path may sign', () => {
    const newer = inter.issueCa({ subject: inter.subject });
    const below = newer.issueLeaf({ dns: ['b.test'] });
    const issuers = [newer, inter, root].map(parsed);
    const listed = crl({ revoked: [{ serial: below.serial }] });
    expect(ask([listed], below, { issuers })).toMatchObject({ is: 'revoked' });
    expect(ask([crl({}, newer)], below, { issuers })).toMatchObject({ is: 'good' });
  });

  it('the strongest word of several wins, in any order', () => {
    const words = [crl({ revoked }), crl(), crl(old), crl({ broken: true })];
    const winners = ['revoked', 'good', 'stale', 'invalid'];
    for (const [index, is] of winners.entries()) {
      expect(ask(words.slice(index))).toMatchObject({ is });
      expect(ask(words.slice(index).reverse())).toMatchObject({ is });
    }
  });

  it('a stale revocation stands when no fresh CRL speaks against it, unless it is a hold', () => {
    const hold = [{ serial: leaf.serial, reason: 6 }];
    expect(ask([crl({ revoked, ...old })])).toMatchObject({ is: 'revoked' });
    expect(ask([crl({ revoked, ...old }), crl()])).toMatchObject({ is: 'good' });
    expect(ask([crl({ revoked: hold, ...old })])).toMatchObject({ is: 'stale' });
    expect(ask([crl({ revoked: hold })])).toMatchObject({ is: 'revoked', reason: 6 });
  });

  it.each([
    ['a delta', { extensions: [DELTA] }],
    ['a list', {}],
  ] as const)('%s that is out of date, and newer than a fresh list without its revocation, stands', (_, spec) => {
    const base = { thisUpdateMs: AT - 3 * DAY_MS };
    const ended = { ...spec, thisUpdateMs: AT - 2 * DAY_MS, nextUpdateMs: AT - DAY_MS };
    const listing = crl({ revoked, ...ended });
    const held = crl({ revoked: [{ serial: leaf.serial, reason: 6 }], ...ended });
    for (const all of [
      [crl(base), listing],
      [listing, crl(base)],
    ]) {
      expect(ask(all)).toMatchObject({ is: 'revoked', reason: 1 });
      expect(ask([...all, crl()]), 'a list that is newer still').toMatchObject({ is: 'good' });
      expect(ask([crl(), ...all])).toMatchObject({ is: 'good' });
    }
    expect(ask([crl(base), held])).toMatchObject({ is: 'good' });
  });

  it('remembers signatures by digest: the same answer without computing again', () => {
    const memory = createSignatureMemory(10);
    const list = crl({ revoked });
    let computed = 0;
    const verify: typeof verifySignature = (...args) => {
      computed += 1;
      return verifySignature(...args);
    };
    for (let round = 0; round < 3; round += 1) expect(ask([list], leaf, { memory, verify }).is).toBe('revoked');
    expect(computed).toBe(1);
    const broken = crl({ revoked, broken: true });
    for (let round = 0; round < 3; round += 1) expect(ask([broken], leaf, { memory, verify }).is).toBe('invalid');
    expect(computed).toBe(2);
  });
});
