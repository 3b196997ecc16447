import { describe, expect, it } from 'vitest';
import { authority } from '../../support/test-ca.ts';
import { AT, DAY_MS, evidenceOf, ruleOf, trustOf, verify } from '../verify-cases.ts';

const root = authority({ cn: 'Root', at: AT, notBefore: '2015-01-01T00:00:00Z', notAfter: '2040-01-01T00:00:00Z' });
const rule = ruleOf({ checks: { lifetime: 'require' } });

/** A leaf of `days`, both ends included, issued at `from`, on its first day. */
function judge(from: string, days: number, publicRoots = [root]) {
  const notBefore = Date.parse(from);
  const leaf = root.issueLeaf({ dns: ['good.test'], notBefore, notAfter: notBefore + days * DAY_MS - 1000 });
  const evidence = evidenceOf([leaf], { seenAtMs: notBefore });
  return verify(evidence, trustOf({ anchors: [root], publicRoots }), rule).report.outcomes.lifetime;
}

describe('lifetime', () => {
  it.each([
    ['2019-01-01T00:00:00Z', 825],
    ['2020-09-01T00:00:00Z', 398],
    ['2026-03-14T23:59:59Z', 398],
    ['2026-03-15T00:00:00Z', 200],
    ['2027-03-15T00:00:00Z', 100],
    ['2029-03-15T00:00:00Z', 47],
  ])('from %s on is %i days at most', (from, days) => {
    expect(judge(from, days)).toMatchObject({ is: 'pass', facts: { days, limitDays: days } });
    expect(judge(from, days + 1)).toMatchObject({ is: 'fail', findings: [{ code: 'lifetime.too-long' }] });
  });

  it('is not asked of private CAs', () => {
    expect(judge('2026-04-01T00:00:00Z', 3650, [])).toEqual({ is: 'skipped', why: 'not-public' });
  });
});
