import { describe, expect, it } from 'vitest';
import { CHECKS } from '../../src/model/outcome.ts';
import { evidenceOf, ruleOf, say, trustOf, verify } from './verify-cases.ts';

const trust = trustOf({});
const plain = evidenceOf([], { assurance: 'none', protocol: 'http', tlsVersion: null });

describe('a plain HTTP request', () => {
  it.each([
    ['block', {}],
    ['whatever a failure does', { onFailure: 'alert' }],
    ['whatever the floor is', { unsafeFloor: { action: 'alert', reason: 'x', untilMs: Number.POSITIVE_INFINITY } }],
    ['in bypass too', { mode: 'bypass' }],
  ] as const)('is blocked by a rule that demands TLS: %s', (_what, changes) => {
    expect(say(verify(plain, trust, ruleOf({ plaintext: 'block', ...changes })))).toBe('block plaintext.denied');
  });

  it('is let through by one that allows it, with nothing judged', () => {
    const judged = verify(plain, trust, ruleOf({ plaintext: 'allow' }));
    expect(say(judged)).toBe('allow');
    for (const check of CHECKS) expect(judged.report.outcomes[check]).toEqual({ is: 'skipped', why: 'plaintext' });
  });

  it('is what the evidence says it is, and not what it lacks', () => {
    const unseen = evidenceOf([], { assurance: 'none', tlsVersion: null });
    expect(say(verify(unseen, trust, ruleOf({ plaintext: 'allow' })))).toBe('block chain.empty');
  });
});
