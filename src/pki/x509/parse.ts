/**
 * Bytes → Certificate (RFC 5280 §4.1): everything that verification reads is decoded here, once and strictly.
 *
 * Does: refuse what is not DER, what the profile forbids about versions, extensions and names, and a certificate
 * whose two signature algorithms differ. Deviations are listed in ../README.md.
 * Does not: verify signatures, times, names or constraints.
 * The caller must: treat a refusal as a malformed certificate, never as an absent one.
 */

import { hash } from 'node:crypto';
import { Der } from '../../model/der.ts';
import { OID } from '../der/oid.ts';
import { contextConstructed, contextPrimitive, type DerReader, readDer } from '../der/reader.ts';
import { readAlgorithm } from './algorithm.ts';
import type { AlgorithmIdentifier, Certificate, Name, Parsed, SerialFault } from './certificate.ts';
import { type ExtensionList, readExtensions } from './extensions.ts';
import { readName } from './name.ts';
import { type PublicKeyInfo, readSpki } from './spki.ts';

/** A certificate with a thousand names has 30 KiB; a TLS message of Node is capped at some 100 KiB for the whole list. */
export const MAX_CERTIFICATE_BYTES = 64 * 1024;

/** RFC 5280 §4.1.2.2. */
const MAX_SERIAL_BYTES = 20;

/** Parses one DER certificate; the answer holds no reference to the memory of `bytes` (a `Der` is shared). */
export function parseCertificate(bytes: Uint8Array | Der): Parsed<Certificate> {
  const size = bytes instanceof Der ? bytes.bytes.length : bytes.length;
  if (size > MAX_CERTIFICATE_BYTES) {
    return { ok: false, why: `longer than ${MAX_CERTIFICATE_BYTES} bytes`, offset: MAX_CERTIFICATE_BYTES };
  }
  const der = bytes instanceof Der ? bytes : Der.of(bytes);
  return readDer(der.bytes, MAX_CERTIFICATE_BYTES, (reader) => readCertificate(reader, der));
}

function readCertificate(reader: DerReader, der: Der): Certificate {
  const body = reader.sequence();
  const tbsAt = body.offset;
  const fields = readTbs(body.sequence());
  const tbs = body.since(tbsAt);
  const algorithmAt = body.offset;
  const outer = readAlgorithm(body);
  if (!outer.raw.equals(fields.signatureAlgorithm.raw)) body.fail('the two signature algorithms differ', algorithmAt);
  const signature = body.bitStringBytes();
  body.end();
  const { spki, extensions, ...rest } = fields;
  return Object.freeze({
    der,
    tbs,
    ...rest,
    signature,
    spki: spki.raw,
    spkiSha256: hash('sha256', spki.raw, 'base64'),
    publicKeyBits: spki.bits,
    key: spki.key,
    extensions: extensions.known,
    unknownCritical: extensions.unknownCritical,
    rawExtensions: extensions.raw,
    selfIssued: rest.subject.key === rest.issuer.key,
  });
}

interface TbsFields {
  readonly version: 1 | 2 | 3;
  readonly serial: Buffer;
  readonly serialFault: SerialFault | null;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly issuer: Name;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly subject: Name;
  readonly spki: PublicKeyInfo;
  readonly extensions: ExtensionList;
}

const NO_EXTENSIONS: ExtensionList = Object.freeze({
  known: Object.freeze({}),
  raw: Object.freeze([]),
  unknownCritical: Object.freeze([]),
});

function readTbs(tbs: DerReader): TbsFields {
  const version = readVersion(tbs);
  const serial = tbs.integer();
  const signatureAlgorithm = readAlgorithm(tbs);
  const issuer = readName(tbs);
  const validity = tbs.sequence();
  const notBeforeMs = validity.time();
  const notAfterMs = validity.time();
  validity.end();
  const subjectAt = tbs.offset;
  const subject = readName(tbs);
  const spki = readSpki(tbs);
  skipUniqueIds(tbs, version);
  const extensions = readVersionedExtensions(tbs, version);
  tbs.end();
  requireSomeName(tbs, subject, subjectAt, extensions);
  return {
    version,
    serial,
    serialFault: serialFault(serial),
    signatureAlgorithm,
    issuer,
    notBeforeMs,
    notAfterMs,
    subject,
    spki,
    extensions,
  };
}

/** `[0] EXPLICIT Version DEFAULT v1`: an encoded v1 is not DER. */
function readVersion(tbs: DerReader): 1 | 2 | 3 {
  const at = tbs.offset;
  const explicit = tbs.optional(contextConstructed(0));
  if (explicit === null) return 1;
  const number = explicit.smallInteger(2);
  explicit.end();
  if (number === 0) tbs.fail('version 1 is encoded although it is the default', at);
  return number === 1 ? 2 : 3;
}

/** issuerUniqueID and subjectUniqueID (RFC 5280 §4.1.2.8): not in version 1, and of no use to us. */
function skipUniqueIds(tbs: DerReader, version: 1 | 2 | 3): void {
  for (const tag of [contextPrimitive(1), contextPrimitive(2)]) {
    if (!tbs.is(tag)) continue;
    if (version === 1) tbs.fail('a unique identifier in version 1');
    tbs.bitString(tag);
  }
}

function readVersionedExtensions(tbs: DerReader, version: 1 | 2 | 3): ExtensionList {
  const at = tbs.offset;
  const explicit = tbs.optional(contextConstructed(3));
  if (explicit === null) return NO_EXTENSIONS;
  if (version !== 3) tbs.fail('extensions before version 3', at);
  const list = readExtensions(explicit);
  explicit.end();
  return list;
}

/** RFC 5280 §4.2.1.6: with an empty subject, the names must be in a critical subjectAltName. */
function requireSomeName(tbs: DerReader, subject: Name, at: number, extensions: ExtensionList): void {
  if (subject.key !== '' || extensions.known.subjectAltName === undefined) return;
  const critical = extensions.raw.some((extension) => extension.oid === OID.subjectAltName && extension.critical);
  if (!critical) tbs.fail('empty subject and subjectAltName is not critical', at);
}

function serialFault(serial: Buffer): SerialFault | null {
  if (((serial[0] ?? 0) & 0x80) !== 0) return 'negative';
  if (serial.length > MAX_SERIAL_BYTES) return 'too-long';
  return serial.length === 1 && serial[0] === 0 ? 'zero' : null;
}
