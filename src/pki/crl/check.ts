/**
 * Judges one certificate of a validated path by CRLs (RFC 5280 §6.3): is there one that covers it, and is it listed?
 *
 * Does: match issuer, scope and distribution point, verify the signature with an issuer of the path (also after a key
 * rollover), tell the age.
 * Does not: support indirect CRLs; they are refused. Does not put deltas or CRLs for some reasons together with others:
 * such a list proves what it lists and nothing else. Does not fetch.
 * The caller must: pass the certificates above the judged one in the validated path, nearest first.
 *
 * Deviation: a revocation is believed although the CRL is out of date, when no fresh CRL that is as new speaks against it
 * and the reason is not certificateHold: nothing else can be lifted (RFC 5280 §5.3.1).
 */
import type { Certificate, PointName } from '../x509/certificate.ts';
import type { SignatureMemory, verifySignature } from '../x509/signature.ts';
import { type Crl, HOLD, REMOVED, type Revocation, revocationOf } from './parse.ts';

export interface CrlQuestion {
  readonly certificate: Certificate;
  /** The path above `certificate`, nearest first, anchor last. */
  readonly issuers: readonly Certificate[];
  /** Candidates, usually those of `certificate.issuer.key`; others are passed over. */
  readonly crls: readonly Crl[];
  readonly nowMs: number;
  /** Greatest age of thisUpdate, milliseconds. */
  readonly maxAgeMs: number;
  /**
   * Below a public anchor the Baseline Requirements hold: the greatest age, and no names beside URIs (§4.9.7, §7.2.2.1).
   * Private CAs choose how long their CRLs last; one without nextUpdate still ends at the greatest age.
   */
  readonly profile: 'public' | 'private';
  readonly memory: SignatureMemory;
  /** `verifySignature`; tests over old corpora pass one that takes small keys. */
  readonly verify: typeof verifySignature;
}

/** Clocks may differ by this much. Milliseconds. */
export const CRL_SKEW_MS = 5 * 60_000;

/** Ten days: the longest period of a CRL for end-entity certificates (BR §4.9.7). Milliseconds. */
export const DEFAULT_MAX_CRL_AGE_MS = 10 * 86_400_000;

/** A year and a day: CRLs for CA certificates may live for twelve months (BR §4.9.7). Milliseconds. */
export const DEFAULT_MAX_CA_CRL_AGE_MS = 366 * 86_400_000;

export type CrlJudgement =
  | { readonly is: 'good'; readonly thisUpdateMs: number; readonly nextUpdateMs: number | null }
  | {
      readonly is: 'revoked';
      /** Milliseconds since the epoch. */
      readonly revokedAtMs: number;
      readonly reason: number | null;
      readonly thisUpdateMs: number;
    }
  | { readonly is: 'stale'; readonly why: CrlStaleReason; readonly thisUpdateMs: number }
  | { readonly is: 'invalid'; readonly why: CrlFault }
  /** No CRL is for this certificate. */
  | { readonly is: 'none' };

export type CrlStaleReason = 'expired' | 'not-yet-valid' | 'too-old';
export type CrlFault =
  | 'signature'
  | 'issuer-may-not-sign'
  | 'indirect'
  | 'some-reasons'
  | 'delta'
  | 'critical-extension'
  | 'repeated-entry';

/** The strongest word that any of the CRLs gives. Never throws. */
export function judgeCrls(question: CrlQuestion): CrlJudgement {
  let best: Weighed = { rank: 0, judgement: { is: 'none' } };
  for (const crl of question.crls) {
    const weighed = weigh(question, crl);
    if (outranks(weighed, best)) best = weighed;
  }
  return best.judgement;
}

/** A delta ends long before its base does: between a lasting revocation and a list without it the newer one decides. */
function outranks(one: Weighed, other: Weighed): boolean {
  if (isLastingOrGood(one) && isLastingOrGood(other)) {
    const laterMs = one.judgement.thisUpdateMs - other.judgement.thisUpdateMs;
    return laterMs === 0 ? one.rank > other.rank : laterMs > 0;
  }
  return one.rank > other.rank;
}

function isLastingOrGood(weighed: Weighed): weighed is Weighed & { judgement: { readonly thisUpdateMs: number } } {
  return weighed.rank === 3 || weighed.rank === 4;
}

interface Weighed {
  /** Higher is stronger: fresh revocation, good, lasting revocation of a stale CRL, stale, invalid, none. */
  readonly rank: number;
  readonly judgement: CrlJudgement;
}

function weigh(question: CrlQuestion, crl: Crl): Weighed {
  if (!covers(question, crl)) return { rank: 0, judgement: { is: 'none' } };
  const fault = contentFault(crl) ?? signatureFault(question, crl);
  if (fault !== null) return { rank: 1, judgement: { is: 'invalid', why: fault } };
  const { thisUpdateMs, nextUpdateMs } = crl;
  const stale = staleness(question, crl);
  const revocation = lastingEntry(crl, question.certificate);
  if (revocation !== null && (stale === null || revocation.reason !== HOLD)) {
    return { rank: stale === null ? 5 : 3, judgement: { is: 'revoked', ...revocation, thisUpdateMs } };
  }
  if (stale !== null) return { rank: 2, judgement: { is: 'stale', why: stale, thisUpdateMs } };
  const gap = gapOf(crl);
  if (gap !== null) return { rank: 1, judgement: { is: 'invalid', why: gap } };
  return { rank: 4, judgement: { is: 'good', thisUpdateMs, nextUpdateMs } };
}

/** What the list says against the certificate. A delta that takes an entry back says nothing: its base still stands. */
function lastingEntry(crl: Crl, { serial }: Certificate): Revocation | null {
  const entry = revocationOf(crl, serial);
  return crl.delta && entry?.reason === REMOVED ? null : entry;
}

/** Why a certificate that is not listed may be revoked all the same; null: the list is whole. */
function gapOf(crl: Crl): CrlFault | null {
  if (crl.scope.onlySomeReasons) return 'some-reasons';
  if (crl.delta) return 'delta';
  return crl.repeats ? 'repeated-entry' : null;
}

/** Whether the CRL is about this certificate: issuer, kind of certificate, distribution point (RFC 5280 §6.3.3 b). */
function covers({ certificate, profile }: CrlQuestion, crl: Crl): boolean {
  if (crl.issuerKey !== certificate.issuer.key) return false;
  const points = certificate.extensions.crlDistributionPoints;
  // A point with a CRL issuer or reasons of its own leads to CRLs that we do not support.
  const usable = points?.filter((point) => !point.hasIssuer && !point.hasReasons);
  if (usable?.length === 0) return false;
  const { point, covers: kind } = crl.scope;
  if (point !== null) {
    const named = usable?.filter((one) => meets(one, point, profile, crl.issuerKey)) ?? [];
    const isMixed = point.hasOtherNames || named.some((one) => one.hasOtherNames);
    if (named.length === 0 || (profile === 'public' && isMixed)) return false;
  }
  return kind === 'all' || kind === kindOf(certificate);
}

/** One name in common is enough (RFC 5280 §6.3.3 b 2 i). Below public anchors only URIs are names of a point. */
function meets(one: PointName, other: PointName, profile: CrlQuestion['profile'], issuerKey: string): boolean {
  if (one.uris.some((uri) => other.uris.includes(uri))) return true;
  if (profile === 'public') return false;
  const others = directoriesOf(other, issuerKey);
  return directoriesOf(one, issuerKey).some((key) => others.includes(key));
}

function directoriesOf({ directories, relative }: PointName, issuerKey: string): readonly string[] {
  return relative === null ? directories : [issuerKey + relative];
}

/** Version 1 cannot say whether it is a CA, so no CRL of one kind covers it. */
function kindOf(certificate: Certificate): 'users' | 'cas' | 'unknown' {
  if (certificate.version !== 3) return 'unknown';
  return certificate.extensions.basicConstraints?.ca === true ? 'cas' : 'users';
}

function contentFault(crl: Crl): CrlFault | null {
  if (crl.scope.indirect) return 'indirect';
  return crl.unknownCritical.length > 0 ? 'critical-extension' : null;
}

/**
 * The signer is a certificate of the path with the CRL's issuer name: it leads to the same anchor (RFC 5280 §6.3.3 f).
 * Usually the direct issuer; after a rollover also another with the same name above it.
 */
function signatureFault(question: CrlQuestion, crl: Crl): CrlFault | null {
  let fault: CrlFault = 'signature';
  for (const issuer of question.issuers) {
    if (issuer.subject.key !== crl.issuerKey) continue;
    if (issuer.extensions.keyUsage?.crlSign === false) fault = 'issuer-may-not-sign';
    else if (isSignedBy(question, crl, issuer)) return null;
  }
  return fault;
}

/** The digest of the CRL is at hand, so the memory is asked before megabytes are hashed again. */
function isSignedBy({ memory, verify }: CrlQuestion, crl: Crl, issuer: Certificate): boolean {
  const key = `crl ${crl.sha256} ${issuer.spkiSha256}`;
  const known = memory.recall(key);
  if (known !== undefined) return known;
  const result = verify(crl.tbs, crl.signature, crl.signatureAlgorithm, issuer.spki, memory);
  memory.remember(key, result === 'verified');
  return result === 'verified';
}

function staleness({ nowMs, maxAgeMs, profile }: CrlQuestion, crl: Crl): CrlStaleReason | null {
  if (crl.thisUpdateMs > nowMs + CRL_SKEW_MS) return 'not-yet-valid';
  if (crl.nextUpdateMs !== null && crl.nextUpdateMs <= nowMs - CRL_SKEW_MS) return 'expired';
  if (profile === 'private' && crl.nextUpdateMs !== null) return null;
  return nowMs - crl.thisUpdateMs > maxAgeMs ? 'too-old' : null;
}
