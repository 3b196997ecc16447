import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as der from '../../../src/pki/der/writer.ts';

const hex = (bytes: Buffer) => bytes.toString('hex');

describe('refuses what has no DER form', () => {
  it.each([
    ['a tag that needs more octets', () => der.tlv(0x1f)],
    ['a tag above one octet', () => der.tlv(0x130)],
    ['a fractional tag', () => der.tlv(1.5)],
    ['an OID with one arc', () => der.oid('1')],
    ['an OID with a third top arc', () => der.oid('3.1')],
    ['an OID with a second arc above 39', () => der.oid('1.40')],
    ['an OID with a leading zero', () => der.oid('1.2.03')],
    ['eight unused bits', () => der.bitString(Buffer.from([0]), 8)],
    ['unused bits of nothing', () => der.bitString(Buffer.alloc(0), 1)],
    ['an underscore in a PrintableString', () => der.printable('a_b')],
    ['an umlaut in an IA5String', () => der.ia5('ü')],
    ['a UTCTime in 2050', () => der.utcTime(Date.UTC(2050, 0, 1))],
    ['a UTCTime in 1949', () => der.utcTime(Date.UTC(1949, 11, 31))],
    ['a UTCTime that is no number', () => der.utcTime(Number.NaN)],
    ['a year of five digits', () => der.generalizedTime(Date.UTC(10_000, 0, 1))],
  ])('%s', (_name, write) => {
    expect(write).toThrow(RangeError);
  });
});

describe('lengths take the shortest form', () => {
  it.each([
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_536, '0483010000'],
  ])('%i octets', (size, head) => {
    expect(hex(der.octetString(Buffer.alloc(size)).subarray(0, head.length / 2))).toBe(head);
  });
});

describe('values', () => {
  it.each<[string, Buffer, string]>([
    ['0', der.integer(0), '020100'],
    ['127', der.integer(127), '02017f'],
    ['128', der.integer(128), '02020080'],
    ['256', der.integer(256), '02020100'],
    ['-1', der.integer(-1), '0201ff'],
    ['-128', der.integer(-128), '020180'],
    ['-129', der.integer(-129), '0202ff7f'],
    ['a wide number', der.integer(2n ** 64n), '0209010000000000000000'],
    ['unsigned octets', der.integer(Buffer.from('0080', 'hex')), '02020080'],
    ['no octets', der.integer(Buffer.alloc(0)), '020100'],
    ['enumerated', der.enumerated(6), '0a0106'],
    ['sha256WithRSAEncryption', der.oid('1.2.840.113549.1.1.11'), '06092a864886f70d01010b'],
    ['an arc under 2', der.oid('2.999.3'), '0603883703'],
    ['an arc above 2^32', der.oid('1.2.4294967296'), '06062a9080808000'],
    ['true', der.boolean(true), '0101ff'],
    ['false', der.boolean(false), '010100'],
    ['null', der.nullValue(), '0500'],
    ['bit string', der.bitString(Buffer.from([0xa0]), 4), '030204a0'],
    ['keyCertSign and cRLSign', der.namedBits([false, false, false, false, false, true, true]), '03020106'],
    ['digitalSignature, trailing zeros dropped', der.namedBits([true, false]), '03020780'],
    ['nine bits', der.namedBits(Array.from({ length: 9 }, (_, bit) => bit === 8)), '0303070080'],
    ['no bits', der.namedBits([false]), '030100'],
    ['utf8', der.utf8('ü'), '0c02c3bc'],
    ['printable', der.printable('A b'), '1303412062'],
    ['ia5', der.ia5('a@b'), '1603614062'],
    ['a set in order', der.set(der.integer(2), der.integer(1)), '3106020101020102'],
    ['a sequence as given', der.sequence(der.integer(2), der.integer(1)), '3006020102020101'],
    ['implicit context', der.contextPrimitive(2, Buffer.from('a')), '820161'],
    ['explicit context', der.contextConstructed(3, der.nullValue()), 'a3020500'],
  ])('%s', (_name, bytes, expected) => {
    expect(hex(bytes)).toBe(expected);
  });

  it.each([
    ['the last second of UTCTime', Date.UTC(2049, 11, 31, 23, 59, 59), 0x17, '491231235959Z'],
    ['the first second after it', Date.UTC(2050, 0, 1), 0x18, '20500101000000Z'],
    ['1950', Date.UTC(1950, 0, 1), 0x17, '500101000000Z'],
    ['before 1950', Date.UTC(1949, 11, 31), 0x18, '19491231000000Z'],
    ['fractions are cut', Date.UTC(2026, 2, 1) + 999, 0x17, '260301000000Z'],
  ])('time: %s', (_name, atMs, tag, text) => {
    const bytes = der.time(atMs);
    expect(bytes[0]).toBe(tag);
    expect(bytes.subarray(2).toString('latin1')).toBe(text);
  });
});

it('integers are minimal two’s complement for any number', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }), (number) => {
      const content = der.integer(number).subarray(2);
      const first = content[0] ?? 0;
      const second = content[1] ?? 0;
      expect(BigInt.asIntN(content.length * 8, BigInt(`0x${content.toString('hex')}`))).toBe(number);
      if (content.length > 1) {
        expect((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)).toBe(false);
      }
    }),
  );
});
