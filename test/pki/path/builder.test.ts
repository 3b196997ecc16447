/** Path search: what must not be found first, then what must, and that the order of presentation never matters. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../src/pki/path/budget.ts';
import type { FoundPath } from '../../../src/pki/path/builder.ts';
import { authority, forgeIssuer, type Issued } from '../../support/test-ca.ts';
import { codesOf, parsed, search } from './path-cases.ts';

const AT = '2026-06-15T12:00:00Z';
const AT_MS = Date.parse(AT);

const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter' });
const leaf = inter.issueLeaf({ dns: ['good.test'] });

const find = (chain: readonly Issued[], anchors: readonly Issued[], more: Partial<Parameters<typeof search>[0]> = {}) =>
  search({
    leaf: parsed(chain[0]!.der),
    candidates: chain.slice(1).map((one) => parsed(one.der)),
    anchors: anchors.map((one) => parsed(one.der)),
    atMs: AT_MS,
    ...more,
  });

const names = (found: FoundPath | null) => found?.path.map((one) => one.subject.text.replace('CN=', '')) ?? null;

/** n names, each certified by every other one with two keys, none of them by the root. */
function web(size: number): readonly Issued[] {
  const tops = Array.from({ length: size }, (_, index) => authority({ cn: `Node ${index}`, at: AT }));
  return tops.flatMap((one) => tops.filter((other) => other !== one).map((other) => one.crossSign(other)));
}

describe('budget', () => {
  it('ends a web of cross-signs and says so', () => {
    const nodes = web(8);
    const below = nodes[0]!.issueLeaf({ dns: ['good.test'] });
    const result = find([below, ...nodes], [root]);
    expect(result).toMatchObject({ accepted: null, overrun: true });
  });

  it('ends many issuers with one name', () => {
    const same = Array.from({ length: 80 }, () => authority({ cn: 'Inter', at: AT }));
    const orphan = authority({ cn: 'Inter', at: AT }).issueLeaf({ dns: ['good.test'] });
    expect(find([orphan, ...same], [root])).toMatchObject({ accepted: null, overrun: true });
    // One key counts once, however many certificates carry it.
    const copies = Array.from({ length: 80 }, (_, index) => root.crossSign(same[0]!, { serial: index + 1 }));
    expect(find([orphan, ...copies], [root])).toMatchObject({ accepted: null, overrun: false });
  });

  it('cuts paths that are too deep', () => {
    const chain: Issued[] = [root];
    for (let depth = 0; depth < LIMITS.maxDepth; depth++) chain.push(chain.at(-1)!.issueCa({ cn: `Level ${depth}` }));
    const deep = chain.at(-1)!.issueLeaf({ dns: ['good.test'] });
    expect(find([deep, ...chain], [root])).toMatchObject({ accepted: null, overrun: true });
    const fits = chain.at(-3)!.issueLeaf({ dns: ['good.test'] });
    expect(find([fits, ...chain], [root]).accepted?.path).toHaveLength(LIMITS.maxDepth);
  });

  it('fits a chain of the dearest keys', () => {
    const top = authority({ cn: 'Top', at: AT, key: 'p521' });
    const upper = top.issueCa({ cn: 'Upper', key: 'p521' });
    const lower = upper.issueCa({ cn: 'Lower', key: 'p521' });
    const below = lower.issueLeaf({ dns: ['good.test'] });
    expect(find([below, lower, upper], [top]).accepted?.path).toHaveLength(4);
  });

  it('never verifies with a key that is out of bounds', () => {
    const limits = { ...LIMITS, maxCost: 0.5 };
    expect(find([leaf, inter], [root], { limits })).toMatchObject({ accepted: null, overrun: true });
    const small = root.issueCa({ cn: 'Small', key: 'rsa1024' });
    const below = small.issueLeaf({ dns: ['good.test'] });
    const result = find([below, small], [root], { limits: { ...LIMITS, maxCost: 1 } });
    expect(result.overrun).toBe(false);
    expect(codesOf(result.nearest!.findings)).toEqual(['chain.weak-key', 'chain.weak-signature']);
  });
});

describe('loops and dead ends', () => {
  it('walks no certificate twice', () => {
    const a = authority({ cn: 'A', at: AT });
    const b = authority({ cn: 'B', at: AT });
    const loop = [a.crossSign(b), b.crossSign(a)];
    const below = a.issueLeaf({ dns: ['good.test'] });
    expect(find([below, ...loop], [root])).toMatchObject({ accepted: null, overrun: false });
    expect(names(find([below, ...loop, root.crossSign(b)], [root]).accepted)).toEqual(['good.test', 'A', 'B', 'Root']);
  });

  it('says where it got stuck', () => {
    const result = find([leaf, inter], []);
    expect(result).toMatchObject({ accepted: null, nearest: null, overrun: false });
    expect(result.stuck?.subject.text).toBe('CN=Inter');
  });

  it('does not let an issuer be used that may not issue', () => {
    const result = find([leaf, inter], [root], { mayIssue: (one) => one.subject.text !== 'CN=Inter' });
    expect(result).toMatchObject({ accepted: null, pruned: true });
  });
});

describe('backtracking', () => {
  it('goes on after a forged issuer, an expired cross-sign and an old key', () => {
    const forged = forgeIssuer(inter, authority({ cn: 'x', at: AT }).spki);
    expect(names(find([leaf, forged, inter], [root]).accepted)).toEqual(['good.test', 'Inter', 'Root']);
    const old = authority({ cn: 'Old Root', at: AT });
    const expired = old.crossSign(root, { notAfter: AT_MS - 1000 });
    expect(names(find([leaf, inter, expired], [old, root]).accepted)).toEqual(['good.test', 'Inter', 'Root']);
    const nextKey = authority({ cn: 'Root', at: AT });
    const rollover = root.crossSign(nextKey);
    const below = nextKey.issueLeaf({ dns: ['good.test'] });
    expect(names(find([below, rollover], [root]).accepted)).toEqual(['good.test', 'Root', 'Root']);
  });

  it('goes on until the caller accepts', () => {
    const other = authority({ cn: 'Other Root', at: AT });
    const chain = [leaf, inter, other.crossSign(root)];
    const seen: (readonly string[] | null)[] = [];
    const result = find(chain, [root, other], {
      accept: (found) => {
        seen.push(names(found));
        return found.anchor.certificate.subject.text === 'CN=Other Root';
      },
    });
    expect(seen).toEqual([
      ['good.test', 'Inter', 'Root'],
      ['good.test', 'Inter', 'Root', 'Other Root'],
    ]);
    expect(result.accepted?.path).toHaveLength(4);
    expect(find(chain, [root, other], { accept: () => false }).accepted).toBeNull();
  });

  it('takes anchors before what was presented', () => {
    expect(names(find([leaf, inter, root], [root, inter]).accepted)).toEqual(['good.test', 'Inter']);
  });
});

it('finds the same path however the list is permuted, doubled or padded', () => {
  const other = authority({ cn: 'Other Root', at: AT });
  const twin = root.crossSign(inter, { notBefore: '2026-06-01T00:00:00Z', serial: 77 });
  const useful = [inter, twin, root, other.crossSign(root), other.crossSign(inter)];
  const junk = [...web(3), forgeIssuer(inter, other.spki), forgeIssuer(root, other.spki), leaf];
  const expected = find([leaf, ...useful], [root, other]);
  const order = fc.shuffledSubarray(
    [...useful, ...useful, ...junk].map((_, index) => index),
    { minLength: 0 },
  );
  fc.assert(
    fc.property(order, (indices) => {
      const all = [...useful, ...useful, ...junk];
      const extra = indices.map((index) => all[index]!);
      const missing = useful.filter((one) => !extra.includes(one));
      const result = find([leaf, ...extra, ...missing], [root, other]);
      expect(result.overrun).toBe(false);
      expect(result.accepted?.path.map((one) => one.der.sha256)).toEqual(
        expected.accepted?.path.map((one) => one.der.sha256),
      );
    }),
    { numRuns: 60 },
  );
});
