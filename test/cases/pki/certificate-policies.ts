/**
 * Certificate policies, by the rules of RFC 5280 §6.1: paths from the anchor down, and what they are valid for.
 * `fault`: with the initial set {anyPolicy}. `holds`: which of A, B and C the path is valid for when a rule asks for that
 * one; a policy is named in the terms of the anchor, so below a mapping another one stands for it.
 */

export const A = '1.3.6.1.4.1.99999.1';
export const B = '1.3.6.1.4.1.99999.2';
export const C = '1.3.6.1.4.1.99999.3';
export const ANY = '2.5.29.32.0';

/** One certificate of a path. */
export interface Member {
  readonly policies?: readonly string[];
  /** requireExplicitPolicy, inhibitPolicyMapping. */
  readonly constraints?: readonly [number | null, number | null];
  readonly inhibitAny?: number;
  readonly mappings?: readonly (readonly [string, string])[];
  /** Same name as the issuer, with another key. */
  readonly selfIssued?: boolean;
}

export interface PolicyCase {
  readonly name: string;
  /** Anchor first, leaf last. */
  readonly path: readonly [Member, ...Member[]];
  readonly fault: 'no-valid-policy' | 'mapping-of-any-policy' | null;
  readonly holds: string;
}

const of = (...policies: readonly string[]): Member => ({ policies });
const EXPLICIT = { constraints: [0, null] } as const;
const self = (member: Member): Member => ({ ...member, selfIssued: true });
const maps = (member: Member, ...mappings: readonly (readonly [string, string])[]): Member => ({ ...member, mappings });
const explicitAfter = (skip: number, member: Member = {}): Member => ({ ...member, constraints: [skip, null] });
const mappingAfter = (skip: number, member: Member = {}): Member => ({ ...member, constraints: [0, skip] });
const anyAfter = (skip: number, member: Member = {}): Member => ({ ...member, inhibitAny: skip });

type Row = readonly [name: string, path: PolicyCase['path'], holds: string, fault?: PolicyCase['fault']];

/** What a certificate asserts. */
const ASSERTED: readonly Row[] = [
  ['all assert one', [{}, of(A), of(A)], 'A'],
  ['all assert several', [{}, of(A, B, C), of(A, B, C)], 'ABC'],
  ['the leaf asserts some of several', [{}, of(A, B, C), of(A, B)], 'AB'],
  ['each level asserts less', [{}, of(A, B, C), of(A, B), of(A), of(A)], 'A'],
  ['each level has one in common, but not the same', [{}, of(A, B), of(B, C), of(A, C)], ''],
  ['nobody asserts any', [{}, {}, {}], ''],
  ['only the leaf asserts one', [{}, {}, of(A)], ''],
  ['only the issuer asserts one', [{}, of(A), {}], ''],
  ['the leaf asserts another', [{}, of(A), of(B)], ''],
  ['a level between asserts none', [{}, of(A), {}, of(A)], ''],
  ['a level between asserts another', [{}, of(A), of(B), of(A)], ''],
  ['the issuer allows every policy', [{}, of(ANY), of(A)], 'A'],
  ['the leaf asserts every policy', [{}, of(A), of(ANY)], 'A'],
  ['all assert every policy', [{}, of(ANY), of(ANY)], 'ABC'],
  ['the leaf asserts one and every policy', [{}, of(A, B), of(A, ANY)], 'AB'],
  ['every policy becomes one between', [{}, of(ANY), of(B), of(ANY)], 'B'],
  ['the anchor asserts one, and others are asserted below it', [of(A), of(A, B), of(B)], ''],
  ['the anchor asserts what is asserted below it', [of(A), of(A, B), of(A, B)], 'A'],
  ['a path of one that asserts one', [of(A)], 'A'],
  ['a path of one that asserts none', [{}], ''],
];

/** requireExplicitPolicy (§4.2.1.11): the path itself asks for some policy. */
const EXPLICIT_POLICY: readonly Row[] = [
  ['asked for at once, and there is one', [{}, { ...of(A), ...EXPLICIT }, of(A)], 'A'],
  ['asked for at once, and there is none', [{}, EXPLICIT, {}], '', 'no-valid-policy'],
  ['asked for at once, and it is another', [{}, { ...of(A), ...EXPLICIT }, of(B)], '', 'no-valid-policy'],
  ['asked for by the leaf itself', [{}, {}, EXPLICIT], '', 'no-valid-policy'],
  ['asked for by the leaf itself, which asserts one', [{}, of(A), { ...of(A), ...EXPLICIT }], 'A'],
  ['asked for below where the path ends', [{}, explicitAfter(3), {}, {}], ''],
  ['asked for after one, where the leaf stands', [{}, explicitAfter(1), {}, {}], '', 'no-valid-policy'],
  ['the smaller number counts', [{}, explicitAfter(7), explicitAfter(1), explicitAfter(4), {}], '', 'no-valid-policy'],
  ['self-issued certificates are not counted', [{}, explicitAfter(2), self({}), {}], ''],
  ['others in their place are', [{}, explicitAfter(2), {}, {}], '', 'no-valid-policy'],
  ['asked for by the anchor', [{ ...of(A), ...EXPLICIT }, of(B), of(B)], '', 'no-valid-policy'],
];

/** Mappings (§6.1.4 (a), (b)): the issuer's name for a policy, and the subject's. */
const MAPPING: readonly Row[] = [
  ['to another, which the leaf asserts', [{}, maps(of(A), [A, B]), of(B)], 'A'],
  ['to another, and the leaf asserts the old name', [{}, maps({ ...of(A), ...EXPLICIT }, [A, B]), of(A)], '', 'no-valid-policy'],
  ['twice', [{}, maps(of(A), [A, B]), maps(of(B), [B, C]), of(C)], 'A'],
  ['there and back', [{}, maps(of(A), [A, B]), maps(of(B), [B, A]), of(A)], 'A'],
  ['two that change places', [{}, maps(of(A, B), [A, B], [B, A]), of(B)], 'A'],
  ['one to two', [{}, maps(of(A), [A, B], [A, C]), of(C)], 'A'],
  ['two to one', [{}, maps(of(A, B), [A, C], [B, C]), of(C)], 'AB'],
  ['to one that is asserted for itself too', [{}, maps(of(A, B), [A, B]), of(B)], 'AB'],
  ['one of two', [{}, maps(of(A, B), [A, C]), of(B)], 'B'],
  ['of a policy that is not valid here', [{}, maps(of(A), [B, C]), of(A, C)], 'A'],
  ['under every policy', [{}, maps(of(ANY), [A, B]), of(B)], 'A'],
  ['under every policy, and the leaf asserts what is not mapped', [{}, maps(of(ANY), [A, B]), of(C)], 'C'],
  ['under every policy, and the leaf asserts every policy', [{}, maps(of(ANY), [A, B]), of(ANY)], 'ABC'],
  ['by a self-issued certificate', [{}, of(A), self(maps(of(A), [A, B])), of(B)], 'A'],
  ['from every policy', [{}, maps(of(A), [ANY, A]), of(A)], '', 'mapping-of-any-policy'],
  ['to every policy', [{}, maps(of(A), [A, ANY]), of(A)], '', 'mapping-of-any-policy'],
];

/** inhibitPolicyMapping (§4.2.1.11): a mapping that is not allowed deletes its policy. */
const INHIBIT_MAPPING: readonly Row[] = [
  ['at once', [{}, mappingAfter(0, of(A)), maps(of(A), [A, B]), of(B)], '', 'no-valid-policy'],
  ['and the old name is gone as well', [{}, mappingAfter(0, of(A)), maps(of(A), [A, B]), of(A)], '', 'no-valid-policy'],
  ['and others stay', [{}, mappingAfter(0, of(A, C)), maps(of(A, C), [A, B]), of(C)], 'C'],
  ['after one, which may map', [{}, mappingAfter(1, of(A)), maps(of(A), [A, B]), of(B)], 'A'],
  [
    'after one, and the next maps again',
    [{}, mappingAfter(1, of(A)), maps(of(A), [A, B]), maps(of(B), [B, C]), of(C)],
    '',
    'no-valid-policy',
  ],
  [
    'self-issued certificates are not counted',
    [{}, mappingAfter(1, of(A)), self(of(A)), maps(of(A), [A, B]), of(B)],
    'A',
  ],
  [
    'self-issued certificates are bound',
    [{}, mappingAfter(0, of(A)), self(maps(of(A), [A, B])), of(B)],
    '',
    'no-valid-policy',
  ],
];

/** inhibitAnyPolicy (§4.2.1.14). */
const INHIBIT_ANY: readonly Row[] = [
  ['at once', [{}, anyAfter(0, { ...of(A), ...EXPLICIT }), of(ANY)], '', 'no-valid-policy'],
  ['at once, beside one that is named', [{}, anyAfter(0, of(A, B)), of(A, ANY)], 'A'],
  ['after one, which may assert it', [{}, anyAfter(1, of(A)), of(ANY), of(A)], 'A'],
  ['after one, and the leaf asserts it', [{}, anyAfter(1, { ...of(A), ...EXPLICIT }), of(A), of(ANY)], '', 'no-valid-policy'],
  ['the smaller number counts', [{}, anyAfter(5, of(A)), anyAfter(0, of(A)), of(ANY)], ''],
  ['a self-issued issuer may assert it all the same', [{}, anyAfter(0, of(A)), self(of(ANY)), of(A)], 'A'],
  ['self-issued certificates are not counted', [{}, anyAfter(1, of(A)), self(of(A)), of(ANY), of(A)], 'A'],
  ['a self-issued leaf may not', [{}, anyAfter(0, { ...of(A), ...EXPLICIT }), self(of(ANY))], '', 'no-valid-policy'],
];

const named = (group: string, rows: readonly Row[]): readonly PolicyCase[] =>
  rows.map(([name, path, holds, fault = null]) => ({ name: `${group}: ${name}`, path, holds, fault }));

export const POLICY_CASES: readonly PolicyCase[] = [
  ...named('asserted', ASSERTED),
  ...named('explicit policy', EXPLICIT_POLICY),
  ...named('mapping', MAPPING),
  ...named('inhibited mapping', INHIBIT_MAPPING),
  ...named('inhibited anyPolicy', INHIBIT_ANY),
];
