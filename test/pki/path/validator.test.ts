/** Validation of one path; what single certificates must satisfy is in certificate-rules.test.ts. */
import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../src/pki/path/budget.ts';
import type { Path } from '../../../src/pki/path/builder.ts';
import { validatePath } from '../../../src/pki/path/validator.ts';
import { createSignatureMemory } from '../../../src/pki/x509/signature.ts';
import { authority, type Issued } from '../../support/test-ca.ts';
import { codesOf, parsed } from './path-cases.ts';

const AT = '2026-06-15T12:00:00Z';
const AT_MS = Date.parse(AT);
const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter' });
const leaf = inter.issueLeaf({ dns: ['good.test'] });

function codes(members: readonly Issued[], distrustAfterMs: number | null = null): readonly string[] {
  const path = members.map((one) => parsed(one.der)) as unknown as Path;
  const findings = validatePath(
    path,
    { certificate: path.at(-1)!, distrustAfterMs },
    { atMs: AT_MS, memory: createSignatureMemory(10), budget: createBudget(), profile: () => 'private' },
  );
  return codesOf(findings);
}

describe('validatePath', () => {
  it('refuses members that do not belong together', () => {
    expect(codes([leaf, root])).toEqual(['chain.incomplete']);
    expect(codes([leaf, authority({ cn: 'Inter', at: AT })])).toEqual(['chain.signature']);
  });

  it('collects everything that is wrong', () => {
    const bad = root.issueCa({ cn: 'Bad', ca: false, notAfter: AT_MS - 1000 });
    const below = bad.issueLeaf({ dns: ['good.test'], broken: 'flipped', key: 'rsa1024' });
    expect([...codes([below, bad, root])].sort()).toEqual([
      'chain.expired',
      'chain.invalid-ca',
      'chain.signature',
      'chain.weak-key',
    ]);
  });

  it('counts the path length without leaf and self-issued issuers', () => {
    const short = authority({ cn: 'Short', at: AT, pathLength: 1 });
    const one = short.issueCa({ cn: 'One' });
    const rollover = one.issueCa({ subject: one.subject });
    const two = rollover.issueCa({ cn: 'Two' });
    expect(codes([rollover.issueLeaf({ dns: ['a.test'] }), rollover, one, short])).toEqual([]);
    expect(codes([two.issueLeaf({ dns: ['a.test'] }), two, rollover, one, short])).toEqual(['chain.path-length']);
  });

  it('demands of what an issuer signs the TLS features that it has itself', () => {
    const demanding = root.issueCa({ cn: 'Demanding', tlsFeatures: [5] });
    const named = (tlsFeatures?: readonly number[]) =>
      demanding.issueLeaf({ dns: ['a.test'], ...(tlsFeatures && { tlsFeatures }) });
    for (const less of [named(), named([17])]) expect(codes([less, demanding, root])).toEqual(['chain.tls-features']);
    for (const enough of [named([5]), named([17, 5])]) expect(codes([enough, demanding, root])).toEqual([]);
    // The issuer in between must have them too, and an anchor binds like any other.
    const forgetful = demanding.issueCa({ cn: 'Forgetful' });
    const below = forgetful.issueLeaf({ dns: ['a.test'], tlsFeatures: [5] });
    expect(codes([below, forgetful, demanding, root])).toEqual(['chain.tls-features']);
    expect(codes([below, forgetful, demanding])).toEqual(['chain.tls-features']);
  });

  it('refuses leaves issued after the distrust of their anchor', () => {
    const issuedMs = parsed(leaf.der).notBeforeMs;
    expect(codes([leaf, inter, root], issuedMs - 1)).toEqual(['chain.distrusted']);
    expect(codes([leaf, inter, root], issuedMs)).toEqual([]);
  });

  it('accepts a version 1 anchor and refuses a version 1 issuer', () => {
    const plain = { version: 1, ca: null, keyUsage: null, subjectKeyId: null, authorityKeyId: null } as const;
    const old = authority({ cn: 'Old', at: AT, ...plain });
    expect(codes([old.issueLeaf({ dns: ['good.test'] }), old])).toEqual([]);
    const oldInter = root.issueCa({ cn: 'Old Inter', ...plain });
    expect(codes([oldInter.issueLeaf({ dns: ['good.test'] }), oldInter, root])).toEqual(['chain.invalid-ca']);
  });
});
