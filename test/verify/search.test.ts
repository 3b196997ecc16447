import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/verify/context.ts';
import { forbidden, searchPaths } from '../../src/verify/search.ts';
import { authority } from '../support/test-ca.ts';
import { AT, AT_MS, certificateOf, evidenceOf, pinOf, ruleOf, trustOf } from './verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const bare = root.issueLeaf({ dns: ['good.test'], extendedKeyUsage: null });

function contextOf(publicRoots: readonly (typeof root)[]): Context {
  const rule = ruleOf({ pins: { anyOf: [], noneOf: [pinOf(root, { scope: 'ca' })] } });
  const trust = trustOf({ anchors: [root], publicRoots, own: authority({ cn: 'Own', at: AT }) });
  return { evidence: evidenceOf([bare]), rule, trust, nowMs: AT_MS, seenAtMs: AT_MS, leaf: certificateOf(bare) };
}

describe('searchPaths', () => {
  it('judges below a public anchor by the stricter profile', () => {
    const found = (context: Context) =>
      searchPaths(context, {
        candidates: [],
        anchors: context.trust.anchorSets.get('system')!.bySubject,
        brokenLinks: 'drop',
        mayIssue: () => true,
        accept: () => true,
      }).accepted;
    expect(found(contextOf([]))).not.toBeNull();
    expect(found(contextOf([root]))).toBeNull();
  });
});

describe('forbidden', () => {
  it('knows the own CA anywhere and denied keys in their scope', () => {
    const context = contextOf([]);
    const [own] = context.trust.ownCas ?? [];
    expect(forbidden(context, own!, true)).toBe('chain.own-ca');
    expect(forbidden(context, certificateOf(root), false)).toBe('pin.denied');
    expect(forbidden(context, certificateOf(root), true)).toBeNull();
    expect(forbidden(context, certificateOf(bare), true)).toBeNull();
  });
});
