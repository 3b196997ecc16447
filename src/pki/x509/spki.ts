/**
 * SubjectPublicKeyInfo (RFC 5280 §4.1.2.7): which kind of key it holds, read from its bytes.
 *
 * Does: tell RSA (size of modulus and exponent), the NIST curves, Ed25519, ML-DSA and everything else apart without OpenSSL,
 * so that a huge or odd key is known before anything is computed with it.
 * Does not: check that a point is on its curve; OpenSSL refuses such a key when it verifies.
 */

import { OID } from '../der/oid.ts';
import { type DerReader, readDer, TAG } from '../der/reader.ts';
import { readAlgorithm } from './algorithm.ts';
import type { AlgorithmIdentifier, KeyKind, Parsed } from './certificate.ts';

/** Largest SPKI; an RSA key of 65,536 bits has 8.2 KiB. */
export const MAX_SPKI_BYTES = 16 * 1024;

export interface PublicKeyInfo {
  /** With its header: what a pin hashes. */
  readonly raw: Buffer;
  readonly algorithm: AlgorithmIdentifier;
  /** Content of subjectPublicKey. */
  readonly bits: Buffer;
  readonly key: KeyKind;
}

/** A SubjectPublicKeyInfo that stands alone, as of a CT log. */
export function parseSpki(bytes: Uint8Array): Parsed<PublicKeyInfo> {
  return readDer(bytes, MAX_SPKI_BYTES, readSpki);
}

export function readSpki(reader: DerReader): PublicKeyInfo {
  const from = reader.offset;
  const body = reader.sequence();
  const algorithm = readAlgorithm(body);
  const bits = body.bitStringBytes();
  body.end();
  return Object.freeze({ raw: reader.since(from), algorithm, bits, key: keyKind(algorithm, bits) });
}

/** A key whose bytes do not fit its algorithm is `other`: nothing may be verified with it. */
function keyKind(algorithm: AlgorithmIdentifier, bits: Buffer): KeyKind {
  switch (algorithm.oid) {
    case OID.rsaEncryption:
      return rsaKind(algorithm, bits) ?? other(algorithm);
    case OID.ecPublicKey:
      return ecKind(algorithm, bits) ?? other(algorithm);
    case OID.ed25519:
      return algorithm.parameters === null && bits.length === 32 ? ED25519 : other(algorithm);
    default:
      return mlDsaKind(algorithm, bits) ?? other(algorithm);
  }
}

/** Sizes of public keys (FIPS 204 §4, table 2). */
const ML_DSA = new Map<string, { readonly set: 44 | 65 | 87; readonly size: number }>([
  [OID.mlDsa44, { set: 44, size: 1312 }],
  [OID.mlDsa65, { set: 65, size: 1952 }],
  [OID.mlDsa87, { set: 87, size: 2592 }],
]);

/** RFC 9881 §4: no parameters, the key as it is. */
function mlDsaKind(algorithm: AlgorithmIdentifier, bits: Buffer): KeyKind | null {
  const known = ML_DSA.get(algorithm.oid);
  if (known === undefined || algorithm.parameters !== null || bits.length !== known.size) return null;
  return Object.freeze({ kind: 'ml-dsa', set: known.set });
}

const ED25519: KeyKind = Object.freeze({ kind: 'ed25519' });

const other = (algorithm: AlgorithmIdentifier): KeyKind => Object.freeze({ kind: 'other', oid: algorithm.oid });

/** RFC 3279 §2.3.1: parameters are NULL; modulus and exponent are positive. An even one of either cannot be RSA. */
function rsaKind(algorithm: AlgorithmIdentifier, bits: Buffer): KeyKind | null {
  if (algorithm.parameters?.equals(NULL) !== true) return null;
  const key = readDer(bits, MAX_SPKI_BYTES, (reader) => {
    const body = reader.sequence();
    const modulus = body.integer();
    const exponent = body.integer();
    body.end();
    return { modulus, exponent };
  });
  if (!key.ok) return null;
  const { modulus, exponent } = key.value;
  if (!isPositiveOdd(modulus) || !isPositiveOdd(exponent)) return null;
  const exponentBits = bitLength(exponent);
  // An exponent of 1 makes every value its own signature.
  return exponentBits < 2 ? null : Object.freeze({ kind: 'rsa', bits: bitLength(modulus), exponentBits });
}

const NULL = Buffer.from([TAG.null, 0]);

function isPositiveOdd(integer: Buffer): boolean {
  return ((integer[0] ?? 0x80) & 0x80) === 0 && ((integer.at(-1) ?? 0) & 1) === 1;
}

/** Bits of a minimal, positive INTEGER content. */
function bitLength(integer: Buffer): number {
  const leading = integer[0] === 0 ? 1 : 0;
  return (integer.length - leading) * 8 - (Math.clz32(integer[leading] ?? 0) - 24);
}

const CURVES = new Map<string, { readonly curve: 'P-256' | 'P-384' | 'P-521'; readonly size: number }>([
  [OID.p256, { curve: 'P-256', size: 32 }],
  [OID.p384, { curve: 'P-384', size: 48 }],
  [OID.p521, { curve: 'P-521', size: 66 }],
]);

/** RFC 5480 §2.1.1 and §2.2: a named curve, a point in uncompressed or compressed form. */
function ecKind(algorithm: AlgorithmIdentifier, bits: Buffer): KeyKind | null {
  if (algorithm.parameters === null) return null;
  const named = readDer(algorithm.parameters, MAX_SPKI_BYTES, (reader) => reader.oid());
  if (!named.ok) return null;
  const curve = CURVES.get(named.value);
  if (curve === undefined) return Object.freeze({ kind: 'ec', curve: 'other' });
  const form = bits[0];
  const fits =
    (form === 0x04 && bits.length === 1 + 2 * curve.size) ||
    ((form === 0x02 || form === 0x03) && bits.length === 1 + curve.size);
  return fits ? Object.freeze({ kind: 'ec', curve: curve.curve }) : null;
}
