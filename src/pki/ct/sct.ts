/**
 * Signed certificate timestamps (RFC 6962 §3.2, §3.3): the TLS structures, and the signature of a log over an entry.
 *
 * Does: read a SignedCertificateTimestampList strictly (lengths that run past their end and trailing bytes refuse the
 * list, an SCT of unknown version is skipped), rebuild the signed bytes, verify with the key of a log.
 * Does not: know which logs count; see quota.ts. RFC 9162 (version 2) is not deployed and its SCTs are skipped.
 * The caller must: give the entry that the delivery calls for: `precert` for embedded SCTs, `x509` for SCTs of an
 * OCSP response.
 *
 *   struct { Version sct_version; LogID id; uint64 timestamp; CtExtensions extensions<0..2^16-1>;
 *            digitally-signed struct { … } } SignedCertificateTimestamp;
 *   opaque SerializedSCT<1..2^16-1>;
 *   struct { SerializedSCT sct_list<1..2^16-1>; } SignedCertificateTimestampList;
 */
import { verify } from 'node:crypto';
import type { Parsed } from '../x509/certificate.ts';
import type { CtLog } from './log.ts';

export interface Sct {
  /** base64 of the 32 bytes, as in a log list. */
  readonly logId: string;
  /** As signed. */
  readonly timestamp: bigint;
  /** Milliseconds since the epoch; above 2^53 no longer exact, which only matters to times that never come. */
  readonly timestampMs: number;
  /** CtExtensions without their length; the static CT API puts leaf_index here. Signed. */
  readonly extensions: Buffer;
  /** HashAlgorithm and SignatureAlgorithm of RFC 5246 §7.4.1.4.1. */
  readonly hashAlgorithm: number;
  readonly signatureAlgorithm: number;
  readonly signature: Buffer;
}

export interface SctList {
  readonly scts: readonly Sct[];
  /** How many were skipped because their version is unknown. */
  readonly skipped: number;
}

/** What a log signed besides the timestamp (RFC 6962 §3.1 LogEntryType). */
export type SignedEntry =
  | { readonly type: 'x509'; readonly certificate: Buffer }
  /** `tbs`: TBSCertificate without SCT list and poison; `issuerKeyHash`: SHA-256 of the issuer's SPKI. */
  | { readonly type: 'precert'; readonly issuerKeyHash: Buffer; readonly tbs: Buffer };

export type SctSignature = 'verified' | 'failed' | 'unsupported-algorithm';

/** uint16 length and the most that it can say. */
const MAX_SCT_LIST_BYTES = 2 + 0xffff;
/** More SCTs than this refuse the list. Certificates carry 2 to 5; each SCT of a known log costs a verification. */
export const MAX_SCTS = 64;

const VERSION_1 = 0;
const HASH_SHA256 = 4;
const SIGNATURE_RSA = 1;
const SIGNATURE_ECDSA = 3;

/** Reads the content of the inner OCTET STRING of the SCT list extension, of a certificate or an OCSP response. */
export function parseSctList(bytes: Uint8Array): Parsed<SctList> {
  if (bytes.length > MAX_SCT_LIST_BYTES) return refusal('longer than a list can be', MAX_SCT_LIST_BYTES);
  const list = new TlsReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const inner = list.vector16();
  if (inner === null || !list.atEnd) return refusal('the length of the list is wrong', 0);
  if (inner.atEnd) return refusal('the list is empty', 2);
  const scts: Sct[] = [];
  let skipped = 0;
  while (!inner.atEnd) {
    const offset = 2 + inner.offset;
    const one = inner.vector16();
    if (one === null || one.atEnd) return refusal('the length of an SCT is wrong', offset);
    if (scts.length + skipped >= MAX_SCTS) return refusal(`more than ${MAX_SCTS} SCTs`, offset);
    if (one.peek() !== VERSION_1) {
      skipped += 1;
      continue;
    }
    const sct = readSct(one);
    if (sct === null) return refusal('an SCT is malformed', offset);
    scts.push(sct);
  }
  return { ok: true, value: { scts, skipped } };
}

function readSct(reader: TlsReader): Sct | null {
  reader.take(1);
  const logId = reader.take(32);
  const timestamp = reader.take(8)?.readBigUInt64BE();
  const extensions = reader.vector16()?.rest();
  const hashAlgorithm = reader.take(1)?.[0];
  const signatureAlgorithm = reader.take(1)?.[0];
  const signature = reader.vector16()?.rest();
  if (logId === null || timestamp === undefined || extensions === undefined || signature === undefined) return null;
  if (hashAlgorithm === undefined || signatureAlgorithm === undefined || !reader.atEnd) return null;
  return Object.freeze({
    logId: logId.toString('base64'),
    timestamp,
    timestampMs: Number(timestamp),
    extensions,
    hashAlgorithm,
    signatureAlgorithm,
    signature,
  });
}

/** The bytes that a log signs (RFC 6962 §3.2); extensions belong to them. */
export function signedBytes(sct: Pick<Sct, 'timestamp' | 'extensions'>, entry: SignedEntry): Buffer {
  const head = Buffer.alloc(12);
  // sct_version v1 (0), signature_type certificate_timestamp (0), then timestamp and entry_type.
  head.writeBigUInt64BE(sct.timestamp, 2);
  head.writeUInt16BE(entry.type === 'x509' ? 0 : 1, 10);
  const entryBytes =
    entry.type === 'x509'
      ? [uint24(entry.certificate.length), entry.certificate]
      : [entry.issuerKeyHash, uint24(entry.tbs.length), entry.tbs];
  const extensionsLength = Buffer.alloc(2);
  extensionsLength.writeUInt16BE(sct.extensions.length);
  return Buffer.concat([head, ...entryBytes, extensionsLength, sct.extensions]);
}

function uint24(value: number): Buffer {
  const bytes = Buffer.alloc(3);
  bytes.writeUIntBE(value, 0, 3);
  return bytes;
}

/**
 * Verifies one SCT with the key of its log. SHA-256 with the algorithm of the log's key only: an SCT does not choose.
 * The caller must have found `log` by `sct.logId`.
 */
export function verifySct(sct: Sct, entry: SignedEntry, log: Pick<CtLog, 'key' | 'algorithm' | 'logId'>): SctSignature {
  const expected = log.algorithm === 'rsa' ? SIGNATURE_RSA : SIGNATURE_ECDSA;
  if (sct.hashAlgorithm !== HASH_SHA256 || sct.signatureAlgorithm !== expected) return 'unsupported-algorithm';
  return sct.logId === log.logId && verify('sha256', signedBytes(sct, entry), log.key, sct.signature)
    ? 'verified'
    : 'failed';
}

function refusal(why: string, offset: number): Parsed<never> {
  return { ok: false, why, offset };
}

/** A cursor over TLS presentation language; null where the bytes end too early. */
class TlsReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  peek(): number | undefined {
    return this.#bytes[this.#at];
  }

  take(count: number): Buffer | null {
    if (count > this.#bytes.length - this.#at) return null;
    const taken = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  /** opaque<0..2^16-1> as a reader of its own. */
  vector16(): TlsReader | null {
    const length = this.take(2)?.readUInt16BE();
    if (length === undefined) return null;
    const content = this.take(length);
    return content === null ? null : new TlsReader(content);
  }
}
