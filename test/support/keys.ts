/**
 * Keys and signatures for the tests' PKI, from node:crypto.
 *
 * Every call makes a new key: tests compare keys, so sharing one must be asked for (`key: other.key`). A P-256 key
 * costs 0.1 ms, RSA-2048 about 100 ms, RSA-4096 up to seconds: take the default unless the case is about RSA.
 */
import { constants, createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import * as der from '../../src/pki/der/writer.ts';

export type KeyName =
  | 'p256'
  | 'p384'
  | 'p521'
  | 'secp256k1'
  | 'rsa1024'
  | 'rsa2048'
  | 'rsa3072'
  | 'rsa4096'
  | 'rsa-pss'
  | 'ed25519'
  | 'ml-dsa-44'
  | 'ml-dsa-65'
  | 'ml-dsa-87';

/** `sha256` … with the padding that the key calls for; `pss-*` forces RSA-PSS with a plain RSA key. */
export type SignatureName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512' | 'pss-sha256' | 'pss-sha384';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** The pin without its prefix: base64 of the SHA-256 of `spki`. */
  readonly spkiSha256: string;
}

export function generateKey(name: KeyName = 'p256'): KeyPair {
  return keyPair(generate(name));
}

function generate(name: KeyName): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (name) {
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    case 'p521':
      return generateKeyPairSync('ec', { namedCurve: 'secp521r1' });
    case 'secp256k1':
      return generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'ml-dsa-44':
      return generateKeyPairSync('ml-dsa-44');
    case 'ml-dsa-65':
      return generateKeyPairSync('ml-dsa-65');
    case 'ml-dsa-87':
      return generateKeyPairSync('ml-dsa-87');
    case 'rsa-pss':
      return generateKeyPairSync('rsa-pss', {
        modulusLength: 2048,
        hashAlgorithm: 'sha256',
        mgf1HashAlgorithm: 'sha256',
        // Node takes a number and refuses text, whatever its types say.
        saltLength: 32 as unknown as string,
      });
    case 'rsa1024':
    case 'rsa2048':
    case 'rsa3072':
    case 'rsa4096':
      return generateKeyPairSync('rsa', { modulusLength: Number(name.slice(3)) });
  }
}

function keyPair(pair: { privateKey: KeyObject; publicKey: KeyObject }): KeyPair {
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' });
  return { ...pair, spki, spkiSha256: spkiDigest(spki) };
}

/** The pin without its prefix: base64 of the SHA-256 of an SPKI. */
export function spkiDigest(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('base64');
}

export interface Signature {
  /** DER of the AlgorithmIdentifier. */
  readonly algorithm: Buffer;
  readonly bytes: Buffer;
}

/** Signs `bytes`; null or absent `name`: SHA-256, or what the key demands. */
export function signBytes(key: KeyObject, bytes: Uint8Array, name: SignatureName = 'sha256'): Signature {
  const algorithm = signatureAlgorithm(key, name);
  const kind = key.asymmetricKeyType;
  if (kind === 'ed25519' || ML_DSA[kind ?? ''] !== undefined) return { algorithm, bytes: sign(null, bytes, key) };
  const digest = name.replace('pss-', '');
  if (kind === 'rsa-pss' || name.startsWith('pss-')) {
    const saltLength = digest === 'sha384' ? 48 : 32;
    return { algorithm, bytes: sign(digest, bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }) };
  }
  return { algorithm, bytes: sign(digest, bytes, key) };
}

const ML_DSA: Readonly<Record<string, string>> = {
  'ml-dsa-44': '2.16.840.1.101.3.4.3.17',
  'ml-dsa-65': '2.16.840.1.101.3.4.3.18',
  'ml-dsa-87': '2.16.840.1.101.3.4.3.19',
};
const ECDSA: Readonly<Record<string, string>> = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
};
const RSA: Readonly<Record<string, string>> = {
  md5: '1.2.840.113549.1.1.4',
  sha1: '1.2.840.113549.1.1.5',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
};
const DIGEST: Readonly<Record<string, string>> = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
};

/** DER of the AlgorithmIdentifier that `signBytes` would use. */
export function signatureAlgorithm(key: KeyObject, name: SignatureName = 'sha256'): Buffer {
  const kind = key.asymmetricKeyType;
  if (kind === 'ed25519') return der.sequence(der.oid('1.3.101.112'));
  const mlDsa = ML_DSA[kind ?? ''];
  if (mlDsa !== undefined) return der.sequence(der.oid(mlDsa));
  if (kind === 'rsa-pss' || name.startsWith('pss-')) return pssAlgorithm(name.replace('pss-', ''));
  if (kind === 'ec') return der.sequence(der.oid(known(ECDSA, name)));
  return der.sequence(der.oid(known(RSA, name)), der.nullValue());
}

function pssAlgorithm(digest: string): Buffer {
  const hash = der.sequence(der.oid(known(DIGEST, digest)), der.nullValue());
  return der.sequence(
    der.oid('1.2.840.113549.1.1.10'),
    der.sequence(
      der.contextConstructed(0, hash),
      der.contextConstructed(1, der.sequence(der.oid('1.2.840.113549.1.1.8'), hash)),
      der.contextConstructed(2, der.integer(digest === 'sha384' ? 48 : 32)),
    ),
  );
}

function known(table: Readonly<Record<string, string>>, name: string): string {
  const value = table[name];
  if (value === undefined) throw new RangeError(`no such signature for this key: ${name}`);
  return value;
}
