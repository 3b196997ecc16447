import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readDer } from '../../../src/pki/der/reader.ts';
import * as der from '../../../src/pki/der/writer.ts';
import { readAlgorithm } from '../../../src/pki/x509/algorithm.ts';
import type { AlgorithmIdentifier, KeyKind } from '../../../src/pki/x509/certificate.ts';
import {
  createSignatureMemory,
  isOutOfBounds,
  type SignatureResult,
  verificationCost,
  verifySignature,
} from '../../../src/pki/x509/signature.ts';
import { SIGNED_DATA } from '../../cases/pki/signed-data.ts';
import { vector, vectorFiles } from '../../support/boringssl.ts';
import { generateKey, type KeyName, type SignatureName, signatureAlgorithm, signBytes } from '../../support/keys.ts';

const DATA = Buffer.from('signed bytes');

function algorithm(bytes: Buffer): AlgorithmIdentifier {
  const parsed = readDer(bytes, 1000, readAlgorithm);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

const named = (oid: string, ...parameters: Buffer[]) => algorithm(der.sequence(der.oid(oid), ...parameters));

const verify = (signed: Buffer, signature: Buffer, of: AlgorithmIdentifier, spki: Buffer): SignatureResult =>
  verifySignature(signed, signature, of, spki, createSignatureMemory(4));

const SHA256_RSA = '1.2.840.113549.1.1.11';
const SHA256_ECDSA = '1.2.840.10045.4.3.2';
const PSS = '1.2.840.113549.1.1.10';
const rsa = generateKey('rsa2048');
const p256 = generateKey('p256');
const pkcs1 = sign('sha256', DATA, rsa.privateKey);
const ecdsa = sign('sha256', DATA, p256.privateKey);

describe('what is not verified', () => {
  it.each([
    ['1.2.840.113549.1.1.2', 'weak'],
    ['1.2.840.113549.1.1.4', 'weak'],
    ['1.2.840.113549.1.1.5', 'weak'],
    ['1.3.14.3.2.29', 'weak'],
    ['1.2.840.113549.1.1.14', 'weak'],
    ['1.2.840.10045.4.1', 'weak'],
    ['1.2.840.10045.4.3.1', 'weak'],
    ['1.2.840.10040.4.3', 'weak'],
    ['2.16.840.1.101.3.4.3.17', 'unknown-algorithm'],
    ['0.0', 'unknown-algorithm'],
  ])('%s is %s, whatever the signature', (oid, result) => {
    expect(verify(DATA, pkcs1, named(oid, der.nullValue()), rsa.spki)).toBe(result);
  });

  it('parameters that do not belong to the algorithm', () => {
    expect(verify(DATA, ecdsa, named(SHA256_ECDSA, der.nullValue()), p256.spki)).toBe('unknown-algorithm');
    expect(verify(DATA, pkcs1, named(SHA256_RSA, der.integer(1)), rsa.spki)).toBe('unknown-algorithm');
    expect(verify(DATA, pkcs1, named('1.3.101.112', der.nullValue()), rsa.spki)).toBe('unknown-algorithm');
  });

  it('a key that does not fit', () => {
    expect(verify(DATA, pkcs1, named(SHA256_RSA, der.nullValue()), p256.spki)).toBe('failed');
    expect(verify(DATA, ecdsa, named(SHA256_ECDSA), rsa.spki)).toBe('failed');
    expect(verify(DATA, ecdsa, named(SHA256_ECDSA), Buffer.from([0x30, 0]))).toBe('failed');
    const foreign = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    const spki = foreign.publicKey.export({ type: 'spki', format: 'der' });
    expect(verify(DATA, sign('sha256', DATA, foreign.privateKey), named(SHA256_ECDSA), spki)).toBe('unknown-algorithm');
  });

  it('a key out of bounds, before anything is computed', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const spki = small.publicKey.export({ type: 'spki', format: 'der' });
    const refused: string[] = [];
    const memory = { recall: (key: string) => void refused.push(key), remember: () => undefined };
    const result = verifySignature(DATA, sign('sha256', DATA, small.privateKey), named(SHA256_RSA), spki, memory);
    expect([result, refused]).toEqual(['weak', []]);
  });

  it.each([
    [2047, 17, true],
    [2048, 17, false],
    [8192, 32, false],
    [8193, 17, true],
    [2048, 33, true],
  ])('RSA %i with an exponent of %i bits is out of bounds: %s', (bits, exponentBits, out) => {
    expect(isOutOfBounds({ kind: 'rsa', bits, exponentBits })).toBe(out);
  });

  it('a point that is not on its curve, and anything else that OpenSSL throws at', () => {
    const spki = Buffer.from(p256.spki);
    spki[spki.length - 1] = (spki.at(-1) ?? 0) ^ 1;
    expect(verify(DATA, ecdsa, named(SHA256_ECDSA), spki)).toBe('failed');
  });

  it.each([Buffer.alloc(0), Buffer.from([0x30, 0]), Buffer.alloc(72, 0xff)])(
    'a signature that is none',
    (signature) => {
      expect(verify(DATA, signature, named(SHA256_ECDSA), p256.spki)).toBe('failed');
      expect(verify(DATA, signature, named(SHA256_RSA), rsa.spki)).toBe('failed');
    },
  );

  it('an ECDSA signature with bytes behind it', () => {
    expect(verify(DATA, Buffer.concat([ecdsa, Buffer.from([0])]), named(SHA256_ECDSA), p256.spki)).toBe('failed');
  });
});

const DIGEST = { sha256: '2.16.840.1.101.3.4.2.1', sha384: '2.16.840.1.101.3.4.2.2', sha1: '1.3.14.3.2.26' };
const digest = (oid: string, ...parameters: Buffer[]) => der.sequence(der.oid(oid), ...parameters);
const pss = (hash: Buffer | null, mask: Buffer | null, salt: number | null, ...rest: Buffer[]) =>
  named(
    PSS,
    der.sequence(
      ...(hash === null ? [] : [der.contextConstructed(0, hash)]),
      ...(mask === null ? [] : [der.contextConstructed(1, der.sequence(der.oid('1.2.840.113549.1.1.8'), mask))]),
      ...(salt === null ? [] : [der.contextConstructed(2, der.integer(salt))]),
      ...rest,
    ),
  );

describe('RSA-PSS parameters', () => {
  const sha256 = digest(DIGEST.sha256, der.nullValue());
  const signature = signBytes(rsa.privateKey, DATA, 'pss-sha256').bytes;
  const result = (of: AlgorithmIdentifier) => verify(DATA, Buffer.from(signature), of, rsa.spki);

  it.each([
    ['none', named(PSS), 'unknown-algorithm'],
    ['defaults, which are SHA-1', pss(null, null, null), 'weak'],
    ['SHA-1 for the mask', pss(sha256, null, 32), 'weak'],
    ['SHA-1 for the message', pss(digest(DIGEST.sha1), sha256, 32), 'weak'],
    ['two digests', pss(sha256, digest(DIGEST.sha384), 32), 'unknown-algorithm'],
    ['another salt', pss(sha256, sha256, 20), 'unknown-algorithm'],
    ['the default salt', pss(sha256, sha256, null), 'unknown-algorithm'],
    ['a trailer', pss(sha256, sha256, 32, der.contextConstructed(3, der.integer(1))), 'unknown-algorithm'],
    ['an unknown digest', pss(digest('1.2.3'), digest('1.2.3'), 32), 'unknown-algorithm'],
    ['a digest with parameters', pss(digest(DIGEST.sha256, der.integer(1)), sha256, 32), 'unknown-algorithm'],
    [
      'bytes after the digest',
      named(PSS, der.sequence(der.contextConstructed(0, sha256, sha256))),
      'unknown-algorithm',
    ],
    [
      'another mask function',
      named(
        PSS,
        der.sequence(
          der.contextConstructed(0, sha256),
          der.contextConstructed(1, der.sequence(der.oid('1.2.3'), sha256)),
        ),
      ),
      'unknown-algorithm',
    ],
  ])('%s: %s', (_what, of, expected) => {
    expect(result(of)).toBe(expected);
  });

  it('accepts the one form, with and without NULL', () => {
    expect(result(pss(sha256, sha256, 32))).toBe('verified');
    expect(result(pss(digest(DIGEST.sha256), digest(DIGEST.sha256), 32))).toBe('verified');
  });
});

describe('what is verified', () => {
  const cases: readonly (readonly [KeyName, SignatureName])[] = [
    ['rsa2048', 'sha256'],
    ['rsa2048', 'sha384'],
    ['rsa2048', 'sha512'],
    ['rsa2048', 'pss-sha256'],
    ['rsa2048', 'pss-sha384'],
    ['p256', 'sha256'],
    ['p256', 'sha512'],
    ['p384', 'sha384'],
    ['ed25519', 'sha256'],
    ['ml-dsa-44', 'sha256'],
    ['ml-dsa-65', 'sha256'],
    ['ml-dsa-87', 'sha256'],
  ];

  it.each(cases)('%s %s, and not with one bit changed', (keyName, name) => {
    const key = keyName === 'rsa2048' ? rsa : generateKey(keyName);
    const of = algorithm(signatureAlgorithm(key.privateKey, name));
    const signature = Buffer.from(signBytes(key.privateKey, DATA, name).bytes);
    expect(verify(DATA, signature, of, key.spki)).toBe('verified');
    expect(verify(Buffer.from('Signed bytes'), signature, of, key.spki)).toBe('failed');
    signature[10] = (signature[10] ?? 0) ^ 1;
    expect(verify(DATA, signature, of, key.spki)).toBe('failed');
  });

  it('ML-DSA only with the set of the key, and without parameters', () => {
    const key = generateKey('ml-dsa-44');
    const { bytes } = signBytes(key.privateKey, DATA);
    expect(verify(DATA, bytes, named('2.16.840.1.101.3.4.3.18'), key.spki)).toBe('failed');
    const withNull = algorithm(der.sequence(der.oid('2.16.840.1.101.3.4.3.17'), der.nullValue()));
    expect(verify(DATA, bytes, withNull, key.spki)).toBe('unknown-algorithm');
    expect(verify(DATA, bytes, named('2.16.840.1.101.3.4.3.17'), generateKey('ml-dsa-65').spki)).toBe('failed');
  });

  it('P-521 and a compressed point', () => {
    const of = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
    const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
    const signature = sign('sha512', DATA, p521.privateKey);
    expect(verify(DATA, signature, named('1.2.840.10045.4.3.4'), of(p521.publicKey))).toBe('verified');
    const point = p256.spki.subarray(-65);
    const sign32 = Buffer.from([((point.at(-1) ?? 0) & 1) + 2]);
    const compressed = der.sequence(
      der.sequence(der.oid('1.2.840.10045.2.1'), der.oid('1.2.840.10045.3.1.7')),
      der.bitString(Buffer.concat([sign32, point.subarray(1, 33)])),
    );
    expect(verify(DATA, ecdsa, named(SHA256_ECDSA), compressed)).toBe('verified');
  });

  it('RSA PKCS#1 with absent parameters', () => {
    expect(verify(DATA, pkcs1, named(SHA256_RSA), rsa.spki)).toBe('verified');
  });
});

describe('the memory', () => {
  it('answers for the same four inputs only, failures included', () => {
    const memory = createSignatureMemory(10);
    const seen: string[] = [];
    const spying = {
      recall: (key: string) => {
        const known = memory.recall(key);
        seen.push(known === undefined ? 'new' : 'known');
        return known;
      },
      remember: (key: string, verified: boolean) => memory.remember(key, verified),
    };
    const of = named(SHA256_ECDSA);
    const ask = (signed: Buffer, signature: Buffer, spki: Buffer) =>
      verifySignature(signed, signature, of, spki, spying);
    expect(ask(DATA, ecdsa, p256.spki)).toBe('verified');
    expect(ask(DATA, ecdsa, p256.spki)).toBe('verified');
    expect(ask(Buffer.from('other'), ecdsa, p256.spki)).toBe('failed');
    expect(ask(Buffer.from('other'), ecdsa, p256.spki)).toBe('failed');
    expect(ask(DATA, ecdsa, generateKey('p256').spki)).toBe('failed');
    expect(seen).toEqual(['new', 'known', 'new', 'known', 'new']);
  });

  it('forgets what was not used for longest', () => {
    const memory = createSignatureMemory(2);
    memory.remember('a', true);
    memory.remember('b', false);
    expect(memory.recall('a')).toBe(true);
    memory.remember('c', true);
    expect(['a', 'b', 'c'].map((key) => memory.recall(key))).toEqual([true, undefined, true]);
    memory.remember('a', false);
    expect(memory.recall('a')).toBe(false);
  });

  it('of size zero remembers nothing', () => {
    const memory = createSignatureMemory(0);
    memory.remember('a', true);
    expect(memory.recall('a')).toBeUndefined();
  });
});

it('costs are in P-256 verifications', () => {
  const cost = (key: KeyKind) => Math.round(verificationCost(key) * 100) / 100;
  expect(cost({ kind: 'ec', curve: 'P-256' })).toBe(1);
  expect(cost({ kind: 'ec', curve: 'P-384' })).toBe(8.5);
  expect(cost({ kind: 'ec', curve: 'P-521' })).toBe(19);
  expect(cost({ kind: 'ec', curve: 'other' })).toBe(0);
  expect(cost({ kind: 'ed25519' })).toBe(1.5);
  expect(cost({ kind: 'ml-dsa', set: 87 })).toBe(3.25);
  expect(cost({ kind: 'other', oid: '1.2.3' })).toBe(0);
  expect(cost({ kind: 'rsa', bits: 2048, exponentBits: 17 })).toBe(0.47);
  expect(cost({ kind: 'rsa', bits: 4096, exponentBits: 17 })).toBe(1.13);
  expect(cost({ kind: 'rsa', bits: 8192, exponentBits: 17 })).toBe(3.79);
});

const SUITE = 'verify_signed_data_unittest';

describe.skipIf(vectorFiles(SUITE).length === 0)('BoringSSL verify_signed_data', () => {
  it.each(vectorFiles(SUITE))('%s', (file) => {
    const blocks = vector(SUITE, file);
    const part = (label: string) => blocks.get(label) ?? Buffer.alloc(0);
    const of = readDer(part('ALGORITHM'), 1000, readAlgorithm);
    const signature = readDer(part('SIGNATURE'), 100_000, (reader) => reader.bitStringBytes());
    const result =
      of.ok && signature.ok ? verify(part('DATA'), signature.value, of.value, part('PUBLIC KEY')) : 'malformed';
    expect(result).toBe(SIGNED_DATA[file]);
  });

  it('has a row for each vector', () => {
    expect(Object.keys(SIGNED_DATA).sort()).toEqual(vectorFiles(SUITE));
  });
});
