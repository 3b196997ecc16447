/** Certificate policies of RFC 5280 §6.1 over chains of real certificates; each case is a path, leaf first. */
import { describe, expect, it } from 'vitest';
import * as der from '../../../src/pki/der/writer.ts';
import { judgePolicies } from '../../../src/pki/path/policies.ts';
import { extension, type RawExtension } from '../../support/extensions.ts';
import { authority } from '../../support/test-ca.ts';
import { parsed } from './path-cases.ts';

const A = '1.3.6.1.4.1.99999.1';
const B = '1.3.6.1.4.1.99999.2';
const ANY = '2.5.29.32.0';

interface Member {
  readonly policies?: readonly string[];
  /** requireExplicitPolicy, inhibitPolicyMapping. */
  readonly constraints?: readonly [number | null, number | null];
  readonly inhibitAny?: number;
  readonly mappings?: readonly (readonly [string, string])[];
  /** Same name as the issuer, with another key. */
  readonly selfIssued?: boolean;
}

const number = (tag: number, value: number | null) =>
  value === null ? [] : [der.contextPrimitive(tag, Buffer.from([value]))];

function extensionsOf(member: Member): RawExtension[] {
  const list: RawExtension[] = [];
  if (member.constraints !== undefined) {
    const [explicit, mapping] = member.constraints;
    list.push(extension('2.5.29.36', true, der.sequence(...number(0, explicit), ...number(1, mapping))));
  }
  if (member.inhibitAny !== undefined) list.push(extension('2.5.29.54', true, der.integer(member.inhibitAny)));
  if (member.mappings !== undefined) {
    const pairs = member.mappings.map(([from, to]) => der.sequence(der.oid(from), der.oid(to)));
    list.push(extension('2.5.29.33', true, der.sequence(...pairs)));
  }
  return list;
}

/** `top` is the anchor; the last of `members` is the leaf. */
function judge(top: Member, ...members: readonly Member[]): string | null {
  const policiesOf = (member: Member) => (member.policies === undefined ? {} : { policies: member.policies });
  let issuer = authority({ cn: 'Root', ...policiesOf(top), extensions: extensionsOf(top) });
  const path = [parsed(issuer.der)];
  for (const [index, member] of members.entries()) {
    const name = member.selfIssued === true ? { subject: issuer.subject } : { cn: `Member ${index}` };
    const spec = { ...name, ...policiesOf(member), extensions: extensionsOf(member) };
    issuer = index === members.length - 1 ? issuer.issueLeaf(spec) : issuer.issueCa(spec);
    path.unshift(parsed(issuer.der));
  }
  return judgePolicies(path);
}

const explicit: Member['constraints'] = [0, null];

describe('policies that forbid a path', () => {
  it.each<readonly [string, readonly [Member, ...Member[]]]>([
    ['explicit policy, and the leaf has none', [{}, { policies: [A], constraints: explicit }, {}]],
    ['explicit policy, and the leaf has another', [{}, { policies: [A], constraints: explicit }, { policies: [B] }]],
    ['explicit policy, and the issuer has none', [{ constraints: explicit }, {}, { policies: [A] }]],
    [
      'the anchor demands one of its own',
      [{ policies: [A], constraints: explicit }, { policies: [B] }, { policies: [B] }],
    ],
    ['the leaf itself demands one', [{}, {}, { constraints: explicit }]],
    ['explicit policy after one more certificate', [{}, { constraints: [1, null] }, {}, {}]],
    ['anyPolicy is inhibited', [{}, { policies: [ANY], constraints: explicit, inhibitAny: 0 }, { policies: [ANY] }]],
    [
      'anyPolicy is inhibited below the next',
      [{}, { policies: [A], constraints: explicit, inhibitAny: 1 }, { policies: [A] }, { policies: [ANY] }],
    ],
    [
      'a mapping is inhibited',
      [{}, { policies: [A], constraints: [0, 0] }, { policies: [A], mappings: [[A, B]] }, { policies: [B] }],
    ],
    [
      'a mapped policy is used under its old name',
      [{}, { policies: [A], constraints: explicit, mappings: [[A, B]] }, { policies: [A] }],
    ],
    [
      'nothing remains after a mapping was deleted',
      [{}, { policies: [A], constraints: [0, 0], mappings: [[A, B]] }, { policies: [A] }],
    ],
  ])('%s', (_, [top, ...members]) => {
    expect(judge(top, ...members)).toBe('no-valid-policy');
  });

  it('maps from or to anyPolicy', () => {
    expect(judge({}, { policies: [A], mappings: [[A, ANY]] }, { policies: [A] })).toBe('mapping-of-any-policy');
    expect(judge({}, { policies: [A], mappings: [[ANY, A]] }, {})).toBe('mapping-of-any-policy');
  });
});

describe('policies that allow a path', () => {
  it.each<readonly [string, readonly [Member, ...Member[]]]>([
    ['none at all', [{}, {}, {}]],
    ['different ones that nobody demands', [{}, { policies: [A] }, { policies: [B] }]],
    ['explicit policy, and all agree', [{}, { policies: [A, B], constraints: explicit }, { policies: [B] }]],
    ['explicit policy under anyPolicy', [{}, { policies: [ANY], constraints: explicit }, { policies: [B] }]],
    ['anyPolicy of the leaf', [{}, { policies: [A], constraints: explicit }, { policies: [ANY] }]],
    [
      'anyPolicy of a self-issued issuer although it is inhibited',
      [
        {},
        { policies: [A], constraints: explicit, inhibitAny: 0 },
        { policies: [ANY], selfIssued: true },
        { policies: [A] },
      ],
    ],
    ['a mapped policy', [{}, { policies: [A], constraints: explicit, mappings: [[A, B]] }, { policies: [B] }]],
    [
      'a policy mapped under anyPolicy, to two',
      [
        {},
        {
          policies: [ANY],
          constraints: explicit,
          mappings: [
            [A, B],
            [A, '1.2.3'],
          ],
        },
        { policies: ['1.2.3'] },
      ],
    ],
    ['a mapping of a policy that is not valid', [{}, { policies: [A], mappings: [[B, A]] }, { policies: [A] }]],
    ['explicit policy that is not reached', [{}, { constraints: [3, null] }, {}, {}]],
    ['a path of one', [{}]],
  ])('%s', (_, [top, ...members]) => {
    expect(judge(top, ...members)).toBeNull();
  });
});

it('takes time in proportion to the certificates, not to the tree', () => {
  // Every policy mapped to every other one at every level: the tree of §6.1.2 would have 20^8 leaves.
  const all = Array.from({ length: 20 }, (_, index) => `1.3.6.1.4.1.99999.${index}`);
  const mappings = all.flatMap((from) => all.map((to) => [from, to] as const));
  const level: Member = { policies: all, mappings };
  const levels = Array.from({ length: 8 }, () => level);
  expect(judge({}, { ...level, constraints: explicit }, ...levels, { policies: [all[3]!] })).toBeNull();
});
