/** The choice between several valid paths. The refusals are in examine.test.ts and explain-failure.test.ts. */
import { describe, expect, it } from 'vitest';
import { authority } from '../../support/test-ca.ts';
import { AT, evidenceOf, pinOf, ruleOf, say, trustOf, verify } from '../verify-cases.ts';

const one = authority({ cn: 'One', at: AT });
const two = authority({ cn: 'Two', at: AT });
const inter = one.issueCa({ cn: 'Inter' });
const leaf = inter.issueLeaf({ dns: ['good.test'] });
const chain = [leaf, inter, two.crossSign(inter)];
const stranger = authority({ cn: 'Stranger', at: AT });

describe('of several valid paths', () => {
  it('one must satisfy everything the rule asks', () => {
    const trust = trustOf({ anchors: [one, two], publicRoots: [two] });
    const rule = (pinned: typeof one) =>
      ruleOf({ pins: { anyOf: [pinOf(pinned)], noneOf: [] }, checks: { publicRoot: 'require' } });
    expect(say(verify(evidenceOf(chain), trust, rule(two)))).toBe('allow');
    // The pin is on one path and the public root on the other: no path has both.
    const split = verify(evidenceOf(chain), trust, rule(one));
    expect(split.verdict.verdict).toBe('block');
    expect(split.report.findings).toHaveLength(1);
  });

  it('the one with the fewest failures is reported', () => {
    const trust = trustOf({ anchors: [one, two], publicRoots: [two] });
    const rule = ruleOf({ pins: { anyOf: [pinOf(stranger)], noneOf: [] }, checks: { publicRoot: 'require' } });
    const { report } = verify(evidenceOf(chain), trust, rule);
    expect(report.findings.map((entry) => entry.code)).toEqual(['pin.mismatch']);
    expect(report.path?.at(-1)?.subject.text).toBe('CN=Two');
  });
});

it('a search that ran out of its budget blocks although a valid path was seen', () => {
  const nodes = Array.from({ length: 8 }, (_, index) => authority({ cn: `Node ${index}`, at: AT }));
  const web = nodes.flatMap((a) => nodes.filter((b) => b !== a).map((b) => a.crossSign(b)));
  const below = nodes[0]!.issueLeaf({ dns: ['good.test'] });
  const trust = trustOf({ anchors: [nodes[0]!] });
  expect(say(verify(evidenceOf([below, ...web]), trust))).toBe('allow');
  const rule = ruleOf({ onFailure: 'alert', pins: { anyOf: [pinOf(stranger)], noneOf: [] } });
  expect(say(verify(evidenceOf([below, ...web]), trust, rule))).toBe('block chain.budget');
});
