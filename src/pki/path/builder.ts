/**
 * Path building: a depth-first search with backtracking over every path from a leaf to an anchor.
 *
 * Does: tries anchors before other candidates, follows only links whose signature verifies, has each complete path
 * judged, and goes on until `accept` takes one or none is left. `accept` can only narrow: it never sees a path that
 * did not validate.
 * Does not: decide what a valid path is (validator.ts) nor which paths a rule wants.
 * Promise: the order of the search depends on the certificates, not on the order in which a peer presented them.
 * Duplicates are dropped and a certificate that is no issuer by name costs nothing, so that permuting, duplicating or
 * padding the presented list changes nothing, not even under the budget.
 */
import type { Finding } from '../../model/finding.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { SignatureMemory } from '../x509/signature.ts';
import type { Anchor } from './anchors.ts';
import type { Budget } from './budget.ts';
import { linkCost, linkName, verifyLink } from './link.ts';

/** Leaf first, anchor last; a leaf that is itself an anchor is a path of one. */
export type Path = readonly [Certificate, ...Certificate[]];

export interface FoundPath {
  readonly path: Path;
  readonly anchor: Anchor;
  /** Empty: the path is valid. */
  readonly findings: readonly Finding[];
}

export interface Search {
  readonly leaf: Certificate;
  /** Possible intermediates, in any order, with duplicates. */
  readonly candidates: readonly Certificate[];
  /** Anchors by subject name key. */
  readonly anchors: { get(subjectKey: string): readonly Anchor[] | undefined };
  /** Only for the order of the search: issuers valid at this time come first. */
  readonly atMs: number;
  readonly budget: Budget;
  readonly memory: SignatureMemory;
  /** `follow`: a link whose signature does not verify is walked all the same, to explain; the validator still fails it. */
  readonly brokenLinks: 'drop' | 'follow';
  /** False prunes an issuer. */
  readonly mayIssue: (certificate: Certificate) => boolean;
  readonly judge: (path: Path, anchor: Anchor) => readonly Finding[];
  /** Called with each valid path; true ends the search. */
  readonly accept: (found: FoundPath) => boolean;
}

export interface SearchResult {
  readonly accepted: FoundPath | null;
  /** Of the complete paths that did not validate, the one with the fewest findings; the first of equals. */
  readonly nearest: FoundPath | null;
  /** The certificate farthest from the leaf for which no issuer was found; null: every branch got further. */
  readonly stuck: Certificate | null;
  /** An issuer was pruned by `mayIssue`. */
  readonly pruned: boolean;
  /** The budget ended the search, or a path was cut at the greatest depth. */
  readonly overrun: boolean;
}

export function findPath(search: Search): SearchResult {
  const bySubject = indexCandidates(search);
  const state: State = { accepted: null, nearest: null, pruned: false, stuck: null, stuckDepth: 0 };
  /** True ends the search. */
  const complete = (path: Path, anchor: Anchor): boolean => {
    if (!search.budget.takePath()) return true;
    const found: FoundPath = { path, anchor, findings: search.judge(path, anchor) };
    if (found.findings.length === 0) {
      if (!search.accept(found)) return false;
      state.accepted = found;
      return true;
    }
    if (state.nearest === null || found.findings.length < state.nearest.findings.length) state.nearest = found;
    return false;
  };
  /** True ends the search. */
  const extend = (path: Path): boolean => {
    const child = path[path.length - 1]!;
    let followed = false;
    for (const { certificate, anchor } of issuersOf(child, bySubject, search)) {
      if (isLoop(path, certificate)) continue;
      if (!search.budget.takeEdge()) return true;
      if (!search.mayIssue(certificate)) {
        state.pruned = true;
        continue;
      }
      if (path.length >= search.budget.limits.maxDepth) {
        search.budget.cut();
        return false;
      }
      if (!search.budget.takeVerification(linkName(child, certificate), linkCost(certificate))) return true;
      const link = verifyLink(child, certificate, search.memory);
      // Weak links are walked so that the answer can name them; the validator fails every path that has one.
      if (link === 'failed' && search.brokenLinks === 'drop') continue;
      followed = true;
      const longer: Path = [...path, certificate];
      if (anchor === null ? extend(longer) : complete(longer, anchor)) return true;
    }
    if (!followed && path.length > state.stuckDepth) {
      state.stuck = child;
      state.stuckDepth = path.length;
    }
    return false;
  };
  const own = anchoredLeaf(search);
  if (own === null || !complete([search.leaf], own)) extend([search.leaf]);
  const { accepted, nearest, pruned, stuck } = state;
  return { accepted, nearest, pruned, stuck, overrun: search.budget.overrun() };
}

interface State {
  accepted: FoundPath | null;
  nearest: FoundPath | null;
  pruned: boolean;
  stuck: Certificate | null;
  stuckDepth: number;
}

/** A self-signed server certificate that was itself made an anchor, byte for byte, is a path of one. */
function anchoredLeaf({ leaf, anchors, memory }: Search): Anchor | null {
  if (!leaf.selfIssued) return null;
  const own = anchors.get(leaf.subject.key)?.find((anchor) => isSame(anchor.certificate, leaf));
  return own !== undefined && verifyLink(leaf, leaf, memory) === 'verified' ? own : null;
}

interface Issuer {
  readonly certificate: Certificate;
  readonly anchor: Anchor | null;
}

function indexCandidates(search: Search): ReadonlyMap<string, readonly Certificate[]> {
  const seen = new Set([search.leaf.der.sha256]);
  const bySubject = new Map<string, Certificate[]>();
  for (const candidate of search.candidates) {
    if (seen.has(candidate.der.sha256)) continue;
    seen.add(candidate.der.sha256);
    const named = bySubject.get(candidate.subject.key);
    if (named === undefined) bySubject.set(candidate.subject.key, [candidate]);
    else named.push(candidate);
  }
  return bySubject;
}

/** Anchors first, then candidates, each in canonical order. */
function issuersOf(
  child: Certificate,
  bySubject: ReadonlyMap<string, readonly Certificate[]>,
  search: Search,
): readonly Issuer[] {
  const name = child.issuer.key;
  const anchors = search.anchors.get(name) ?? [];
  const issuers: Issuer[] = anchors.map((anchor) => ({ certificate: anchor.certificate, anchor }));
  for (const certificate of bySubject.get(name) ?? []) {
    if (anchors.some((anchor) => isSame(anchor.certificate, certificate))) continue;
    issuers.push({ certificate, anchor: null });
  }
  if (issuers.length < 2) return issuers;
  return issuers.sort((one, other) => compareIssuers(child, search.atMs, one, other));
}

/** Sorts by what is most likely right; the digest makes the order total. */
function compareIssuers(child: Certificate, atMs: number, one: Issuer, other: Issuer): number {
  const a = one.certificate;
  const b = other.certificate;
  return (
    Number(one.anchor === null) - Number(other.anchor === null) ||
    keyIdRank(child, a) - keyIdRank(child, b) ||
    Number(!isValidAt(a, atMs)) - Number(!isValidAt(b, atMs)) ||
    Number(a.selfIssued) - Number(b.selfIssued) ||
    b.notBeforeMs - a.notBeforeMs ||
    (a.der.sha256 < b.der.sha256 ? -1 : 1)
  );
}

/** 0: the key identifiers agree. 1: one of them is absent. 2: they differ. A hint only (RFC 5280 §4.2.1.1). */
function keyIdRank(child: Certificate, issuer: Certificate): 0 | 1 | 2 {
  const asked = child.extensions.authorityKeyId?.keyId ?? null;
  const offered = issuer.extensions.subjectKeyId ?? null;
  if (asked === null || offered === null) return 1;
  return asked.equals(offered) ? 0 : 2;
}

function isValidAt(certificate: Certificate, atMs: number): boolean {
  return certificate.notBeforeMs <= atMs && atMs <= certificate.notAfterMs;
}

function isSame(one: Certificate, other: Certificate): boolean {
  return one.der.sha256 === other.der.sha256;
}

/** The same name with the same key a second time: such a path can always be shortened. */
function isLoop(path: Path, certificate: Certificate): boolean {
  return path.some(
    (member) => member.spkiSha256 === certificate.spkiSha256 && member.subject.key === certificate.subject.key,
  );
}
