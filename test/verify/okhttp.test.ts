/**
 * Pins against chains that attackers arrange: the seven situations that OkHttp's certificate pinner learned from,
 * re-created with certificates of our own. The pin must be matched on the path that was verified, and only there.
 */
import { describe, expect, it } from 'vitest';
import { authority, type Issued, selfSigned } from '../support/test-ca.ts';
import { AT, evidenceOf, pinOf, ruleOf, say, trustOf, verify } from './verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const goodInter = root.issueCa({ cn: 'Good Issuing' });
const goodLeaf = goodInter.issueLeaf({ dns: ['good.test'] });
const compromised = root.issueCa({ cn: 'Compromised Issuing' });
const attackerLeaf = compromised.issueLeaf({ dns: ['good.test'] });
const trust = trustOf({ anchors: [root] });

const judged = (pinned: Issued, chain: readonly Issued[], anchors = trust): string =>
  say(verify(evidenceOf(chain), anchors, ruleOf({ pins: { anyOf: [pinOf(pinned)], noneOf: [] } })));

describe('pins', () => {
  it('are matched by a root that the server did not send', () => {
    expect(judged(root, [goodLeaf, goodInter])).toBe('allow');
  });

  it('are matched by an intermediate of the path', () => {
    expect(judged(goodInter, [goodLeaf, goodInter])).toBe('allow');
  });

  it('are not matched by an unrelated pinned leaf in the list', () => {
    expect(judged(goodLeaf, [attackerLeaf, compromised, goodLeaf, goodInter])).toBe('block pin.mismatch');
  });

  it('are not matched by an unrelated pinned intermediate in the list', () => {
    expect(judged(goodInter, [attackerLeaf, compromised, goodInter])).toBe('block pin.mismatch');
  });

  it('are not reached through a signer without the CA bit', () => {
    // The attacker's intermediate and a leaf of the good one share a key: by names and signatures alone, a second
    // path leads through the pinned intermediate.
    const attackerSwitch = goodInter.issueLeaf({ cn: 'Attacker', key: compromised.key, subject: compromised.subject });
    expect(judged(goodInter, [attackerLeaf, compromised, attackerSwitch, goodInter])).toBe('block pin.mismatch');
    expect(judged(goodInter, [attackerLeaf, attackerSwitch, goodInter, compromised])).toBe('block pin.mismatch');
  });

  it('are not reached through more intermediates than their signer allows', () => {
    const limited = root.issueCa({ cn: 'Limited Issuing', pathLength: 0 });
    const attackerInter = limited.issueCa({ cn: 'Attacker', key: compromised.key, subject: compromised.subject });
    expect(judged(limited, [attackerLeaf, attackerInter, limited, compromised])).toBe('block pin.mismatch');
    expect(judged(limited, [attackerLeaf, attackerInter, limited])).toBe('block chain.path-length');
  });

  it('do not replace trust: a lone pinned certificate passes only as an anchor', () => {
    const alone = selfSigned({ dns: ['good.test'], at: AT });
    expect(judged(alone, [alone])).toBe('block chain.self-signed');
    expect(judged(alone, [alone], trustOf({ anchors: [alone] }))).toBe('allow');
  });

  it('are looked for on every valid path', () => {
    const other = authority({ cn: 'Other Root', at: AT });
    const both = trustOf({ anchors: [root, other] });
    const chain = [goodLeaf, goodInter, other.crossSign(goodInter)];
    expect(judged(root, chain, both)).toBe('allow');
    expect(judged(other, chain, both)).toBe('allow');
    expect(judged(compromised, chain, both)).toBe('block pin.mismatch');
  });
});
