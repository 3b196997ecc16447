/** Certificate policies of RFC 5280 §6.1 over chains of real certificates, and against the tree of its text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as der from '../../../src/pki/der/writer.ts';
import { holdsOneOf, judgePolicies } from '../../../src/pki/path/policies.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { A, ANY, B, C, type Member, POLICY_CASES } from '../../cases/pki/certificate-policies.ts';
import { extension, type RawExtension } from '../../support/extensions.ts';
import { authority } from '../../support/test-ca.ts';
import { parsed } from './path-cases.ts';
import { growTree } from './policy-tree.ts';

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

/** Real certificates, leaf first. */
function minted([top, ...members]: readonly [Member, ...Member[]]): readonly Certificate[] {
  const policiesOf = (member: Member) => (member.policies === undefined ? {} : { policies: member.policies });
  let issuer = authority({ cn: 'Root', ...policiesOf(top), extensions: extensionsOf(top) });
  const path = [parsed(issuer.der)];
  for (const [index, member] of members.entries()) {
    const name = member.selfIssued === true ? { subject: issuer.subject } : { cn: `Member ${index}` };
    const spec = { ...name, ...policiesOf(member), extensions: extensionsOf(member) };
    issuer = index === members.length - 1 ? issuer.issueLeaf(spec) : issuer.issueCa(spec);
    path.unshift(parsed(issuer.der));
  }
  return path;
}

describe.each(POLICY_CASES)('$name', ({ path, fault, holds }) => {
  const certificates = minted(path);
  const one = (policy: string): boolean => holdsOneOf(certificates, new Set([policy]));

  it(`${fault ?? 'allows the path'}; valid for ${holds === '' ? 'none' : holds.split('').join(', ')}`, () => {
    expect(judgePolicies(certificates)).toBe(fault);
    const valid = Object.entries({ A, B, C }).filter(([, policy]) => one(policy));
    expect(valid.map(([name]) => name).join('')).toBe(holds);
  });

  it('is valid for one of several, and for some policy, as for each alone', () => {
    expect(holdsOneOf(certificates, new Set([A, B, C]))).toBe(holds !== '');
    expect(holdsOneOf(certificates, new Set())).toBe(holdsOneOf(certificates, new Set(['1.2.3'])));
    if (holds !== '') expect(holdsOneOf(certificates, new Set([ANY]))).toBe(true);
    const tree = growTree(path);
    expect(tree.fault).toBe(fault);
    expect(
      Object.entries({ A, B, C })
        .filter(([, policy]) => tree.holds([policy]))
        .map(([name]) => name)
        .join(''),
    ).toBe(holds);
  });
});

/** What the judgement reads of a certificate. */
function asCertificate({ policies, constraints, inhibitAny, mappings, selfIssued }: Member): Certificate {
  const extensions = {
    ...(policies === undefined ? {} : { certificatePolicies: policies.map((oid) => ({ oid })) }),
    ...(constraints === undefined
      ? {}
      : { policyConstraints: { requireExplicit: constraints[0], inhibitMapping: constraints[1] } }),
    ...(inhibitAny === undefined ? {} : { inhibitAnyPolicy: inhibitAny }),
    ...(mappings === undefined ? {} : { policyMappings: mappings.map(([issuer, subject]) => ({ issuer, subject })) }),
  };
  return { extensions, selfIssued: selfIssued === true } as unknown as Certificate;
}

it('answers as the tree of the RFC does, for any path and any policies asked for', () => {
  const policy = fc.constantFrom(A, B, C);
  const asserted = fc.uniqueArray(fc.constantFrom(A, B, C, ANY, ANY), { minLength: 1, maxLength: 3 });
  const skip = fc.option(fc.nat({ max: 3 }), { freq: 2 });
  const member: fc.Arbitrary<Member> = fc.record(
    {
      policies: asserted,
      constraints: fc.tuple(skip, skip),
      inhibitAny: fc.nat({ max: 3 }),
      mappings: fc.array(fc.tuple(policy, policy), { minLength: 1, maxLength: 3 }),
      selfIssued: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  // Most certificates of most paths assert something: without that, few paths would be valid for anything.
  const likely = fc.tuple(member, asserted).map(([one, policies]): Member => ({ policies, ...one }));
  const path = fc.tuple(member, fc.array(fc.oneof({ weight: 4, arbitrary: likely }, member), { maxLength: 4 }));
  const seen = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(path, fc.uniqueArray(fc.constantFrom(A, B, C, ANY), { maxLength: 2 }), ([top, below], asked) => {
      const members = [top, ...below];
      const certificates = members.map(asCertificate).toReversed();
      const tree = growTree(members);
      expect(judgePolicies(certificates)).toBe(tree.fault);
      expect(holdsOneOf(certificates, new Set(asked))).toBe(tree.holds(asked));
      seen[tree.holds(asked) ? 'valid' : 'invalid'] += 1;
    }),
    { numRuns: 5_000 },
  );
  expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(250);
});

it('takes time in proportion to the certificates, not to the tree', () => {
  // Every policy mapped to every other one at every level: the tree of §6.1.2 would have 20^8 leaves.
  const all = Array.from({ length: 20 }, (_, index) => `1.3.6.1.4.1.99999.${index}`);
  const mappings = all.flatMap((from) => all.map((to) => [from, to] as const));
  const level: Member = { policies: all, mappings };
  const levels = Array.from({ length: 8 }, () => level);
  const path = minted([{}, { ...level, constraints: [0, null] }, ...levels, { policies: [all[3]!] }]);
  expect(judgePolicies(path)).toBeNull();
  expect(holdsOneOf(path, new Set([all[17]!]))).toBe(true);
  expect(holdsOneOf(path, new Set(['1.2.3']))).toBe(false);
});
