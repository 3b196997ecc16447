/**
 * OCSP responses (RFC 6960 §4.2.1): bytes to a value.
 *
 * Does: strict bounded parsing; says whether the frame or the signed data is malformed.
 * Does not: verify or judge; see staple.ts. Certificates inside are handed out unparsed: most are never needed.
 * The caller must: treat the value as what somebody says until the signature has been verified.
 *
 *   OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] EXPLICIT ResponseBytes OPTIONAL }
 *   ResponseBytes ::= SEQUENCE { responseType OBJECT IDENTIFIER, response OCTET STRING }
 *   BasicOCSPResponse ::= SEQUENCE {
 *     tbsResponseData ResponseData, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING,
 *     certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
 *   ResponseData ::= SEQUENCE {
 *     version [0] EXPLICIT Version DEFAULT v1, responderID ResponderID, producedAt GeneralizedTime,
 *     responses SEQUENCE OF SingleResponse, responseExtensions [1] EXPLICIT Extensions OPTIONAL }
 *   ResponderID ::= CHOICE { byName [1] Name, byKey [2] OCTET STRING }
 *   SingleResponse ::= SEQUENCE {
 *     certID CertID, certStatus CertStatus, thisUpdate GeneralizedTime, nextUpdate [0] EXPLICIT GeneralizedTime OPTIONAL,
 *     singleExtensions [1] EXPLICIT Extensions OPTIONAL }
 *   CertID ::= SEQUENCE {
 *     hashAlgorithm AlgorithmIdentifier, issuerNameHash OCTET STRING, issuerKeyHash OCTET STRING,
 *     serialNumber CertificateSerialNumber }
 *   CertStatus ::= CHOICE { good [0] IMPLICIT NULL, revoked [1] IMPLICIT RevokedInfo, unknown [2] IMPLICIT NULL }
 *   RevokedInfo ::= SEQUENCE { revocationTime GeneralizedTime, revocationReason [0] EXPLICIT CRLReason OPTIONAL }
 */
import { OID } from '../der/oid.ts';
import { contextConstructed, contextPrimitive, type DerReader, readDer, TAG } from '../der/reader.ts';
import { readAlgorithm } from '../x509/algorithm.ts';
import type { AlgorithmIdentifier, Name, Parsed } from '../x509/certificate.ts';
import { readName } from '../x509/name.ts';

export type ResponderId =
  | { readonly by: 'name'; readonly name: Name }
  /** SHA-1 of the content of the responder's public key BIT STRING. */
  | { readonly by: 'key'; readonly keyHash: Buffer };

export interface CertId {
  readonly hashOid: string;
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
  /** INTEGER content as encoded. */
  readonly serial: Buffer;
}

export type CertStatus =
  | { readonly is: 'good' }
  | { readonly is: 'unknown' }
  /** Milliseconds since the epoch; CRLReason (RFC 5280 §5.3.1) or null. */
  | { readonly is: 'revoked'; readonly revokedAtMs: number; readonly reason: number | null };

export interface SingleResponse {
  readonly certId: CertId;
  readonly status: CertStatus;
  /** Milliseconds since the epoch. */
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number | null;
  /** TLS SignedCertificateTimestampList of the CT extension, unparsed; null: none. */
  readonly sctList: Buffer | null;
  readonly unknownCritical: readonly string[];
}

export interface BasicResponse {
  readonly responderId: ResponderId;
  /** Milliseconds since the epoch. */
  readonly producedAtMs: number;
  readonly responses: readonly SingleResponse[];
  readonly unknownCritical: readonly string[];
  /** The signed bytes: tbsResponseData. */
  readonly tbs: Buffer;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Buffer;
  /** DER of the certificates, in order. */
  readonly certificates: readonly Buffer[];
}

export type ParsedResponse =
  | { readonly is: 'basic'; readonly response: BasicResponse }
  /** responseStatus other than successful: malformedRequest 1, internalError 2, tryLater 3, sigRequired 5, unauthorized 6. */
  | { readonly is: 'error'; readonly status: number }
  | { readonly is: 'malformed'; readonly part: 'frame' | 'data'; readonly why: string; readonly offset: number };

/** Largest response that is read. A staple with a responder certificate has 2 KiB; TLS caps one at 16 MiB. */
export const MAX_OCSP_BYTES = 64 * 1024;

/** Certificates in one response; one is usual. */
const MAX_CERTIFICATES = 16;
/** Extensions of a response; RFC 6960 §4.4 defines seven. */
const MAX_EXTENSIONS = 32;
/** CRLReason goes to 10 (RFC 5280 §5.3.1). */
const MAX_REASON = 10;
/** RFC 6960 §4.2.1; 4 is not used. */
const ERROR_STATUSES: ReadonlySet<number> = new Set([1, 2, 3, 5, 6]);

/** Reads one OCSPResponse in DER. */
export function parseOcspResponse(bytes: Uint8Array): ParsedResponse {
  const frame = readDer(bytes, MAX_OCSP_BYTES, readFrame);
  if (!frame.ok) return { is: 'malformed', part: 'frame', why: frame.why, offset: frame.offset };
  if ('status' in frame.value) return { is: 'error', status: frame.value.status };
  const data = readDer(frame.value.tbs, MAX_OCSP_BYTES, readData);
  if (!data.ok) return { is: 'malformed', part: 'data', why: data.why, offset: data.offset };
  return { is: 'basic', response: Object.freeze({ ...frame.value, ...data.value }) };
}

type Frame = Pick<BasicResponse, 'tbs' | 'signatureAlgorithm' | 'signature' | 'certificates'>;

function readFrame(reader: DerReader): Frame | { readonly status: number } {
  const body = reader.sequence();
  const status = body.smallInteger(0xff, TAG.enumerated);
  if (status !== 0) {
    if (!ERROR_STATUSES.has(status)) body.fail(`unknown response status ${status}`);
    if (!body.atEnd) body.fail('an error with response bytes');
    return { status };
  }
  const wrapper = body.context(0);
  body.end();
  const typed = wrapper.sequence();
  wrapper.end();
  if (typed.oid() !== OID.ocspBasic) typed.fail('not a basic response');
  const inner = typed.enter(TAG.octetString);
  typed.end();
  const basic = inner.sequence();
  inner.end();
  const tbs = basic.element();
  const signatureAlgorithm = readAlgorithm(basic);
  const signature = basic.bitStringBytes();
  const certificates = readCertificates(basic.optional(contextConstructed(0)));
  basic.end();
  return { tbs, signatureAlgorithm, signature, certificates };
}

function readCertificates(wrapper: DerReader | null): readonly Buffer[] {
  const certificates: Buffer[] = [];
  if (wrapper === null) return certificates;
  const list = wrapper.sequence();
  wrapper.end();
  while (!list.atEnd) {
    if (!list.is(TAG.sequence)) list.fail('not a certificate');
    if (certificates.push(list.element()) > MAX_CERTIFICATES) list.fail(`more than ${MAX_CERTIFICATES} certificates`);
  }
  return certificates;
}

type Data = Pick<BasicResponse, 'responderId' | 'producedAtMs' | 'responses' | 'unknownCritical'>;

function readData(reader: DerReader): Data {
  const data = reader.sequence();
  const version = data.optional(contextConstructed(0));
  // v1 is the default, and responders write it nevertheless.
  if (version !== null) {
    version.smallInteger(0);
    version.end();
  }
  const responderId = readResponderId(data);
  const producedAtMs = data.generalizedTime();
  const list = data.sequence();
  const responses: SingleResponse[] = [];
  while (!list.atEnd) responses.push(readSingle(list.sequence()));
  const { unknownCritical } = readExtensions(data.optional(contextConstructed(1)));
  data.end();
  return { responderId, producedAtMs, responses, unknownCritical };
}

function readResponderId(data: DerReader): ResponderId {
  const byName = data.optional(contextConstructed(1));
  if (byName !== null) {
    const name = readName(byName);
    byName.end();
    return { by: 'name', name };
  }
  const byKey = data.context(2);
  const keyHash = byKey.octetString();
  byKey.end();
  return { by: 'key', keyHash };
}

function readSingle(single: DerReader): SingleResponse {
  const certId = readCertId(single.sequence());
  const status = readStatus(single);
  const thisUpdateMs = single.generalizedTime();
  const next = single.optional(contextConstructed(0));
  const nextUpdateMs = next === null ? null : next.generalizedTime();
  next?.end();
  const { sctList, unknownCritical } = readExtensions(single.optional(contextConstructed(1)));
  single.end();
  return Object.freeze({ certId, status, thisUpdateMs, nextUpdateMs, sctList, unknownCritical });
}

function readCertId(id: DerReader): CertId {
  const { oid } = readAlgorithm(id);
  const issuerNameHash = id.octetString();
  const issuerKeyHash = id.octetString();
  // Compared with the bytes of the certificate, so a serial that is not minimal must pass here.
  const serial = id.content(TAG.integer);
  id.end();
  return { hashOid: oid, issuerNameHash, issuerKeyHash, serial };
}

function readStatus(single: DerReader): CertStatus {
  const revoked = single.optional(contextConstructed(1));
  if (revoked !== null) {
    const revokedAtMs = revoked.generalizedTime();
    const wrapper = revoked.optional(contextConstructed(0));
    const reason = wrapper === null ? null : wrapper.smallInteger(MAX_REASON, TAG.enumerated);
    wrapper?.end();
    revoked.end();
    return { is: 'revoked', revokedAtMs, reason };
  }
  const isGood = single.is(contextPrimitive(0));
  if (single.content(contextPrimitive(isGood ? 0 : 2)).length > 0) single.fail('NULL has content');
  return { is: isGood ? 'good' : 'unknown' };
}

/** Extensions that are not processed matter only when critical. The CT extension (RFC 6962 §3.3) may be critical. */
function readExtensions(wrapper: DerReader | null): {
  readonly sctList: Buffer | null;
  readonly unknownCritical: readonly string[];
} {
  let sctList: Buffer | null = null;
  const unknownCritical: string[] = [];
  if (wrapper === null) return { sctList, unknownCritical };
  const list = wrapper.sequence();
  wrapper.end();
  const seen: string[] = [];
  while (!list.atEnd) {
    const extension = list.sequence();
    const oid = extension.oid();
    if (seen.includes(oid)) extension.fail('an extension is repeated');
    if (seen.push(oid) > MAX_EXTENSIONS) extension.fail(`more than ${MAX_EXTENSIONS} extensions`);
    const critical = extension.booleanDefaultFalse();
    const value = extension.octetString();
    extension.end();
    if (oid === OID.ocspSctList) sctList = sctListOf(value);
    else if (critical) unknownCritical.push(oid);
  }
  return { sctList, unknownCritical };
}

/** The OCTET STRING inside extnValue; what is no OCTET STRING becomes an empty list, which no parser accepts. */
function sctListOf(value: Buffer): Buffer {
  const read: Parsed<Buffer> = readDer(value, MAX_OCSP_BYTES, (reader) => reader.octetString());
  return read.ok ? read.value : Buffer.alloc(0);
}
