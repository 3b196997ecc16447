import { describe, expect, it } from 'vitest';
import { Der } from '../../../src/model/der.ts';
import type { Requirement } from '../../../src/model/outcome.ts';
import * as der from '../../../src/pki/der/writer.ts';
import { EKU, extension } from '../../support/extensions.ts';
import { errorResponse, ocspResponse, type ResponseSpec, type SingleSpec } from '../../support/ocsp-responder.ts';
import { authority, type Issued } from '../../support/test-ca.ts';
import { AT, AT_MS, DAY_MS, evidenceOf, ruleOf, say, trustOf, verify } from '../verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter' });
const leaf = inter.issueLeaf({ dns: ['good.test'] });
const demanding = inter.issueLeaf({ dns: ['good.test'], tlsFeatures: [5] });
const trust = trustOf({ anchors: [root] });

function judged(staple: Buffer | null, word: Requirement = 'if-present', of: Issued = leaf, nowMs = AT_MS) {
  const evidence = evidenceOf([of, inter], { staple: staple === null ? null : Der.of(staple) });
  return verify(evidence, trust, ruleOf({ checks: { staple: word } }), nowMs);
}

function respond(single: Partial<SingleSpec> = {}, spec: Partial<ResponseSpec> = {}, of = leaf): Buffer {
  return ocspResponse(inter, [{ certificate: of, ...single }], { atMs: AT_MS, ...spec });
}

const outcome = (...args: Parameters<typeof judged>) => judged(...args).report.outcomes.staple;
const stale = respond({ nextUpdateMs: AT_MS - DAY_MS });
const unknownCritical = extension('1.2.3', true, der.nullValue());

describe('the staple', () => {
  it('that says revoked always blocks, whatever the rule does about failures', () => {
    const evidence = evidenceOf([leaf, inter], { staple: Der.of(respond({ status: 'revoked', reason: 1 })) });
    for (const checks of [{ staple: 'if-present' }, { staple: 'require' }] as const) {
      const rule = ruleOf({ onFailure: 'alert', checks });
      expect(say(verify(evidence, trust, rule))).toBe('block staple.revoked');
    }
    expect(outcome(respond({ status: 'revoked', reason: 1 }))).toMatchObject({
      is: 'fail',
      findings: [{ code: 'staple.revoked', facts: { reason: 'keyCompromise', signer: 'CN=Inter' } }],
    });
  });

  it.each([
    ['unknown', respond({ status: 'unknown' }), 'staple.unknown'],
    ['garbage', Buffer.from('garbage'), 'staple.malformed'],
    ['a critical extension', respond({ extensions: [unknownCritical] }), 'staple.malformed'],
    ['a broken signature', respond({}, { broken: true }), 'staple.signature'],
    ['SHA-1', respond({}, { signature: 'sha1' }), 'staple.signature'],
    ['another certificate', respond({ serial: Buffer.from([7]) }), 'staple.wrong-certificate'],
  ])('%s fails when present', (_, staple, code) => {
    expect(say(judged(staple))).toBe(`block ${code}`);
  });

  it.each([
    ['none', null, 'no-staple', 'staple.missing'],
    ['a stale one', stale, 'stale', 'staple.stale'],
    ['an error', errorResponse(3), 'error-response', 'staple.error-response'],
  ])('%s is absence, which only `require` turns into a failure', (_, staple, why, code) => {
    expect(outcome(staple)).toMatchObject({ is: 'absent', why });
    expect(say(judged(staple))).toBe('allow');
    expect(say(judged(staple, 'require'))).toBe(`block ${code}`);
  });

  it.each([
    ['none', null, ['staple.must-staple']],
    ['a stale one', stale, ['staple.must-staple', 'staple.stale']],
    ['an error', errorResponse(3), ['staple.must-staple', 'staple.error-response']],
    ['garbage', Buffer.from('garbage'), ['staple.must-staple', 'staple.malformed']],
    ['one of another certificate', respond({}, {}, leaf), ['staple.must-staple', 'staple.wrong-certificate']],
    ['a broken signature', respond({}, { broken: true }, demanding), ['staple.must-staple', 'staple.signature']],
  ])('a certificate that demands a staple fails with %s', (name, staple, codes) => {
    const answer = outcome(
      name === 'a stale one' ? respond({ nextUpdateMs: AT_MS - DAY_MS }, {}, demanding) : staple,
      'if-present',
      demanding,
    );
    expect(answer.is === 'fail' && answer.findings.map((finding) => finding.code)).toEqual(codes);
  });

  it('is not judged when off', () => {
    expect(outcome(respond({ status: 'revoked' }), 'off')).toEqual({ is: 'skipped', why: 'off' });
  });

  it('has nothing to say when the leaf is the anchor', () => {
    const own = authority({
      cn: 'good.test',
      dns: ['good.test'],
      ca: false,
      at: AT,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [EKU.serverAuth],
    });
    const { report } = verify(
      evidenceOf([own]),
      trustOf({ anchors: [own] }),
      ruleOf({ checks: { staple: 'require' } }),
    );
    expect(report.outcomes.staple).toEqual({ is: 'skipped', why: 'leaf-is-anchor' });
  });

  it('that is good passes, and is judged at the time of the Evidence', () => {
    const facts = { signer: 'CN=Inter', signerKind: 'issuer', thisUpdate: '2026-06-15T11:00:00.000Z' };
    expect(outcome(respond(), 'require')).toMatchObject({ is: 'pass', facts });
    expect(outcome(respond({ nextUpdateMs: null }), 'require', leaf, AT_MS + 30 * DAY_MS)).toMatchObject({
      is: 'pass',
    });
    expect(outcome(respond({}, {}, demanding), 'require', demanding)).toMatchObject({ is: 'pass' });
  });

  it('names a reason that nobody defined by its number', () => {
    const answer = outcome(respond({ status: 'revoked', reason: 7 }));
    expect(answer).toMatchObject({ findings: [{ facts: { reason: '7' } }] });
  });
});
