import { describe, expect, it } from 'vitest';
import { isPublicAnchor } from '../../../src/verify/checks/public-root.ts';
import { authority } from '../../support/test-ca.ts';
import { AT, certificateOf, evidenceOf, ruleOf, say, trustOf, verify } from '../verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const namesake = authority({ cn: 'Root', at: AT });
const leaf = root.issueLeaf({ dns: ['good.test'] });
const anchor = { certificate: certificateOf(root), distrustAfterMs: null };

describe('publicRoot', () => {
  it('fails for a private anchor, also one that has the name of a public one', () => {
    const rule = ruleOf({ checks: { publicRoot: 'require' } });
    for (const publicRoots of [[], [namesake]]) {
      const trust = trustOf({ anchors: [root], publicRoots });
      expect(say(verify(evidenceOf([leaf]), trust, rule))).toBe('block public-root.private');
      expect(isPublicAnchor(anchor, trust)).toBe(false);
    }
  });

  it('passes for a public anchor, and for the same key issued anew', () => {
    const anew = authority({ cn: 'Root', at: AT, key: root.key, serial: 99 });
    const rule = ruleOf({ checks: { publicRoot: 'require' } });
    for (const publicRoots of [[root], [anew]]) {
      const trust = trustOf({ anchors: [root], publicRoots });
      expect(say(verify(evidenceOf([leaf]), trust, rule))).toBe('allow');
    }
  });

  it('makes the search go on to a public anchor', () => {
    const inter = root.issueCa({ cn: 'Inter' });
    const open = authority({ cn: 'Open', at: AT });
    const trust = trustOf({ anchors: [root, open], publicRoots: [open] });
    const chain = [inter.issueLeaf({ dns: ['good.test'] }), inter, open.crossSign(inter)];
    const { report } = verify(evidenceOf(chain), trust, ruleOf({ checks: { publicRoot: 'require' } }));
    expect(report.path?.at(-1)?.subject.text).toBe('CN=Open');
  });
});
