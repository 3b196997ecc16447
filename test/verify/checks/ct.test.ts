/** The words of CT as outcomes; what makes a certificate compliant is tested in pki/ct. */
import { describe, expect, it } from 'vitest';
import type { Requirement } from '../../../src/model/outcome.ts';
import type { LogList } from '../../../src/pki/ct/log-list.ts';
import { embeddedScts, parsedList, testLog } from '../../support/ct-log.ts';
import { authority, type Issued } from '../../support/test-ca.ts';
import { AT, AT_MS, DAY_MS, evidenceOf, ruleOf, say, trustOf, verify } from '../verify-cases.ts';

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

  it('passes when it is logged, and is not asked of private CAs', () => {
    expect(judge(logged, 'require')).toBe('allow');
    expect(judge(bare, 'require', list, [])).toBe('allow');
  });
});
