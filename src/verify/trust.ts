/**
 * The trust snapshot: everything a verdict may depend on that is neither Evidence nor rule. Frozen and hashed; the
 * control plane replaces it as a whole. A part that is missing makes its check `absent`, never `pass`.
 */

import type { Crl } from '../pki/crl/parse.ts';
import type { LogList } from '../pki/ct/log-list.ts';
import type { CtProfile } from '../pki/ct/quota.ts';
import type { Anchor, AnchorSet } from '../pki/path/anchors.ts';
import type { Certificate, Parsed } from '../pki/x509/certificate.ts';
import type { SignatureMemory } from '../pki/x509/signature.ts';

export type { Anchor, AnchorSet };

export interface Trust {
  /** By `anchorsKey` of the policy; a key that is not there means: no anchors, nothing is trusted. */
  readonly anchorSets: ReadonlyMap<string, AnchorSet>;
  /** The public (Mozilla) set, for `publicRoot`, CT scope and explanatory paths. */
  readonly publicAnchors: AnchorSet;
  readonly systemAnchors: AnchorSet | null;
  /** spkiSha256 of the proxy's own CA keys: never an anchor upstream. */
  readonly ownCaKeys: ReadonlySet<string>;
  /** The proxy's own CA certificates, so that a leaf of ours is recognised without its issuer. Never anchors. */
  readonly ownCas?: readonly Certificate[];
  readonly logList: LogList | null;
  /** What CT asks for. Absent: Chrome's policy, with Chrome's age of the list. */
  readonly ct?: CtDemand;
  /** CRLs by issuer name key. */
  readonly crls: ReadonlyMap<string, readonly Crl[]>;
  /** CRLs that were handed in and cannot be parsed; a snapshot of the proxy has none, since its loader refuses them. */
  readonly malformedCrls?: number;
  /** Anchors that were handed in and cannot be parsed; the same holds. */
  readonly malformedAnchors?: number;
  /** Results of signature verifications; bounded. Never changes an answer, only its cost. */
  readonly signatures: SignatureMemory;
  /** Certificates parsed before; bounded. Never changes an answer, only its cost. Absent: every chain is parsed anew. */
  readonly certificates?: CertificateMemory;
  readonly sha256: string;
}

export interface CtDemand {
  readonly profile: CtProfile;
  /** From this age on the list is not used. Milliseconds. */
  readonly maxListAgeMs: number;
}

/** A bounded memory of parsed certificates by the SHA-256 of their DER. */
export interface CertificateMemory {
  recall(sha256: string): Parsed<Certificate> | undefined;
  remember(sha256: string, parsed: Parsed<Certificate>): void;
}
