/**
 * Path validation (RFC 5280 §6.1) over one candidate path.
 *
 * Does: collects everything that is wrong with the path; an empty answer is the only "valid".
 * Does not: search, match host names, match pins, or ask about revocation and CT.
 * Additional to RFC 5280: see certificate-rules.ts for what a single certificate must satisfy.
 * Anchors: the last certificate of the path. Its dates, constraints and policies bind the path; its signature is not
 * looked at. An anchor with a distrust date allows only leaves issued up to that date.
 * The caller must: hand in an anchor that was configured, never one that a peer presented.
 */
import { type Finding, finding } from '../../model/finding.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { SignatureMemory } from '../x509/signature.ts';
import type { Anchor } from './anchors.ts';
import type { Budget } from './budget.ts';
import type { Path } from './builder.ts';
import { at, judgeCertificate, type Profile, type Role } from './certificate-rules.ts';
import { verifyLink } from './link.ts';
import { judgeNames } from './path-names.ts';
import { judgePolicies } from './policies.ts';

export interface Circumstances {
  /** The time at which validity periods are judged, milliseconds since the epoch. */
  readonly atMs: number;
  readonly memory: SignatureMemory;
  /** Charged for comparisons of names. */
  readonly budget: Budget;
  readonly profile: (anchor: Anchor) => Profile;
}

/** Everything wrong with `path`, anchor first; empty: the path is valid. */
export function validatePath(path: Path, anchor: Anchor, circumstances: Circumstances): readonly Finding[] {
  const findings: Finding[] = [];
  const profile = circumstances.profile(anchor);
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const role = roleOf(depth, path.length);
    judgeCertificate(path[depth]!, { role, depth, profile, atMs: circumstances.atMs }, findings);
    if (depth < path.length - 1) judgeLink(path[depth]!, path[depth + 1]!, depth, circumstances.memory, findings);
  }
  judgePathLength(path, findings);
  judgeFeatures(path, findings);
  judgeNames(path, circumstances.budget, findings);
  const policyFault = judgePolicies(path);
  if (policyFault !== null) findings.push(finding('chain.policy', { why: policyFault }));
  judgeDistrust(path[0], anchor, findings);
  return findings;
}

function roleOf(depth: number, length: number): Role {
  if (length === 1) return 'anchored-leaf';
  if (depth === 0) return 'leaf';
  return depth === length - 1 ? 'anchor' : 'issuer';
}

/** §6.1.3 (a) (1) and (4): the signature, and issuer equal to subject. */
function judgeLink(
  child: Certificate,
  issuer: Certificate,
  depth: number,
  memory: SignatureMemory,
  findings: Finding[],
): void {
  if (child.issuer.key !== issuer.subject.key) {
    findings.push(at('chain.incomplete', child, { depth }, { why: 'issuer-name' }));
    return;
  }
  switch (verifyLink(child, issuer, memory)) {
    case 'verified':
      return;
    case 'failed':
      findings.push(at('chain.signature', child, { depth }));
      return;
    case 'weak':
    case 'unknown-algorithm':
      findings.push(at('chain.weak-signature', child, { depth }, { algorithm: child.signatureAlgorithm.oid }));
      return;
  }
}

/** §6.1.4 (l), (m): self-issued issuers are not counted; neither is the leaf. */
function judgePathLength(path: Path, findings: Finding[]): void {
  let left = Number.POSITIVE_INFINITY;
  for (let depth = path.length - 1; depth > 0; depth--) {
    const certificate = path[depth]!;
    if (depth < path.length - 1 && !certificate.selfIssued) {
      if (left <= 0) {
        findings.push(at('chain.path-length', certificate, { depth }));
        return;
      }
      left -= 1;
    }
    left = Math.min(left, certificate.extensions.basicConstraints?.pathLength ?? left);
  }
}

/** An issuer with TLS features signs only certificates that have them too (RFC 7633 §4.2.2). */
function judgeFeatures(path: Path, findings: Finding[]): void {
  for (let depth = path.length - 2; depth >= 0; depth--) {
    const child = path[depth]!;
    const own = child.extensions.tlsFeatures ?? [];
    const missing = path[depth + 1]!.extensions.tlsFeatures?.filter((feature) => !own.includes(feature)) ?? [];
    if (missing.length > 0) findings.push(at('chain.tls-features', child, { depth }, { missing: missing.map(String) }));
  }
}

/** Roots that browsers wind down stay trusted for what they issued before a date. */
function judgeDistrust(leaf: Certificate, anchor: Anchor, findings: Finding[]): void {
  if (anchor.distrustAfterMs === null || leaf.notBeforeMs <= anchor.distrustAfterMs) return;
  findings.push(
    finding('chain.distrusted', {
      anchor: anchor.certificate.subject.text,
      distrustAfter: new Date(anchor.distrustAfterMs).toISOString(),
    }),
  );
}
