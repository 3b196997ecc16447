/**
 * Judges a stapled OCSP response (RFC 6960 §3.2): who signed it, for whom, and how fresh it is.
 *
 * Does: answer with one word of a closed union; among several answers for the certificate the strictest fresh one
 * counts (revoked, unknown, good).
 * Does not: ask a responder, or check nonces: a staple has none.
 * The caller must: pass leaf and issuer of the validated path, and null only when the handshake brought no staple.
 *
 * Deviation: a signed revocation is believed although the response is out of date, when no fresh answer speaks against
 * it and the reason is not certificateHold: nothing else can be lifted (RFC 5280 §5.3.1).
 */
import { createHash } from 'node:crypto';
import { OID } from '../der/oid.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/parse.ts';
import type { SignatureMemory, SignatureResult, verifySignature } from '../x509/signature.ts';
import { type BasicResponse, type CertId, parseOcspResponse, type SingleResponse } from './response.ts';

export interface StapleQuestion {
  readonly staple: Uint8Array | null;
  readonly leaf: Certificate;
  /** The certificate above the leaf in the validated path. */
  readonly issuer: Certificate;
  /** When the staple was seen, milliseconds since the epoch. */
  readonly atMs: number;
  /** Greatest age of thisUpdate, milliseconds. */
  readonly maxAgeMs: number;
  readonly memory: SignatureMemory;
  /** `verifySignature`; tests over old corpora pass one that knows SHA-1. */
  readonly verify: typeof verifySignature;
}

/** Chromium's bound for staples, and more than any public responder's period but a few: seven days. Milliseconds. */
export const DEFAULT_MAX_STAPLE_AGE_MS = 7 * 86_400_000;

/** Clocks of responders and ours may differ by this much. Milliseconds. */
export const STAPLE_SKEW_MS = 5 * 60_000;

/** Who signed: the issuer itself, or a responder that it authorised; `noCheck`: with id-pkix-ocsp-nocheck (BR §4.9.9). */
export interface StapleSigner {
  readonly kind: 'issuer' | 'delegate';
  readonly subject: string;
  readonly noCheck: boolean;
}

interface Answered {
  /** Milliseconds since the epoch. */
  readonly producedAtMs: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number | null;
  readonly signer: StapleSigner;
}

export type StapleJudgement =
  /** `sctList`: TLS list of SCTs over the leaf as x509_entry, to be judged by CT; null: none. */
  | ({ readonly is: 'good'; readonly sctList: Buffer | null } & Answered)
  | ({ readonly is: 'revoked'; readonly revokedAtMs: number; readonly reason: number | null } & Answered)
  | ({ readonly is: 'unknown' } & Answered)
  /** Nothing was stapled, and the certificate does not demand it. */
  | { readonly is: 'none' }
  /** Nothing was stapled although the certificate demands it (RFC 7633). */
  | { readonly is: 'must-staple' }
  | ({ readonly is: 'stale'; readonly why: StaleReason } & Answered)
  | { readonly is: 'signature'; readonly why: SignatureFault }
  | { readonly is: 'wrong-certificate' }
  | { readonly is: 'error-response'; readonly status: number }
  | { readonly is: 'malformed'; readonly why: string; readonly part: 'frame' | 'data' | 'critical-extension' };

export type StaleReason = 'expired' | 'not-yet-valid' | 'too-old' | 'produced-outside-validity';

/** Why nobody entitled signed; the words of the signature itself, or that no certificate for the responder was there. */
export type SignatureFault =
  | Exclude<SignatureResult, 'verified'>
  | 'no-signer'
  | 'signer-not-issued'
  | 'signer-not-authorised'
  | 'signer-not-valid';

/** Whether the certificate demands a staple: TLS feature status_request or status_request_v2 (RFC 7633 §4). */
export function demandsStaple(leaf: Pick<Certificate, 'extensions'>): boolean {
  const features = leaf.extensions.tlsFeatures ?? [];
  return features.includes(5) || features.includes(17);
}

/** Judges the staple of `question.leaf`. Never throws. */
export function judgeStaple(question: StapleQuestion): StapleJudgement {
  if (question.staple === null) return { is: demandsStaple(question.leaf) ? 'must-staple' : 'none' };
  const parsed = parseOcspResponse(question.staple);
  switch (parsed.is) {
    case 'malformed':
      return { is: 'malformed', why: `${parsed.why} at byte ${parsed.offset}`, part: parsed.part };
    case 'error':
      return { is: 'error-response', status: parsed.status };
    case 'basic':
      return judgeBasic(question, parsed.response);
  }
}

function judgeBasic(question: StapleQuestion, response: BasicResponse): StapleJudgement {
  const unknown = response.unknownCritical[0];
  if (unknown !== undefined) return { is: 'malformed', why: unknown, part: 'critical-extension' };
  const speaksOf = certIdMatcher(question);
  const matching = response.responses.filter((single) => speaksOf(single.certId));
  if (matching.length === 0) return { is: 'wrong-certificate' };
  const signed = findSigner(question, response);
  if ('fault' in signed) return { is: 'signature', why: signed.fault };
  return judgeAnswers(question, response, matching, signed.signer);
}

/**
 * CertID (RFC 6960 §4.1.1): serial, hash of the issuer's name as in the leaf, hash of the issuer's public key bits.
 * Serial first: it is cheap and almost always decides.
 */
function certIdMatcher({ leaf, issuer }: StapleQuestion): (id: CertId) => boolean {
  const digests = new Map<string, { readonly name: Buffer; readonly key: Buffer }>();
  return (id) => {
    const algorithm = HASHES[id.hashOid];
    if (algorithm === undefined || !id.serial.equals(leaf.serial)) return false;
    let expected = digests.get(algorithm);
    if (expected === undefined) {
      expected = { name: digest(algorithm, leaf.issuer.raw), key: digest(algorithm, issuer.publicKeyBits) };
      digests.set(algorithm, expected);
    }
    return expected.name.equals(id.issuerNameHash) && expected.key.equals(id.issuerKeyHash);
  };
}

/** SHA-1 names the issuer here, it protects nothing: a collision would still need the issuer's signature. */
const HASHES: Readonly<Record<string, string>> = Object.freeze({
  [OID.sha1]: 'sha1',
  [OID.sha256]: 'sha256',
  [OID.sha384]: 'sha384',
  [OID.sha512]: 'sha512',
});

function digest(algorithm: string, bytes: Buffer): Buffer {
  return createHash(algorithm).update(bytes).digest();
}

type SignerAnswer = { readonly signer: StapleSigner } | { readonly fault: SignatureFault };

/** The issuer itself, or a certificate of the response that the issuer signed for this purpose (RFC 6960 §4.2.2.2). */
function findSigner(question: StapleQuestion, response: BasicResponse): SignerAnswer {
  const { issuer } = question;
  let fault: SignatureFault = 'no-signer';
  if (isResponder(response, issuer)) {
    const result = verifyResponse(question, response, issuer);
    if (result === 'verified') return { signer: { kind: 'issuer', subject: issuer.subject.text, noCheck: false } };
    fault = result;
  }
  for (const der of response.certificates) {
    const parsed = parseCertificate(der);
    if (!parsed.ok || !isResponder(response, parsed.value)) continue;
    const signer = parsed.value;
    const objection = delegateFault(question, signer) ?? verifyResponse(question, response, signer);
    if (objection === 'verified') {
      const noCheck = signer.extensions.ocspNoCheck === true;
      return { signer: { kind: 'delegate', subject: signer.subject.text, noCheck } };
    }
    fault = objection;
  }
  return { fault };
}

function isResponder({ responderId }: BasicResponse, certificate: Certificate): boolean {
  return responderId.by === 'name'
    ? responderId.name.key === certificate.subject.key
    : responderId.keyHash.equals(digest('sha1', certificate.publicKeyBits));
}

function verifyResponse(question: StapleQuestion, response: BasicResponse, signer: Certificate): SignatureResult {
  const { tbs, signature, signatureAlgorithm } = response;
  return question.verify(tbs, signature, signatureAlgorithm, signer.spki, question.memory);
}

/** Why a certificate may not sign for the issuer; null: it may. The signature comes last, being the only dear part. */
function delegateFault(question: StapleQuestion, signer: Certificate): SignatureFault | null {
  const { issuer, atMs } = question;
  const { extendedKeyUsage, keyUsage } = signer.extensions;
  if (signer.issuer.key !== issuer.subject.key) return 'signer-not-issued';
  if (extendedKeyUsage?.includes(OID.ocspSigning) !== true) return 'signer-not-authorised';
  if (keyUsage?.digitalSignature === false || signer.unknownCritical.length > 0) return 'signer-not-authorised';
  if (atMs < signer.notBeforeMs || atMs > signer.notAfterMs) return 'signer-not-valid';
  const { tbs, signature, signatureAlgorithm } = signer;
  const result = question.verify(tbs, signature, signatureAlgorithm, issuer.spki, question.memory);
  return result === 'verified' ? null : 'signer-not-issued';
}

const STRICTEST_FIRST = ['revoked', 'unknown', 'good'] as const;

function judgeAnswers(
  question: StapleQuestion,
  response: BasicResponse,
  matching: readonly SingleResponse[],
  signer: StapleSigner,
): StapleJudgement {
  const answered = (single: SingleResponse): Answered => ({
    producedAtMs: response.producedAtMs,
    thisUpdateMs: single.thisUpdateMs,
    nextUpdateMs: single.nextUpdateMs,
    signer,
  });
  const strictest = (singles: readonly SingleResponse[]): SingleResponse | undefined =>
    STRICTEST_FIRST.map((word) => singles.find((single) => single.status.is === word)).find(Boolean);
  const fresh = strictest(matching.filter((single) => staleness(question, single) === null));
  const lasting = matching.find((single) => single.status.is === 'revoked' && single.status.reason !== HOLD);
  const revocation = fresh ?? lasting;
  if (revocation?.status.is === 'revoked') return { ...revocation.status, ...answered(revocation) };
  const critical = matching.flatMap((single) => single.unknownCritical)[0];
  if (critical !== undefined) return { is: 'malformed', why: critical, part: 'critical-extension' };
  const single = fresh ?? strictest(matching)!;
  const why = staleness(question, single) ?? productionFault(question, response);
  if (why !== null) return { is: 'stale', why, ...answered(single) };
  if (single.status.is === 'unknown') return { is: 'unknown', ...answered(single) };
  return { is: 'good', sctList: single.sctList, ...answered(single) };
}

/** CRLReason certificateHold: the one revocation that may be lifted. */
const HOLD = 6;

function staleness({ atMs, maxAgeMs }: StapleQuestion, single: SingleResponse): StaleReason | null {
  if (single.thisUpdateMs > atMs + STAPLE_SKEW_MS) return 'not-yet-valid';
  if (single.nextUpdateMs !== null && single.nextUpdateMs <= atMs - STAPLE_SKEW_MS) return 'expired';
  return atMs - single.thisUpdateMs > maxAgeMs ? 'too-old' : null;
}

/** producedAt lies within the life of the leaf, and not ahead of us. */
function productionFault({ leaf, atMs }: StapleQuestion, { producedAtMs }: BasicResponse): StaleReason | null {
  const isWithin = producedAtMs >= leaf.notBeforeMs && producedAtMs <= leaf.notAfterMs;
  return isWithin && producedAtMs <= atMs + STAPLE_SKEW_MS ? null : 'produced-outside-validity';
}
