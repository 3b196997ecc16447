/**
 * Why there is no valid path to an anchor of the rule: the canonical diagnosis.
 *
 * Does: names the nearest miss. In this order: the budget ran out; a complete path to a configured anchor that does not
 * validate; a self-signed leaf; a path to a root that is known (public, system, our own CA) or was presented, but is
 * not configured; a path with exactly one signature that does not verify; a missing issuer.
 * Does not: allow anything. Roots that only explain are used only here.
 * Promise: junk in the presented list does not change the diagnosis. That is why a broken signature is named only when
 * the issuer itself leads to a known anchor by good signatures: anybody can forge a certificate with a CA's name.
 */
import { type Finding, finding } from '../model/finding.ts';
import type { Anchor } from '../pki/path/anchors.ts';
import type { FoundPath, Path, SearchResult } from '../pki/path/builder.ts';
import { judgeCertificate } from '../pki/path/certificate-rules.ts';
import { verifyLink } from '../pki/path/link.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { anchorsKey } from '../policy/policy.ts';
import type { Context } from './context.ts';
import { forbidden, searchPaths } from './search.ts';

export interface Failure {
  readonly findings: readonly [Finding, ...Finding[]];
  readonly path: Path | null;
}

export interface FailedSearch {
  readonly context: Context;
  readonly candidates: readonly Certificate[];
  readonly malformed: number;
  readonly result: SearchResult;
}

export function explainFailure(failed: FailedSearch): Failure {
  const { context, result } = failed;
  if (result.overrun) return { findings: [finding('chain.budget', {}), ...leafFindings(context, 'leaf')], path: null };
  const failure =
    fromNearest(result.nearest) ??
    fromSelfSigned(context) ??
    fromOtherRoot(failed) ??
    fromBrokenSignature(failed) ??
    fromMissingIssuer(failed);
  const own = forbiddenFindings(context, failure.path ?? [context.leaf]);
  return { findings: [...failure.findings, ...own], path: failure.path };
}

function fromNearest(nearest: FoundPath | null): Failure | null {
  const [first, ...others] = nearest?.findings ?? [];
  return nearest === null || first === undefined ? null : { findings: [first, ...others], path: nearest.path };
}

function fromSelfSigned(context: Context): Failure | null {
  const { leaf, trust } = context;
  if (!leaf.selfIssued || verifyLink(leaf, leaf, trust.signatures) !== 'verified') return null;
  const first = finding('chain.self-signed', { subject: leaf.subject.text });
  return { findings: [first, ...leafFindings(context, 'anchored-leaf')], path: [leaf] };
}

/** A complete path to a root that may not allow. */
function fromOtherRoot({ context, candidates }: FailedSearch): Failure | null {
  const presented = candidates.filter((candidate) => candidate.selfIssued).map(asAnchor);
  const own = (context.trust.ownCas ?? []).map(asAnchor);
  const sets = [...knownSets(context), bySubject(own), bySubject(presented)];
  const result = searchPaths(context, {
    candidates,
    anchors: union(sets),
    brokenLinks: 'drop',
    mayIssue: () => true,
    accept: () => true,
  });
  const found = result.accepted ?? result.nearest;
  if (found === null) return null;
  const root = found.anchor.certificate;
  const first = finding('chain.private-root', { root: root.subject.text, known: originOf(root, context) });
  return { findings: [first, ...found.findings], path: found.path };
}

function fromBrokenSignature({ context, candidates }: FailedSearch): Failure | null {
  let best: FoundPath | null = null;
  searchPaths(context, {
    candidates,
    anchors: union(knownSets(context)),
    brokenLinks: 'follow',
    mayIssue: () => true,
    accept: () => false,
    watch: (found) => {
      const broken = found.findings.filter((entry) => entry.code === 'chain.signature').length;
      if (broken === 1 && (best === null || found.findings.length < best.findings.length)) best = found;
    },
  });
  return fromNearest(best);
}

function fromMissingIssuer({ context, malformed, result }: FailedSearch): Failure {
  const stuck = result.stuck ?? context.leaf;
  const findings: Finding[] = leafFindings(context, 'leaf');
  const anchors = context.trust.malformedAnchors ?? 0;
  if (malformed + anchors > 0) findings.push(finding('chain.malformed-issuer', { malformed, anchors }));
  const first = finding('chain.incomplete', { subject: stuck.subject.text, missing: stuck.issuer.text });
  return { findings: [first, ...findings], path: null };
}

/** What can be said of the leaf without a path. */
function leafFindings(context: Context, role: 'leaf' | 'anchored-leaf'): Finding[] {
  const findings: Finding[] = [];
  judgeCertificate(context.leaf, { role, depth: 0, profile: 'private', atMs: context.seenAtMs }, findings);
  return findings;
}

/** Our own CA and denied keys on the path of the explanation. */
function forbiddenFindings(context: Context, path: Path): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [depth, certificate] of path.entries()) {
    const code = forbidden(context, certificate, depth === 0);
    if (code === null || findings.some((entry) => entry.code === code)) continue;
    findings.push(finding(code, { depth, subject: certificate.subject.text, key: `sha256/${certificate.spkiSha256}` }));
  }
  return findings;
}

type Lookup = { get(subjectKey: string): readonly Anchor[] | undefined };

function knownSets({ rule, trust }: Context): readonly Lookup[] {
  const sets = [trust.anchorSets.get(anchorsKey(rule.anchors)), trust.publicAnchors, trust.systemAnchors];
  return sets.flatMap((set) => (set === undefined || set === null ? [] : [set.bySubject]));
}

/** Several sets as one; the first to hold a certificate keeps its distrust date. */
function union(sets: readonly Lookup[]): Lookup {
  return {
    get: (subjectKey) => {
      const byDigest = new Map<string, Anchor>();
      for (const set of sets) {
        for (const anchor of set.get(subjectKey) ?? []) {
          if (!byDigest.has(anchor.certificate.der.sha256)) byDigest.set(anchor.certificate.der.sha256, anchor);
        }
      }
      return [...byDigest.values()];
    },
  };
}

function bySubject(anchors: readonly Anchor[]): Lookup {
  return { get: (subjectKey) => anchors.filter((anchor) => anchor.certificate.subject.key === subjectKey) };
}

function asAnchor(certificate: Certificate): Anchor {
  return { certificate, distrustAfterMs: null };
}

/** Where the explanation knows the root from. */
function originOf(root: Certificate, { trust }: Context): 'own' | 'public' | 'system' | 'presented' {
  if (trust.ownCaKeys.has(root.spkiSha256)) return 'own';
  const holds = (set: Lookup | undefined): boolean =>
    set?.get(root.subject.key)?.some((anchor) => anchor.certificate.spkiSha256 === root.spkiSha256) === true;
  if (holds(trust.publicAnchors.bySubject)) return 'public';
  return holds(trust.systemAnchors?.bySubject) ? 'system' : 'presented';
}
