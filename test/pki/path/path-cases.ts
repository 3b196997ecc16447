/** What the tests of path building share: searching a list of certificates for a path to given anchors. */
import type { Finding } from '../../../src/model/finding.ts';
import { type Anchor, buildAnchorSet } from '../../../src/pki/path/anchors.ts';
import { createBudget, type Limits } from '../../../src/pki/path/budget.ts';
import { type FoundPath, findPath, type SearchResult } from '../../../src/pki/path/builder.ts';
import type { Profile } from '../../../src/pki/path/certificate-rules.ts';
import { validatePath } from '../../../src/pki/path/validator.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { parseCertificate } from '../../../src/pki/x509/parse.ts';
import { createSignatureMemory } from '../../../src/pki/x509/signature.ts';

export interface Ask {
  readonly leaf: Certificate;
  readonly candidates: readonly Certificate[];
  readonly anchors: readonly (Certificate | Anchor)[];
  readonly atMs: number;
  readonly profile?: Profile;
  readonly limits?: Limits;
  readonly brokenLinks?: 'drop' | 'follow';
  readonly mayIssue?: (certificate: Certificate) => boolean;
  readonly accept?: (found: FoundPath) => boolean;
}

export function search(ask: Ask): SearchResult {
  const memory = createSignatureMemory(1000);
  const budget = createBudget(ask.limits);
  return findPath({
    leaf: ask.leaf,
    candidates: ask.candidates,
    anchors: buildAnchorSet('test', ask.anchors).bySubject,
    atMs: ask.atMs,
    budget,
    memory,
    brokenLinks: ask.brokenLinks ?? 'drop',
    mayIssue: ask.mayIssue ?? (() => true),
    judge: (path, anchor) =>
      validatePath(path, anchor, { atMs: ask.atMs, memory, budget, profile: () => ask.profile ?? 'private' }),
    accept: ask.accept ?? (() => true),
  });
}

/** Parses, or fails the test. */
export function parsed(der: Uint8Array): Certificate {
  const answer = parseCertificate(der);
  if (!answer.ok) throw new Error(`does not parse: ${answer.why}`);
  return answer.value;
}

export function codesOf(findings: readonly Finding[]): readonly string[] {
  return findings.map((entry) => entry.code);
}
