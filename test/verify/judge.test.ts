/** From a report to a permit or a refusal: the floor, what is above it, and the two exceptions that end by themselves. */
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import { examine } from '../../src/verify/examine.ts';
import { judge } from '../../src/verify/judge.ts';
import { Permit } from '../../src/verify/permit.ts';
import { authority } from '../support/test-ca.ts';
import { AT, AT_MS, evidenceOf, pinOf, ruleOf, say, trustOf, verify } from './verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const stranger = authority({ cn: 'Stranger', at: AT });
const leaf = root.issueLeaf({ dns: ['good.test'] });
const other = root.issueLeaf({ dns: ['other.test'] });
const trust = trustOf({ anchors: [root] });
const wrongPin = { anyOf: [pinOf(stranger)], noneOf: [] };

describe('judge', () => {
  it('blocks the floor whatever onFailure says', () => {
    const alert = ruleOf({ onFailure: 'alert', pins: { anyOf: [], noneOf: [pinOf(root)] } });
    expect(say(verify(evidenceOf([other]), trust, ruleOf({ onFailure: 'alert' })))).toBe('block identity.mismatch');
    expect(say(verify(evidenceOf([leaf]), trustOf({}), ruleOf({ onFailure: 'alert' })))).toBe('block chain.incomplete');
    expect(say(verify(evidenceOf([leaf]), trust, alert))).toBe('block pin.denied');
  });

  it('lowers the floor only until the exception ends', () => {
    const floor = (untilMs: number) =>
      ruleOf({ onFailure: 'block', unsafeFloor: { action: 'alert', reason: 'test', untilMs } });
    expect(say(verify(evidenceOf([other]), trust, floor(AT_MS + 1)))).toBe('alert identity.mismatch');
    expect(say(verify(evidenceOf([other]), trust, floor(AT_MS)))).toBe('block identity.mismatch');
    expect(say(verify(evidenceOf([other]), trust, floor(AT_MS + 1), AT_MS + 1))).toBe('block identity.mismatch');
    const pinned = { ...floor(AT_MS + 1), pins: wrongPin };
    expect(say(verify(evidenceOf([other]), trust, pinned))).toBe('block pin.mismatch');
  });

  it('still demands what the rule requires when the floor is lowered', () => {
    const lowered = (changes: Parameters<typeof ruleOf>[0]) =>
      ruleOf({ unsafeFloor: { action: 'alert', reason: 'test', untilMs: AT_MS + 1 }, ...changes });
    const judged = (changes: Parameters<typeof ruleOf>[0]) =>
      say(verify(evidenceOf([leaf]), trustOf({}), lowered(changes)));
    expect(judged({ pins: wrongPin })).toBe('block pin.mismatch');
    expect(judged({ pins: { anyOf: [pinOf(root)], noneOf: [] } })).toBe('block pin.mismatch');
    expect(judged({ checks: { publicRoot: 'require' } })).toBe('block public-root.private');
    expect(judged({ checks: { ct: 'require' } })).toBe('block ct.unavailable');
    expect(judged({ checks: { staple: 'require' } })).toBe('block staple.missing');
    expect(judged({ checks: { crl: 'require' } })).toBe('block crl.missing');
    expect(judged({ checks: { lifetime: 'require' } })).toBe('block lifetime.unexplained');
    expect(judged({ pins: { anyOf: [pinOf(leaf)], noneOf: [] } })).toBe('alert chain.incomplete');
    expect(judged({})).toBe('alert chain.incomplete');
  });

  it('demands it also of what cannot be read, is empty or is too large', () => {
    const lowered = (changes: Parameters<typeof ruleOf>[0]) =>
      ruleOf({ unsafeFloor: { action: 'alert', reason: 'test', untilMs: AT_MS + 1 }, ...changes });
    const unreadable = [
      evidenceOf([Buffer.concat([leaf.der, Buffer.from([0])])]),
      evidenceOf([]),
      evidenceOf([leaf, ...Array.from({ length: 200 }, () => root)]),
      evidenceOf([leaf], { resumed: true }),
    ];
    for (const evidence of unreadable) {
      const judged = (changes: Parameters<typeof ruleOf>[0]) => say(verify(evidence, trust, lowered(changes)));
      expect(judged({ pins: { anyOf: [pinOf(leaf)], noneOf: [] } })).toMatch(/^block /);
      expect(judged({ checks: { publicRoot: 'require' } })).toMatch(/^block /);
      expect(judged({})).toMatch(/^alert /);
    }
  });

  it('does above the floor what onFailure says', () => {
    expect(say(verify(evidenceOf([leaf]), trust, ruleOf({ pins: wrongPin })))).toBe('block pin.mismatch');
    expect(say(verify(evidenceOf([leaf]), trust, ruleOf({ pins: wrongPin, onFailure: 'alert' })))).toBe(
      'alert pin.mismatch',
    );
  });

  it('names what blocks, not what only alerts', () => {
    const rule = ruleOf({ pins: wrongPin, onFailure: 'alert' });
    const disagreed = verify(evidenceOf([leaf], { openssl: 'CERT_UNTRUSTED' }), trust, rule);
    expect(disagreed.report.headline).toBe('pin.mismatch');
    expect(say(disagreed)).toBe('block chain.validators-disagree');
  });

  it('only alerts about a mismatch once every pin has expired that way', () => {
    const expired = pinOf(stranger, { expiresMs: AT_MS, onExpiry: 'alert', group: 'old' });
    const judged = (...anyOf: (typeof expired)[]) =>
      say(verify(evidenceOf([leaf]), trust, ruleOf({ pins: { anyOf, noneOf: [] } })));
    expect(judged(expired)).toBe('alert pin.mismatch');
    expect(judged({ ...expired, expiresMs: AT_MS + 1 })).toBe('block pin.mismatch');
    expect(judged({ ...expired, onExpiry: 'block' })).toBe('block pin.mismatch');
    expect(judged(expired, pinOf(stranger))).toBe('block pin.mismatch');
  });

  it('refuses a report of another rule or another connection', () => {
    const [evidence, rule] = [evidenceOf([leaf]), ruleOf()];
    const report = examine(evidence, rule, trust, AT_MS);
    expect(() => judge(report, ruleOf(), evidence)).toThrow(Problem);
    expect(() => judge(report, rule, evidenceOf([leaf]))).toThrow(Problem);
    expect(() => judge({ ...report }, rule, evidence)).toThrow(Problem);
  });

  it('binds the permit to the Evidence, for one use', () => {
    const evidence = evidenceOf([leaf]);
    const { verdict } = verify(evidence, trust);
    if (verdict.kind !== 'permit') throw new Error('expected a permit');
    expect(Permit.isGenuine(verdict.permit)).toBe(true);
    expect(() => verdict.permit.use(evidenceOf([leaf]))).toThrow(Problem);
    verdict.permit.use(evidence);
    expect(() => verdict.permit.use(evidence)).toThrow(Problem);
  });
});
