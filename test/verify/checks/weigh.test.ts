import { describe, expect, it } from 'vitest';
import { finding } from '../../../src/model/finding.ts';
import type { Outcome } from '../../../src/model/outcome.ts';
import { fail, failWith, weigh } from '../../../src/verify/checks/weigh.ts';

const absent: Outcome = { is: 'absent', why: 'no-crl', facts: { crls: [] } };
const onAbsent = (why: string) => (why === 'no-crl' ? 'crl.missing' : 'crl.stale');

describe('weigh', () => {
  it('does not judge what is off', () => {
    const never = (): Outcome => {
      throw new Error('judged');
    };
    expect(weigh('off', never, onAbsent)).toEqual({ is: 'skipped', why: 'off' });
  });

  it('turns absence into failure only when the check is required', () => {
    expect(weigh('require', () => absent, onAbsent)).toMatchObject({
      is: 'fail',
      why: 'missing',
      findings: [{ code: 'crl.missing', facts: { why: 'no-crl', crls: [] } }],
    });
    expect(weigh('if-present', () => absent, onAbsent)).toBe(absent);
  });

  it('leaves every other outcome as it is', () => {
    const outcomes: readonly Outcome[] = [{ is: 'pass' }, fail('crl.revoked'), { is: 'skipped', why: 'short-lived' }];
    for (const outcome of outcomes) {
      for (const word of ['require', 'if-present'] as const) expect(weigh(word, () => outcome, onAbsent)).toBe(outcome);
    }
  });
});

it('failWith names the outcome after its first finding', () => {
  const findings = [finding('pin.mismatch'), finding('pin.expired')] as const;
  expect(failWith(findings, { a: 1 })).toEqual({ is: 'fail', why: 'mismatch', findings, facts: { a: 1 } });
});
