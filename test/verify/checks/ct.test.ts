/** The words of CT as outcomes; what makes a certificate compliant is tested in pki/ct. */
import { describe, expect, it } from 'vitest';
import { Der } from '../../../src/model/der.ts';
import type { Requirement } from '../../../src/model/outcome.ts';
import type { LogList } from '../../../src/pki/ct/log-list.ts';
import { x509Entry } from '../../../src/pki/ct/precert.ts';
import type { CtProfile } from '../../../src/pki/ct/quota.ts';
import { embeddedScts, parsedList, sctList, testLog } from '../../support/ct-log.ts';
import { ocspResponse, ocspScts } from '../../support/ocsp-responder.ts';
import { authority, type Issued } from '../../support/test-ca.ts';
import { AT, AT_MS, certificateOf, DAY_MS, evidenceOf, ruleOf, say, trustOf, verify } from '../verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter' });
const [one, two, other] = [testLog({ operator: 'One' }), testLog({ operator: 'Two' }), testLog({ operator: 'One' })];
const list = parsedList([one, two, other], AT_MS - DAY_MS);
const leafWith = (...logs: (typeof one)[]) =>
  inter.issueLeaf({ dns: ['good.test'], sctList: embeddedScts(logs, AT_MS - DAY_MS) });
const logged = leafWith(one, two);
const bare = inter.issueLeaf({ dns: ['good.test'] });

function judge(leaf: Issued, word: Requirement, logList: LogList | null = list, publicRoots = [root]): string {
  const trust = trustOf({ anchors: [root], publicRoots }, { logList });
  return say(verify(evidenceOf([leaf, inter]), trust, ruleOf({ checks: { ct: word } })));
}

/** Under a profile of the operator's, with a staple that may carry timestamps. */
function judgeBy(profile: CtProfile, leaf: Issued, staple: Buffer | null = null, maxListAgeMs = 70 * DAY_MS): string {
  const changes = { logList: list, ct: { profile, maxListAgeMs } };
  const evidence = evidenceOf([leaf, inter], staple === null ? {} : { staple: Der.of(staple) });
  const trust = trustOf({ anchors: [root], publicRoots: [root] }, changes);
  return say(verify(evidence, trust, ruleOf({ checks: { ct: 'require' } })));
}

const stapled = (leaf: Issued, broken = false) => {
  const list = sctList(...[one, two].map((log) => log.sct(x509Entry(certificateOf(leaf)), AT_MS - DAY_MS)));
  const single = { certificate: leaf, issuer: inter, extensions: [ocspScts(list)] };
  return ocspResponse(inter, [single], { atMs: AT_MS, broken });
};

describe('ct', () => {
  it('fails for timestamps that do not suffice', () => {
    expect(judge(leafWith(one), 'if-present')).toBe('block ct.not-enough-scts');
    expect(judge(leafWith(one, other), 'if-present')).toBe('block ct.not-diverse');
    expect(judge(leafWith(testLog(), testLog()), 'if-present')).toBe('block ct.no-known-log');
    const junk = inter.issueLeaf({ dns: ['good.test'], sctList: Buffer.from('junk') });
    expect(judge(junk, 'if-present')).toBe('block ct.invalid');
  });

  it('is absent without timestamps or a usable list, which require turns into a failure', () => {
    expect(judge(bare, 'if-present')).toBe('allow');
    expect(judge(bare, 'require')).toBe('block ct.no-scts');
    const stale = parsedList([one, two], AT_MS - 71 * DAY_MS);
    for (const held of [null, stale]) {
      expect(judge(logged, 'if-present', held)).toBe('allow');
      expect(judge(logged, 'require', held)).toBe('block ct.unavailable');
    }
  });

  it('counts by the profile of the operator', () => {
    const custom = { name: 'custom', minScts: 1, minOperators: 1, lifetimeDays: null } as const;
    expect(judgeBy(custom, leafWith(one))).toBe('allow');
    expect(judgeBy({ ...custom, lifetimeDays: 30 }, leafWith(one))).toBe('block ct.not-enough-scts');
    expect(judgeBy({ ...custom, minOperators: 2 }, leafWith(one, other))).toBe('block ct.not-diverse');
    expect(judgeBy({ name: 'apple' }, leafWith(one, other))).toBe('block ct.not-diverse');
    expect(judgeBy(custom, leafWith(one), null, DAY_MS / 2)).toBe('block ct.unavailable');
  });

  it('counts timestamps of a good staple, but not for Chrome', () => {
    for (const profile of [
      { name: 'apple' },
      { name: 'custom', minScts: 2, minOperators: 2, lifetimeDays: null },
    ] as const) {
      expect(judgeBy(profile, bare, stapled(bare))).toBe('allow');
      expect(judgeBy(profile, bare, stapled(bare, true))).toBe('block ct.no-scts');
      expect(judgeBy(profile, bare, stapled(logged))).toBe('block ct.no-scts');
    }
    expect(judgeBy({ name: 'chrome' }, bare, stapled(bare))).toBe('block ct.no-scts');
  });

  it('passes when it is logged, and is not asked of private CAs', () => {
    expect(judge(logged, 'require')).toBe('allow');
    expect(judge(bare, 'require', list, [])).toBe('allow');
  });
});
