import { describe, expect, it } from 'vitest';
import { checkCertificatePolicies } from '../../../src/verify/checks/certificate-policies.ts';
import { authority } from '../../support/test-ca.ts';
import { AT, AT_MS, evidenceOf, pinOf, ruleOf, say, trustOf, verify } from '../verify-cases.ts';

const DV = '2.23.140.1.2.1';
const OV = '2.23.140.1.2.2';
const EV = '2.23.140.1.1';
const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter', policies: [DV, OV] });
const leaf = inter.issueLeaf({ dns: ['good.test'], policies: [DV] });
const trust = trustOf({ anchors: [root] });
const asking = (certificatePolicies: readonly string[], more: Parameters<typeof ruleOf>[0] = {}) =>
  ruleOf({ certificatePolicies, ...more });

describe('certificate policies', () => {
  it('fail when none of those that the rule asks for holds, and say which do', () => {
    const judged = verify(evidenceOf([leaf, inter]), trust, asking([OV, EV]));
    expect(say(judged)).toBe('block certificate-policy.missing');
    expect(judged.report.findings).toEqual([
      { code: 'certificate-policy.missing', facts: { expected: [OV, EV], asserted: [DV] } },
    ]);
    expect(judged.report.path).toHaveLength(3);
  });

  it('are above the floor: onFailure decides', () => {
    const rule = asking([OV], { onFailure: 'alert' });
    expect(say(verify(evidenceOf([leaf, inter]), trust, rule))).toBe('alert certificate-policy.missing');
  });

  it('pass when one of them holds, and are not judged when none is asked for', () => {
    expect(say(verify(evidenceOf([leaf, inter]), trust, asking([OV, DV])))).toBe('allow');
    const judged = verify(evidenceOf([leaf, inter]), trust);
    expect(judged.report.outcomes.certificatePolicies).toEqual({ is: 'skipped', why: 'off' });
  });

  it('are those of the whole path, not what the leaf says of itself', () => {
    const narrow = root.issueCa({ cn: 'Narrow', policies: [DV] });
    const boasting = narrow.issueLeaf({ dns: ['good.test'], policies: [EV, DV] });
    expect(say(verify(evidenceOf([boasting, narrow]), trust, asking([EV])))).toBe('block certificate-policy.missing');
    const silent = root.issueCa({ cn: 'Silent' });
    const alone = silent.issueLeaf({ dns: ['good.test'], policies: [EV] });
    expect(say(verify(evidenceOf([alone, silent]), trust, asking([EV])))).toBe('block certificate-policy.missing');
  });

  it('make the search go on to a path that they hold for, wherever it stands in the list', () => {
    // The same issuer, certified twice: one certificate forgot the policy.
    const without = root.issueCa({ cn: 'Inter', key: inter.key, policies: [DV] });
    const both = inter.issueLeaf({ dns: ['good.test'], policies: [OV] });
    for (const chain of [
      [both, without, inter],
      [both, inter, without],
    ]) {
      const judged = verify(evidenceOf(chain), trust, asking([OV]));
      expect(say(judged)).toBe('allow');
      expect(judged.report.path?.[1]?.extensions.certificatePolicies).toHaveLength(2);
    }
    expect(say(verify(evidenceOf([both, without]), trust, asking([OV])))).toBe('block certificate-policy.missing');
  });

  it('must hold on the same path as the pins', () => {
    const other = authority({ cn: 'Other', at: AT });
    const crossed = other.issueCa({ cn: 'Inter', key: inter.key, policies: [EV] });
    const anchors = trustOf({ anchors: [root, other] });
    const evidence = evidenceOf([inter.issueLeaf({ dns: ['good.test'], policies: [EV, OV] }), inter, crossed]);
    const pinned = (policy: string) => asking([policy], { pins: { anyOf: [pinOf(root)], noneOf: [] } });
    expect(say(verify(evidence, anchors, pinned(OV)))).toBe('allow');
    expect(say(verify(evidence, anchors, pinned(EV)))).toMatch(/^block (?:certificate-policy\.missing|pin\.mismatch)$/);
  });

  it('are still asked for when the floor is lowered and there is no path', () => {
    const unsafeFloor = { action: 'alert', reason: 'r', untilMs: AT_MS + 1 } as const;
    const rule = asking([DV], { unsafeFloor });
    expect(say(verify(evidenceOf([leaf]), trustOf({}), rule))).toBe('block certificate-policy.missing');
    expect(checkCertificatePolicies({ rule, found: null })).toMatchObject({ is: 'fail', why: 'missing' });
  });
});
