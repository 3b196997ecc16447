import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as der from '../../../src/pki/der/writer.ts';
import { parseSpki } from '../../../src/pki/x509/spki.ts';
import { generateKey } from '../../support/keys.ts';

const RSA = '1.2.840.113549.1.1.1';
const EC = '1.2.840.10045.2.1';
const P256 = der.oid('1.2.840.10045.3.1.7');

const spki = (oid: string, parameters: Buffer | null, bits: Buffer): Buffer =>
  der.sequence(der.sequence(der.oid(oid), ...(parameters === null ? [] : [parameters])), der.bitString(bits));

const kind = (bytes: Buffer) => {
  const parsed = parseSpki(bytes);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value.key;
};

const rsa = (modulus: Buffer, exponent: Buffer) =>
  spki(RSA, der.nullValue(), der.sequence(der.tlv(0x02, modulus), der.tlv(0x02, exponent)));
const modulus = (bits: number): Buffer => {
  const bytes = Buffer.alloc(bits / 8 + 1, 0xff);
  bytes[0] = 0;
  return bytes;
};
const e65537 = Buffer.from([1, 0, 1]);

describe('keys that cannot be used', () => {
  it.each([
    ['RSA without parameters', spki(RSA, null, der.sequence(der.integer(15), der.integer(3)))],
    ['RSA with other parameters', spki(RSA, der.integer(1), der.sequence(der.integer(15), der.integer(3)))],
    ['RSA that is no sequence', spki(RSA, der.nullValue(), Buffer.from([1]))],
    [
      'RSA with a third number',
      spki(RSA, der.nullValue(), der.sequence(der.integer(15), der.integer(3), der.integer(3))),
    ],
    ['a negative modulus', rsa(Buffer.from([0x81]), e65537)],
    ['an even modulus', rsa(Buffer.from([0x7e]), e65537)],
    ['an even exponent', rsa(modulus(2048), Buffer.from([2]))],
    ['a negative exponent', rsa(modulus(2048), Buffer.from([0x83]))],
    ['an exponent of one', rsa(modulus(2048), Buffer.from([1]))],
    ['EC without a curve', spki(EC, null, Buffer.alloc(65, 4))],
    ['EC with a curve that is no name', spki(EC, der.nullValue(), Buffer.alloc(65, 4))],
    ['a point of the wrong length', spki(EC, P256, Buffer.alloc(64, 4))],
    ['a point of another form', spki(EC, P256, Buffer.alloc(65, 6))],
    ['a point at infinity', spki(EC, P256, Buffer.from([0]))],
    ['Ed25519 with parameters', spki('1.3.101.112', der.nullValue(), Buffer.alloc(32))],
    ['Ed25519 of 31 bytes', spki('1.3.101.112', null, Buffer.alloc(31))],
    ['DSA', spki('1.2.840.10040.4.1', null, Buffer.alloc(1))],
    ['RSA-PSS as a key of its own', spki('1.2.840.113549.1.1.10', null, der.sequence(der.integer(15), der.integer(3)))],
  ])('%s', (_what, bytes) => {
    expect(kind(bytes)).toMatchObject({ kind: 'other' });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['unused bits', der.sequence(der.sequence(der.oid(RSA)), der.bitString(Buffer.from([0]), 1))],
    ['bytes behind', Buffer.concat([generateKey().spki, Buffer.from([0])])],
  ])('does not parse: %s', (_what, bytes) => {
    expect(parseSpki(bytes).ok).toBe(false);
  });
});

describe('kinds', () => {
  it.each([
    [2048, e65537, 17],
    [2048, Buffer.from([3]), 2],
    [8192, Buffer.from([0x00, 0xff, 0xff, 0xff, 0xff]), 32],
    [2048, Buffer.from([0x01, 0, 0, 0, 1]), 33],
  ])('RSA %i', (bits, exponent, exponentBits) => {
    expect(kind(rsa(modulus(bits), exponent))).toEqual({ kind: 'rsa', bits, exponentBits });
  });

  it('RSA of a size that is no multiple of eight', () => {
    const odd = modulus(2048);
    odd[1] = 0x01;
    expect(kind(rsa(odd.subarray(1), e65537))).toMatchObject({ bits: 2041 });
  });

  it.each([
    ['P-256', 'P-256'],
    ['P-384', 'P-384'],
    ['P-521', 'P-521'],
    ['secp256k1', 'other'],
  ])('%s is %s', (namedCurve, curve) => {
    const key = generateKeyPairSync('ec', { namedCurve, publicKeyEncoding: { type: 'spki', format: 'der' } } as never);
    expect(kind(key.publicKey as unknown as Buffer)).toEqual({ kind: 'ec', curve });
  });

  it('a compressed point', () => {
    expect(kind(spki(EC, P256, Buffer.alloc(33, 2)))).toEqual({ kind: 'ec', curve: 'P-256' });
    expect(kind(spki(EC, P256, Buffer.alloc(33, 3)))).toEqual({ kind: 'ec', curve: 'P-256' });
  });

  it('ML-DSA of three sizes, without parameters', () => {
    const none = Buffer.alloc(0);
    for (const [set, size, last] of [
      [44, 1312, 17],
      [65, 1952, 18],
      [87, 2592, 19],
    ] as const) {
      const oid = `2.16.840.1.101.3.4.3.${last}`;
      expect(kind(spki(oid, none, Buffer.alloc(size)))).toEqual({ kind: 'ml-dsa', set });
      expect(kind(spki(oid, none, Buffer.alloc(size + 1)))).toEqual({ kind: 'other', oid });
      expect(kind(spki(oid, der.nullValue(), Buffer.alloc(size)))).toEqual({ kind: 'other', oid });
    }
  });

  it('Ed25519, with raw bytes kept', () => {
    const key = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' });
    const parsed = parseSpki(key);
    if (!parsed.ok) throw new Error(parsed.why);
    expect(parsed.value).toMatchObject({ raw: key, key: { kind: 'ed25519' }, bits: key.subarray(-32) });
  });
});
