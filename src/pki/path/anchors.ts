/**
 * Anchors: the certificates at which a path may end.
 *
 * Does: removes duplicates and indexes by subject name, the way path building asks.
 * Does not: judge. What an anchor must still satisfy is the validator's business.
 * The caller must: pass parsed certificates that an operator or the shipped set chose, never what a peer sent.
 */
import { createHash } from 'node:crypto';
import type { Certificate } from '../x509/certificate.ts';

export interface Anchor {
  readonly certificate: Certificate;
  /** Leaves with notBefore after this are refused (`chain.distrusted`); null: none. Milliseconds since the epoch. */
  readonly distrustAfterMs: number | null;
}

/** Anchors by choice, indexed the way that path building asks. */
export interface AnchorSet {
  readonly name: string;
  readonly anchors: readonly Anchor[];
  /** Subject name key → anchors with that subject. */
  readonly bySubject: ReadonlyMap<string, readonly Anchor[]>;
  /** SHA-256 over the sorted certificate digests, hex. */
  readonly sha256: string;
}

/** A frozen set of `entries`; a bare certificate means an anchor without distrust date. Order does not matter. */
export function buildAnchorSet(name: string, entries: readonly (Certificate | Anchor)[]): AnchorSet {
  const byDigest = new Map<string, Anchor>();
  for (const entry of entries) {
    const anchor = 'certificate' in entry ? entry : { certificate: entry, distrustAfterMs: null };
    const known = byDigest.get(anchor.certificate.der.sha256);
    if (known === undefined || earlier(anchor, known)) byDigest.set(anchor.certificate.der.sha256, anchor);
  }
  const digests = [...byDigest.keys()].sort();
  const bySubject = new Map<string, Anchor[]>();
  const anchors = digests.map((digest) => Object.freeze(byDigest.get(digest)!));
  for (const anchor of anchors) {
    const named = bySubject.get(anchor.certificate.subject.key);
    if (named === undefined) bySubject.set(anchor.certificate.subject.key, [anchor]);
    else named.push(anchor);
  }
  const sha256 = createHash('sha256').update(digests.join('\n')).digest('hex');
  return Object.freeze({ name, anchors: Object.freeze(anchors), bySubject, sha256 });
}

/** Of two entries for one certificate the stricter one counts. */
function earlier(one: Anchor, other: Anchor): boolean {
  return (one.distrustAfterMs ?? Number.POSITIVE_INFINITY) < (other.distrustAfterMs ?? Number.POSITIVE_INFINITY);
}
