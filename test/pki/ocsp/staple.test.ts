import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as der from '../../../src/pki/der/writer.ts';
import {
  DEFAULT_MAX_STAPLE_AGE_MS,
  demandsStaple,
  judgeStaple,
  STAPLE_SKEW_MS,
  type StapleJudgement,
  type StapleQuestion,
} from '../../../src/pki/ocsp/staple.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { parseCertificate } from '../../../src/pki/x509/parse.ts';
import { parsePem } from '../../../src/pki/x509/pem.ts';
import { createSignatureMemory, verifySignature } from '../../../src/pki/x509/signature.ts';
import { corpora } from '../../support/corpora.ts';
import { EKU, extension } from '../../support/extensions.ts';
import {
  errorResponse,
  ocspResponse,
  ocspScts,
  type ResponseSpec,
  type SingleSpec,
} from '../../support/ocsp-responder.ts';
import { authority, type Issued, type Spec } from '../../support/test-ca.ts';

const AT = Date.UTC(2026, 5, 1);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const root = authority({ cn: 'Root', at: AT });
const leaf = root.issueLeaf({ dns: ['a.test'] });

function parsed(issued: Issued): Certificate {
  const certificate = parseCertificate(issued.der);
  if (!certificate.ok) throw new Error(certificate.why);
  return certificate.value;
}

function ask(staple: Uint8Array | null, more: Partial<StapleQuestion> = {}): StapleJudgement {
  return judgeStaple({
    staple,
    leaf: parsed(leaf),
    issuer: parsed(root),
    atMs: AT,
    maxAgeMs: DEFAULT_MAX_STAPLE_AGE_MS,
    memory: createSignatureMemory(10),
    verify: verifySignature,
    ...more,
  });
}

const respond = (singles: readonly Partial<SingleSpec>[], spec: Partial<ResponseSpec> = {}, signer = root) =>
  ocspResponse(
    signer,
    singles.map((single) => ({ certificate: leaf, ...single })),
    { atMs: AT, ...spec },
  );
const unknownCritical = extension('1.3.6.1.4.1.55555.9', true, der.nullValue());

describe('nothing usable', () => {
  it('no staple is nothing, unless the certificate demands one', () => {
    expect(ask(null)).toEqual({ is: 'none' });
    for (const feature of [5, 17]) {
      const demanding = parsed(root.issueLeaf({ dns: ['a.test'], tlsFeatures: [feature] }));
      expect(demandsStaple(demanding)).toBe(true);
      expect(ask(null, { leaf: demanding })).toEqual({ is: 'must-staple' });
    }
    expect(demandsStaple(parsed(root.issueLeaf({ dns: ['a.test'], tlsFeatures: [1] })))).toBe(false);
  });

  it.each([
    ['garbage', Buffer.from('garbage')],
    ['nothing at all', Buffer.alloc(0)],
    ['five megabytes', Buffer.alloc(5_000_000, 0x30)],
    ['a truncated response', respond([{}]).subarray(0, 100)],
  ])('%s is malformed', (_, bytes) => {
    expect(ask(bytes)).toMatchObject({ is: 'malformed', part: 'frame' });
  });

  it('an error says nothing', () => expect(ask(errorResponse(3))).toEqual({ is: 'error-response', status: 3 }));

  it('a critical extension that is not known refuses, of the response and of the answer', () => {
    const refused = { is: 'malformed', part: 'critical-extension', why: '1.3.6.1.4.1.55555.9' };
    expect(ask(respond([{}], { extensions: [unknownCritical] }))).toEqual(refused);
    expect(ask(respond([{ extensions: [unknownCritical] }]))).toEqual(refused);
  });
});

describe('for whom', () => {
  it.each([
    ['no answer', []],
    ['another serial', [{ serial: Buffer.from([1, 2, 3]) }]],
    ['another issuer of the same name', [{ issuer: authority({ cn: 'Root' }) }]],
    ['another issuer name', [{ issuer: authority({ cn: 'Other', key: root.key }) }]],
    ['a digest that is not allowed', [{ hash: 'sha224' }]],
  ])('%s is for another certificate', (_, singles) => {
    expect(ask(respond(singles))).toEqual({ is: 'wrong-certificate' });
  });

  it.each(['sha1', 'sha256', 'sha384', 'sha512'])('finds the answer by %s', (hash) => {
    expect(ask(respond([{ serial: Buffer.from([9]) }, { hash }]))).toMatchObject({ is: 'good' });
  });
});

describe('by whom', () => {
  const delegate = (spec: Spec = {}, issuer = root) =>
    issuer.issueLeaf({ cn: 'Responder', extendedKeyUsage: [EKU.ocspSigning], ...spec });
  const by = (signer: Issued, spec: Partial<ResponseSpec> = {}) =>
    ask(respond([{ issuer: root }], { certificates: [signer.der], ...spec }, signer));

  it('refuses a broken signature and one of SHA-1', () => {
    expect(ask(respond([{}], { broken: true }))).toEqual({ is: 'signature', why: 'failed' });
    expect(ask(respond([{}], { signature: 'sha1' }))).toEqual({ is: 'signature', why: 'weak' });
  });

  it('refuses another key of the same name, with or without its certificate', () => {
    const imposter = authority({ cn: 'Root', at: AT });
    const spec = { responderId: 'name' } as const;
    expect(ask(respond([{ issuer: root }], spec, imposter))).toEqual({ is: 'signature', why: 'failed' });
    expect(by(imposter, spec)).toEqual({ is: 'signature', why: 'signer-not-authorised' });
  });

  it('refuses a responder whose certificate is not there or does not parse', () => {
    expect(by(delegate(), { certificates: [] })).toEqual({ is: 'signature', why: 'no-signer' });
    expect(by(delegate(), { certificates: [der.sequence()] })).toEqual({ is: 'signature', why: 'no-signer' });
    expect(by(delegate(), { certificates: [leaf.der] })).toEqual({ is: 'signature', why: 'no-signer' });
  });

  it.each([
    ['another CA issued', delegate({}, authority({ cn: 'Other', at: AT })), 'signer-not-issued'],
    ['a CA of the same name issued', delegate({}, authority({ cn: 'Root', at: AT })), 'signer-not-issued'],
    ['the leaf issued', delegate({}, leaf), 'signer-not-issued'],
    ['is for TLS only', delegate({ extendedKeyUsage: [EKU.serverAuth] }), 'signer-not-authorised'],
    ['has no purposes', delegate({ extendedKeyUsage: null }), 'signer-not-authorised'],
    ['is for any purpose', delegate({ extendedKeyUsage: [EKU.any] }), 'signer-not-authorised'],
    ['may not sign data', delegate({ keyUsage: ['keyEncipherment'] }), 'signer-not-authorised'],
    ['has an unknown critical extension', delegate({ unknownCritical: true }), 'signer-not-authorised'],
    ['has expired', delegate({ notAfter: AT - 1000 }), 'signer-not-valid'],
    ['is not valid yet', delegate({ notBefore: AT + 1000 }), 'signer-not-valid'],
  ])('refuses a responder that %s', (_, signer, why) => {
    expect(by(signer)).toEqual({ is: 'signature', why });
  });

  it('refuses a good responder whose signature is broken', () => {
    expect(by(delegate(), { broken: true })).toEqual({ is: 'signature', why: 'failed' });
  });

  it('takes the issuer by name and by key', () => {
    for (const responderId of ['name', 'key'] as const) {
      const judgement = ask(respond([{}], { responderId }));
      expect(judgement).toMatchObject({ is: 'good', signer: { kind: 'issuer', subject: 'CN=Root', noCheck: false } });
    }
  });

  it('takes an authorised responder among other certificates, and notes nocheck', () => {
    const noCheck = extension('1.3.6.1.5.5.7.48.1.5', false, der.nullValue());
    const signer = delegate({ extensions: [noCheck] });
    const judgement = by(signer, { certificates: [leaf.der, der.sequence(), signer.der], responderId: 'name' });
    expect(judgement).toMatchObject({
      is: 'good',
      signer: { kind: 'delegate', subject: 'CN=Responder', noCheck: true },
    });
    expect(by(delegate({ keyUsage: null }))).toMatchObject({ is: 'good', signer: { noCheck: false } });
  });
});

describe('how fresh', () => {
  it.each([
    ['expired', { nextUpdateMs: AT - STAPLE_SKEW_MS }, 'expired'],
    ['from the future', { thisUpdateMs: AT + STAPLE_SKEW_MS + 1000 }, 'not-yet-valid'],
    ['too old', { thisUpdateMs: AT - 7 * DAY_MS - 1000 }, 'too-old'],
    ['too old without nextUpdate', { thisUpdateMs: AT - 8 * DAY_MS, nextUpdateMs: null }, 'too-old'],
  ])('%s is stale', (_, single, why) => {
    expect(ask(respond([single]))).toMatchObject({ is: 'stale', why });
    expect(ask(respond([{ ...single, status: 'unknown' }]))).toMatchObject({ is: 'stale', why });
  });

  it.each([
    ['before the certificate', AT - 2 * DAY_MS],
    ['after the certificate', AT + 91 * DAY_MS],
    ['from the future', AT + STAPLE_SKEW_MS + 1000],
  ])('produced %s is stale', (_, producedAtMs) => {
    expect(ask(respond([{}], { producedAtMs }))).toMatchObject({ is: 'stale', why: 'produced-outside-validity' });
  });

  it.each([
    ['expired within the skew', { nextUpdateMs: AT - STAPLE_SKEW_MS + 1000 }],
    ['ahead within the skew', { thisUpdateMs: AT + STAPLE_SKEW_MS }],
    ['as old as allowed', { thisUpdateMs: AT - 7 * DAY_MS }],
    ['without nextUpdate', { nextUpdateMs: null }],
  ])('%s is fresh', (_, single) => {
    expect(ask(respond([single]))).toMatchObject({ is: 'good' });
  });
});

describe('what it says', () => {
  const old = { thisUpdateMs: AT - 20 * DAY_MS, nextUpdateMs: AT - 19 * DAY_MS };

  it('revoked, with time and reason', () => {
    const judgement = ask(respond([{ status: 'revoked', reason: 1, revokedAtMs: AT - DAY_MS }]));
    expect(judgement).toMatchObject({ is: 'revoked', reason: 1, revokedAtMs: AT - DAY_MS });
  });

  it('the strictest fresh answer counts', () => {
    expect(ask(respond([{}, { status: 'unknown' }]))).toMatchObject({ is: 'unknown' });
    expect(ask(respond([{ status: 'unknown' }, { status: 'revoked' }, {}]))).toMatchObject({ is: 'revoked' });
  });

  it('a stale answer does not beat a fresh one', () => {
    expect(ask(respond([{ status: 'revoked', ...old }, {}]))).toMatchObject({ is: 'good' });
    expect(ask(respond([{ status: 'unknown', ...old }, {}]))).toMatchObject({ is: 'good' });
  });

  it('a stale revocation stands when nothing fresh speaks against it, unless it is a hold', () => {
    expect(ask(respond([{ status: 'revoked', ...old }]))).toMatchObject({ is: 'revoked' });
    expect(ask(respond([{ status: 'revoked', reason: 6, ...old }]))).toMatchObject({ is: 'stale' });
    expect(ask(respond([{ status: 'revoked', reason: 6 }]))).toMatchObject({ is: 'revoked' });
  });

  it('a revocation outranks a critical extension beside it and a wrong production time', () => {
    const revoked = { status: 'revoked' } as const;
    expect(ask(respond([{ extensions: [unknownCritical] }, revoked]))).toMatchObject({ is: 'revoked' });
    expect(ask(respond([revoked], { producedAtMs: AT - 9 * DAY_MS }))).toMatchObject({ is: 'revoked' });
  });

  it('hands out the SCTs of a good answer', () => {
    const list = Buffer.from([1, 2, 3]);
    expect(ask(respond([{ extensions: [ocspScts(list)] }]))).toMatchObject({ is: 'good', sctList: list });
    expect(ask(respond([{}]))).toMatchObject({ is: 'good', sctList: null, thisUpdateMs: AT - HOUR_MS });
  });
});

const golang = corpora('golang-ocsp');
describe.skipIf(golang === null)('a real response of 2021 (corpus golang-ocsp)', () => {
  it('is good for its serial under its real issuer, and not under its own leaf name', () => {
    const file = (name: string) => readFileSync(join(golang ?? '', name));
    const gts = parsePem(file('GTSRoot.pem').toString('latin1'));
    if (!gts.ok) throw new Error(gts.why);
    const issuer = gts.value[0]!;
    const serial = Buffer.from('00f374542e3c7a68360a00000001103462', 'hex');
    // The certificate itself is not in the corpus: only what the judgement reads of it is.
    const of = { ...issuer, issuer: issuer.subject, serial, extensions: {} };
    const staple = file('ocspResponse.der');
    const atMs = Date.UTC(2021, 10, 8);
    expect(ask(staple, { leaf: of, issuer, atMs })).toMatchObject({ is: 'good', signer: { kind: 'issuer' } });
    expect(ask(staple, { leaf: of, issuer, atMs: Date.UTC(2021, 10, 15) })).toMatchObject({ is: 'stale' });
    expect(ask(staple, { leaf: { ...of, issuer: issuer.issuer }, issuer, atMs })).toEqual({ is: 'wrong-certificate' });
  });
});
