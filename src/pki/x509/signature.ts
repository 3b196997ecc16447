/**
 * Signature verification over raw signed bytes, with a bounded memory of results and a price list.
 *
 * Does: RSA PKCS#1 v1.5 and PSS, ECDSA on the NIST curves with SHA-256/384/512, Ed25519, pure ML-DSA; refuses weak and unknown
 * algorithms, keys that do not fit and keys out of bounds before anything is computed.
 * Does not: hash with SHA-1 or MD5, or know what the bytes mean.
 * The caller must: take `signed` from the wire as it was, never from a re-encoding; count `verificationCost` first.
 */

import { createHash, constants as crypto, verify } from 'node:crypto';
import { OID } from '../der/oid.ts';
import { type DerReader, readDer, TAG } from '../der/reader.ts';
import { readAlgorithm } from './algorithm.ts';
import type { AlgorithmIdentifier, KeyKind } from './certificate.ts';
import { parseSpki } from './spki.ts';

/**
 * `verified`: this key signed these bytes. `failed`: it did not, or key and algorithm do not belong together.
 * `weak`: not computed, because digest or key is too weak or the key too large. `unknown-algorithm`: not computed.
 */
export type SignatureResult = 'verified' | 'failed' | 'weak' | 'unknown-algorithm';

/** A memory of results by digest; never changes an answer, only its cost. */
export interface SignatureMemory {
  /** The remembered result for a key made of digests of (signed bytes, signature, SPKI), or undefined. */
  recall(key: string): boolean | undefined;
  remember(key: string, verified: boolean): void;
}

/** CA/Browser Forum BR §6.1.5: at least 2048 bits. */
export const MIN_RSA_BITS = 2048;
/** The cost grows with the square of the modulus; 8,192 bits cost 4 P-256 verifications and no public CA uses more. */
export const MAX_RSA_BITS = 8192;
/** Exponents up to 2^32 − 1: the cost grows with their length, and 65537 is what is used. */
export const MAX_RSA_EXPONENT_BITS = 32;

type Digest = 'sha256' | 'sha384' | 'sha512';

/** How to verify, once algorithm and parameters are understood. */
type Scheme =
  | { readonly key: 'rsa'; readonly padding: 'pkcs1' | 'pss'; readonly digest: Digest }
  | { readonly key: 'ec'; readonly digest: Digest }
  | { readonly key: 'ed25519' }
  | { readonly key: 'ml-dsa'; readonly set: 44 | 65 | 87 };

/**
 * Verifies `signature` over `signed` with the key in `spki` (a whole SubjectPublicKeyInfo). Never throws.
 * ECDSA signatures are Ecdsa-Sig-Value in DER (RFC 3279 §2.2.3).
 */
export function verifySignature(
  signed: Buffer,
  signature: Buffer,
  algorithm: AlgorithmIdentifier,
  spki: Buffer,
  memory: SignatureMemory,
): SignatureResult {
  const scheme = schemeOf(algorithm);
  if (scheme === 'weak' || scheme === 'unknown-algorithm') return scheme;
  const info = parseSpki(spki);
  if (!info.ok) return 'failed';
  const { key } = info.value;
  if (isOutOfBounds(key)) return 'weak';
  if (key.kind === 'ec' && key.curve === 'other') return 'unknown-algorithm';
  if (key.kind !== scheme.key) return 'failed';
  if (key.kind === 'ml-dsa' && scheme.key === 'ml-dsa' && key.set !== scheme.set) return 'failed';
  const name = memoryKey(signed, signature, algorithm, spki);
  const known = memory.recall(name);
  if (known !== undefined) return known ? 'verified' : 'failed';
  const verified = compute(scheme, signed, signature, spki);
  memory.remember(name, verified);
  return verified ? 'verified' : 'failed';
}

/** Whether a key is refused for its size alone: RSA below 2048 or above 8,192 bits, or with an exponent above 2^32 − 1. */
export function isOutOfBounds(key: KeyKind): boolean {
  if (key.kind !== 'rsa') return false;
  return key.bits < MIN_RSA_BITS || key.bits > MAX_RSA_BITS || key.exponentBits > MAX_RSA_EXPONENT_BITS;
}

function compute(scheme: Scheme, signed: Buffer, signature: Buffer, spki: Buffer): boolean {
  const key = { key: spki, format: 'der', type: 'spki' } as const;
  try {
    if (scheme.key === 'ed25519' || scheme.key === 'ml-dsa') return verify(null, signed, key, signature);
    if (scheme.key === 'ec') return verify(scheme.digest, signed, { ...key, dsaEncoding: 'der' }, signature);
    if (scheme.padding === 'pkcs1') {
      return verify(scheme.digest, signed, { ...key, padding: crypto.RSA_PKCS1_PADDING }, signature);
    }
    const pss = { padding: crypto.RSA_PKCS1_PSS_PADDING, saltLength: crypto.RSA_PSS_SALTLEN_DIGEST };
    return verify(scheme.digest, signed, { ...key, ...pss }, signature);
  } catch {
    // OpenSSL throws for keys that it cannot load, such as a point that is not on its curve.
    return false;
  }
}

/** Everything that the result depends on, each part hashed on its own so that their borders cannot shift. */
function memoryKey(signed: Buffer, signature: Buffer, algorithm: AlgorithmIdentifier, spki: Buffer): string {
  const digest = createHash('sha256');
  for (const part of [signed, signature, algorithm.raw, spki]) digest.update(`${part.length}:`).update(part);
  return digest.digest('base64');
}

const SCHEMES = new Map<string, { readonly scheme: Scheme; readonly mayBeNull: boolean }>([
  // RFC 4055 §5: parameters are NULL, and absent ones must be accepted as well.
  [OID.sha256WithRsa, { scheme: { key: 'rsa', padding: 'pkcs1', digest: 'sha256' }, mayBeNull: true }],
  [OID.sha384WithRsa, { scheme: { key: 'rsa', padding: 'pkcs1', digest: 'sha384' }, mayBeNull: true }],
  [OID.sha512WithRsa, { scheme: { key: 'rsa', padding: 'pkcs1', digest: 'sha512' }, mayBeNull: true }],
  // RFC 5758 §3.2, RFC 8410 §3 and RFC 9881 §3: parameters are absent.
  [OID.ecdsaWithSha256, { scheme: { key: 'ec', digest: 'sha256' }, mayBeNull: false }],
  [OID.ecdsaWithSha384, { scheme: { key: 'ec', digest: 'sha384' }, mayBeNull: false }],
  [OID.ecdsaWithSha512, { scheme: { key: 'ec', digest: 'sha512' }, mayBeNull: false }],
  [OID.ed25519, { scheme: { key: 'ed25519' }, mayBeNull: false }],
  [OID.mlDsa44, { scheme: { key: 'ml-dsa', set: 44 }, mayBeNull: false }],
  [OID.mlDsa65, { scheme: { key: 'ml-dsa', set: 65 }, mayBeNull: false }],
  [OID.mlDsa87, { scheme: { key: 'ml-dsa', set: 87 }, mayBeNull: false }],
]);

const WEAK: ReadonlySet<string> = new Set([
  OID.md2WithRsa,
  OID.md5WithRsa,
  OID.sha1WithRsa,
  OID.sha1WithRsaOiw,
  OID.sha224WithRsa,
  OID.ecdsaWithSha1,
  OID.ecdsaWithSha224,
  OID.dsaWithSha1,
]);

function schemeOf(algorithm: AlgorithmIdentifier): Scheme | 'weak' | 'unknown-algorithm' {
  if (algorithm.oid === OID.rsaPss) return pssScheme(algorithm);
  if (WEAK.has(algorithm.oid)) return 'weak';
  const known = SCHEMES.get(algorithm.oid);
  if (known === undefined || !hasFitParameters(algorithm, known.mayBeNull)) return 'unknown-algorithm';
  return known.scheme;
}

function hasFitParameters(algorithm: AlgorithmIdentifier, mayBeNull: boolean): boolean {
  return algorithm.parameters === null || (mayBeNull && algorithm.parameters.equals(NULL));
}

const NULL = Buffer.from([TAG.null, 0]);

const DIGESTS = new Map<string, { readonly digest: Digest; readonly size: number }>([
  [OID.sha256, { digest: 'sha256', size: 32 }],
  [OID.sha384, { digest: 'sha384', size: 48 }],
  [OID.sha512, { digest: 'sha512', size: 64 }],
]);

/** Parameters of the three PSS forms that are in use have some 50 bytes. */
const MAX_PSS_PARAMETERS = 256;

/**
 * RSASSA-PSS-params (RFC 4055 §3.1) in the only form that CA/Browser Forum BR §7.1.3.2.1 allows: one digest for
 * message and mask, a salt as long as the digest, the default trailer. The defaults are SHA-1 and therefore weak.
 */
function pssScheme(algorithm: AlgorithmIdentifier): Scheme | 'weak' | 'unknown-algorithm' {
  if (algorithm.parameters === null) return 'unknown-algorithm';
  const parsed = readDer(algorithm.parameters, MAX_PSS_PARAMETERS, readPssParameters);
  if (!parsed.ok) return 'unknown-algorithm';
  const { digest, mask, salt } = parsed.value;
  if (digest === OID.sha1 || mask === OID.sha1) return 'weak';
  const known = DIGESTS.get(digest);
  if (known === undefined || mask !== digest || salt !== known.size) return 'unknown-algorithm';
  return { key: 'rsa', padding: 'pss', digest: known.digest };
}

interface PssParameters {
  readonly digest: string;
  readonly mask: string;
  readonly salt: number;
}

function readPssParameters(reader: DerReader): PssParameters {
  const body = reader.sequence();
  const digest = readExplicit(body, 0, (field) => readDigest(field), OID.sha1);
  const mask = readExplicit(body, 1, readMask, OID.sha1);
  const salt = readExplicit(body, 2, (field) => field.smallInteger(0xffff), 20);
  // The only trailer is the default, 1, which DER leaves out.
  body.end();
  return { digest, mask, salt };
}

function readExplicit<T>(body: DerReader, number: number, read: (field: DerReader) => T, absent: T): T {
  const field = body.optional(0xa0 | number);
  if (field === null) return absent;
  const value = read(field);
  field.end();
  return value;
}

function readMask(field: DerReader): string {
  const generator = field.sequence();
  if (generator.oid() !== OID.mgf1) generator.fail('mask generation function is not MGF1');
  const digest = readDigest(generator);
  generator.end();
  return digest;
}

function readDigest(field: DerReader): string {
  const algorithm = readAlgorithm(field);
  if (!hasFitParameters(algorithm, true)) field.fail('digest has parameters');
  return algorithm.oid;
}

/**
 * Cost of one verification with this key, in units of one P-256 verification; 0 for keys that are never verified with.
 *
 * Measured with Node 26.10 on the machine on which Pinwarden is developed (x86-64, one core, 1,200 signed bytes, key
 * loading included, best of seven runs of 100), in µs: P-256 77, P-384 650, P-521 1440, Ed25519 114; RSA 2048 35,
 * 3072 56, 4096 88, 8192 294; RSA 2048 with a 32-bit exponent 57.
 */
export function verificationCost(key: KeyKind): number {
  switch (key.kind) {
    case 'rsa':
      return rsaCost(key.bits, key.exponentBits);
    case 'ec':
      return key.curve === 'other' ? 0 : EC_COST[key.curve];
    case 'ed25519':
      return 1.5;
    case 'ml-dsa':
      return ML_DSA_COST[key.set];
    case 'other':
      return 0;
  }
}

/** Measured beside P-256 in one run, the best of sixty: 1.44, 2.14 and 3.19 times its cost. */
const ML_DSA_COST = Object.freeze({ 44: 1.5, 65: 2.25, 87: 3.25 });

const EC_COST = Object.freeze({ 'P-256': 1, 'P-384': 8.5, 'P-521': 19 });

/** Loading the key, then one squaring of the modulus for each bit of the exponent. Within 10 % of the table above. */
function rsaCost(bits: number, exponentBits: number): number {
  return 0.25 + 0.013 * (bits / 2048) ** 2 * exponentBits;
}

/**
 * A memory of at most `maxEntries` results, the least recently used going first. Failures are remembered too: a peer
 * that repeats a bad chain pays nothing for it.
 */
export function createSignatureMemory(maxEntries: number): SignatureMemory {
  const results = new Map<string, boolean>();
  return Object.freeze({
    recall(key: string): boolean | undefined {
      const result = results.get(key);
      if (result === undefined) return undefined;
      // A Map keeps insertion order, so that its first key is always the least recently used one.
      results.delete(key);
      results.set(key, result);
      return result;
    },
    remember(key: string, verified: boolean): void {
      results.delete(key);
      results.set(key, verified);
      if (results.size > maxEntries) {
        const oldest = results.keys().next();
        if (oldest.done !== true) results.delete(oldest.value);
      }
    },
  });
}
