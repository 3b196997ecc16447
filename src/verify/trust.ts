/**
 * The trust snapshot: everything a verdict may depend on that is neither Evidence nor rule. Frozen and hashed; the
 * control plane replaces it as a whole. A part that is missing makes its check `absent`, never `pass`.
 */

import type { Crl } from '../pki/crl/parse.ts';
import type { LogList } from '../pki/ct/log-list.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import type { SignatureMemory } from '../pki/x509/signature.ts';

export interface Anchor {
  readonly certificate: Certificate;
  /** Leaves with notBefore after this are refused (`chain.distrusted`); null: none. Milliseconds since the epoch. */
  readonly distrustAfterMs: number | null;
}

/** Anchors by choice, indexed the two ways that path building asks. */
export interface AnchorSet {
  readonly name: string;
  readonly anchors: readonly Anchor[];
  /** Subject name key → anchors with that subject. */
  readonly bySubject: ReadonlyMap<string, readonly Anchor[]>;
  /** SHA-256 over the sorted certificate digests, hex. */
  readonly sha256: string;
}

export interface Trust {
  /** By `anchorsKey` of the policy; a key that is not there means: no anchors, nothing is trusted. */
  readonly anchorSets: ReadonlyMap<string, AnchorSet>;
  /** The public (Mozilla) set, for `publicRoot`, CT scope and explanatory paths. */
  readonly publicAnchors: AnchorSet;
  readonly systemAnchors: AnchorSet | null;
  /** spkiSha256 of the proxy's own CA keys: never an anchor upstream. */
  readonly ownCaKeys: ReadonlySet<string>;
  readonly logList: LogList | null;
  /** CRLs by issuer name key. */
  readonly crls: ReadonlyMap<string, readonly Crl[]>;
  /** Results of signature verifications; bounded. Never changes an answer, only its cost. */
  readonly signatures: SignatureMemory;
  readonly sha256: string;
}
