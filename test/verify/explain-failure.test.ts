/**
 * The diagnosis does not depend on what an upstream pads its list with: each story keeps its verdict and headline under
 * permutation, duplication and junk.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authority, forgeIssuer, type Issued, selfSigned } from '../support/test-ca.ts';
import { AT, AT_MS, evidenceOf, pinOf, type RuleChanges, ruleOf, trustOf, verify } from './verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter' });
const leaf = inter.issueLeaf({ dns: ['good.test'] });
const stranger = authority({ cn: 'Stranger', at: AT });
const rogue = authority({ cn: 'Rogue', at: AT });
const rogueInter = rogue.issueCa({ cn: 'Rogue Inter' });
const trust = trustOf({ anchors: [root] });

interface Story {
  readonly name: string;
  readonly chain: readonly [Issued, ...Issued[]];
  readonly rule?: RuleChanges;
  readonly says: string;
}

const stories: readonly Story[] = [
  { name: 'good', chain: [leaf, inter], says: 'allow null' },
  { name: 'no intermediate', chain: [leaf], says: 'block chain.incomplete' },
  {
    name: 'expired leaf',
    chain: [inter.issueLeaf({ dns: ['good.test'], notAfter: AT_MS - 1000 }), inter],
    says: 'block chain.expired',
  },
  {
    name: 'expired leaf, no intermediate',
    chain: [inter.issueLeaf({ dns: ['good.test'], notAfter: AT_MS - 1000 })],
    says: 'block chain.expired',
  },
  {
    name: 'broken signature',
    chain: [inter.issueLeaf({ dns: ['good.test'], broken: 'flipped' }), inter],
    says: 'block chain.signature',
  },
  {
    name: 'private root',
    chain: [rogueInter.issueLeaf({ dns: ['good.test'] }), rogueInter, rogue],
    says: 'block chain.private-root',
  },
  { name: 'self-signed', chain: [selfSigned({ dns: ['good.test'], at: AT })], says: 'block chain.self-signed' },
  {
    name: 'wrong pin',
    chain: [leaf, inter],
    rule: { pins: { anyOf: [pinOf(stranger)], noneOf: [] } },
    says: 'block pin.mismatch',
  },
  {
    name: 'denied key of an issuer',
    chain: [leaf, inter],
    rule: { pins: { anyOf: [], noneOf: [pinOf(inter)] } },
    says: 'block pin.denied',
  },
  {
    name: 'denied key of the leaf',
    chain: [leaf, inter],
    rule: { pins: { anyOf: [], noneOf: [pinOf(leaf, { scope: 'leaf' })] } },
    says: 'block pin.denied',
  },
];

const junk: readonly (Issued | Buffer)[] = [
  stranger,
  stranger.issueCa({ cn: 'Inter 2' }),
  stranger.crossSign(rogue, { ca: false }),
  forgeIssuer(inter, stranger.spki),
  forgeIssuer(root, stranger.spki),
  forgeIssuer(rogue, stranger.spki),
  forgeIssuer(rogueInter, stranger.spki),
  selfSigned({ dns: ['good.test'], at: AT }),
  Buffer.from('3003020100', 'hex'),
];

describe('the answer stays the same under permutation, duplication and junk', () => {
  it.each(stories)('$name', ({ chain, rule, says }) => {
    const [first, ...rest] = chain;
    const use = ruleOf(rule);
    const answer = (list: readonly (Issued | Buffer)[]): string => {
      const { verdict } = verify(evidenceOf(list), trust, use);
      return `${verdict.verdict} ${verdict.code}`;
    };
    expect(answer(chain)).toBe(says);
    const pool = [...junk, ...junk, ...chain, ...rest];
    const indices = fc.shuffledSubarray(pool.map((_, index) => index));
    fc.assert(
      fc.property(indices, fc.nat(), (chosen, at) => {
        const padding = chosen.map((index) => pool[index]!);
        const cut = at % (padding.length + 1);
        expect(answer([first, ...padding.slice(0, cut), ...rest, ...padding.slice(cut)])).toBe(says);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a denied key', () => {
  const denyRoot = ruleOf({ pins: { anyOf: [], noneOf: [pinOf(root)] } });

  it('prunes its edge and nothing else', () => {
    const other = authority({ cn: 'Other', at: AT });
    const both = trustOf({ anchors: [root, other] });
    const { verdict, report } = verify(evidenceOf([leaf, inter, other.crossSign(inter)]), both, denyRoot);
    expect(verdict.verdict).toBe('allow');
    expect(report.path?.at(-1)?.subject.text).toBe('CN=Other');
  });

  it('is told apart from a chain that is wrong anyway', () => {
    const expired = inter.issueLeaf({ dns: ['good.test'], notAfter: AT_MS - 1000 });
    const { report } = verify(evidenceOf([expired, inter]), trust, denyRoot);
    expect(report.findings.map((entry) => entry.code)).toEqual(['pin.denied', 'chain.expired']);
    expect(report.path).toBeNull();
  });

  it('shows on the path to a root that is not configured', () => {
    const denyRogue = ruleOf({ pins: { anyOf: [], noneOf: [pinOf(rogue)] } });
    const { verdict } = verify(
      evidenceOf([rogueInter.issueLeaf({ dns: ['good.test'] }), rogueInter, rogue]),
      trust,
      denyRogue,
    );
    expect(verdict.code).toBe('pin.denied');
  });

  it('leaves a valid path to be reported, with the key that is denied', () => {
    const { report } = verify(evidenceOf([leaf, inter]), trust, denyRoot);
    expect(report.path).toHaveLength(3);
    expect(report.outcomes.chain.is).toBe('pass');
    expect(report.findings).toMatchObject([{ code: 'pin.denied', facts: { subject: 'CN=Root' } }]);
  });
});

it('a web of cross-signs blocks with its own code', () => {
  const tops = Array.from({ length: 8 }, (_, index) => authority({ cn: `Node ${index}`, at: AT }));
  const web = tops.flatMap((one) => tops.filter((two) => two !== one).map((two) => one.crossSign(two)));
  const lost = tops[0]!.issueLeaf({ dns: ['good.test'] });
  expect(verify(evidenceOf([lost, ...web]), trust).verdict.code).toBe('chain.budget');
});
