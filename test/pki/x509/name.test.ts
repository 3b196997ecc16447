import { describe, expect, it } from 'vitest';
import { readDer } from '../../../src/pki/der/reader.ts';
import * as der from '../../../src/pki/der/writer.ts';
import type { Name, Parsed } from '../../../src/pki/x509/certificate.ts';
import { readName } from '../../../src/pki/x509/name.ts';
import { vector, vectorFiles } from '../../support/boringssl.ts';
import { distinguishedName } from '../../support/extensions.ts';

const SUITE = 'verify_name_match_unittest/names';
const parse = (bytes: Uint8Array): Parsed<Name> => readDer(bytes, 10_000, readName);

function name(bytes: Uint8Array): Name {
  const parsed = parse(bytes);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

const one = (tag: number, content: string | Buffer, type = '2.5.4.3'): Buffer =>
  der.sequence(der.set(der.sequence(der.oid(type), der.tlv(tag, Buffer.from(content as string)))));

describe('names that are refused', () => {
  it.each([
    ['an underscore in a PrintableString', one(0x13, 'a_b')],
    ['UTF-8 in a PrintableString', one(0x13, 'ä')],
    ['a byte above 127 in an IA5String', one(0x16, Buffer.from([0x80]))],
    ['broken UTF-8', one(0x0c, Buffer.from([0xc3]))],
    ['a surrogate in UTF-8', one(0x0c, Buffer.from([0xed, 0xa0, 0x80]))],
    ['an odd BMPString', one(0x1e, Buffer.from([0]))],
    ['a surrogate in a BMPString', one(0x1e, Buffer.from([0xd8, 0, 0xdc, 0]))],
    ['an uneven UniversalString', one(0x1c, Buffer.from([0, 0]))],
    ['a UniversalString beyond Unicode', one(0x1c, Buffer.from([0, 0x11, 0, 0]))],
    ['an empty RDN', der.sequence(der.set())],
    [
      'a third element in an attribute',
      der.sequence(der.set(der.sequence(der.oid('2.5.4.3'), der.utf8('a'), der.utf8('b')))),
    ],
  ])('%s', (_what, bytes) => {
    expect(parse(bytes).ok).toBe(false);
  });
});

describe('keys', () => {
  it('tell types, values and borders apart', () => {
    const keys = [
      distinguishedName([['CN', 'a']]),
      distinguishedName([['O', 'a']]),
      distinguishedName([['CN', 'ab']]),
      distinguishedName([
        ['CN', 'a'],
        ['CN', 'b'],
      ]),
      one(0x14, 'a'),
      one(0x0c, ''),
      one(0x02, Buffer.from([0x61])),
      // A value that spells the start of another attribute.
      distinguishedName([['CN', 'a)1(2.5.4.10=s1:b']]),
      distinguishedName([]),
    ].map((bytes) => name(bytes).key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('fold ASCII case and spaces, and nothing else', () => {
    expect(name(one(0x0c, ' A  b ')).key).toBe(name(one(0x13, 'a B')).key);
    expect(name(one(0x0c, 'Ä')).key).not.toBe(name(one(0x0c, 'ä')).key);
    expect(name(one(0x0c, 'a\tb')).key).not.toBe(name(one(0x0c, 'a b')).key);
  });

  it('ignore the order within one RDN, not that of RDNs', () => {
    const attribute = (type: string, value: string) => der.sequence(der.oid(type), der.utf8(value));
    const [cn, o] = [attribute('2.5.4.3', 'x'), attribute('2.5.4.10', 'y')];
    expect(name(der.sequence(der.set(cn, o))).key).toBe(name(der.sequence(der.set(o, cn))).key);
    expect(name(der.sequence(der.set(cn), der.set(o))).key).not.toBe(name(der.sequence(der.set(o), der.set(cn))).key);
    expect(name(der.sequence(der.set(cn, o))).text).toBe('CN=x+O=y');
  });
});

describe('texts', () => {
  it('put the common name first and know the usual types', () => {
    const parts = [
      ['C', 'DE'],
      ['O', 'Example'],
      ['CN', 'good.test'],
    ] as const;
    expect(name(distinguishedName(parts)).text).toBe('CN=good.test,O=Example,C=DE');
    expect(name(one(0x0c, 'x', '1.2.3')).text).toBe('1.2.3=x');
    expect(name(one(0x02, Buffer.from([5]))).text).toBe('CN=#05');
    expect(name(distinguishedName([])).text).toBe('');
  });

  it('escape separators, replace what can make a line lie, and are capped', () => {
    expect(name(one(0x0c, 'a,O=b')).text).toBe('CN=a\\,O\\=b');
    expect(name(one(0x0c, 'a\n\u202eb\u2028')).text).toBe('CN=a\ufffd\ufffdb\ufffd');
    const long = name(one(0x0c, '\u{1f600}'.repeat(300))).text;
    expect(long.length).toBeLessThanOrEqual(256);
    expect(long.endsWith('…')).toBe(true);
    expect(long.isWellFormed()).toBe(true);
  });

  it('keep raw bytes and email addresses', () => {
    const bytes = distinguishedName([['emailAddress', 'a@b.test']]);
    expect(name(bytes)).toMatchObject({ raw: bytes, emails: ['a@b.test'] });
    // VisibleString: a type that cannot be compared as text.
    expect(name(one(0x1a, 'a@b.test', '1.2.840.113549.1.9.1')).emails).toEqual([null]);
  });
});

describe.skipIf(vectorFiles(SUITE).length === 0)('BoringSSL verify_name_match', () => {
  const at = (file: string): Buffer => vector(SUITE, `${file}.pem`).get('NAME') ?? Buffer.alloc(0);
  const key = (file: string): string => name(at(file)).key;
  const TYPES = ['PRINTABLESTRING', 'T61STRING', 'UTF8', 'BMPSTRING', 'UNIVERSALSTRING'];
  const comparable = (a: string, b: string) => a === b || (a !== 'T61STRING' && b !== 'T61STRING');

  it.each(vectorFiles(SUITE))('%s parses unless it is invalid', (file) => {
    expect(parse(at(file.replace('.pem', ''))).ok).toBe(!file.startsWith('invalid-'));
  });

  it.each(TYPES.flatMap((type) => ['unmangled', 'case_swap', 'extra_whitespace'].map((form) => [type, form])))(
    '%s %s differs from itself with more',
    (type, form) => {
      const plain = `ascii-${type}-${form}`;
      const keys = [plain, `${plain}-extra_attr`, `${plain}-extra_rdn`, `${plain}-dupe_attr`].map(key);
      expect(new Set(keys).size).toBe(4);
    },
  );

  it.each(TYPES)('%s folds case and spaces, except T61String', (type) => {
    for (const form of ['case_swap', 'extra_whitespace']) {
      expect(key(`ascii-${type}-${form}`) === key(`ascii-${type}-unmangled`)).toBe(type !== 'T61STRING');
    }
  });

  it.each(TYPES.flatMap((a) => TYPES.map((b) => [a, b] as const)))('%s against %s, whole and as subtree', (a, b) => {
    expect(key(`ascii-${a}-unmangled`) === key(`ascii-${b}-unmangled`)).toBe(comparable(a, b));
    const inside = (name: string, tree: string) => key(name).startsWith(key(tree));
    expect(inside(`ascii-${a}-unmangled-extra_rdn`, `ascii-${b}-unmangled`)).toBe(comparable(a, b));
    expect(inside(`ascii-${a}-unmangled`, `ascii-${b}-unmangled-extra_rdn`)).toBe(false);
    expect(inside(`ascii-${a}-unmangled-extra_attr`, `ascii-${b}-unmangled`)).toBe(false);
    expect(inside(`ascii-${a}-unmangled`, `ascii-${b}-unmangled-extra_attr`)).toBe(false);
  });

  it('compares Unicode over string types and sorts attributes', () => {
    expect(key('unicode_bmp-BMPSTRING-unmangled')).toBe(key('unicode_bmp-UTF8-unmangled'));
    expect(key('unicode_bmp-UNIVERSALSTRING-unmangled')).toBe(key('unicode_bmp-UTF8-unmangled'));
    expect(key('unicode_supplementary-UNIVERSALSTRING-unmangled')).toBe(key('unicode_supplementary-UTF8-unmangled'));
    expect(key('unicode-mixed-unnormalized')).toBe(key('unicode-mixed-normalized'));
    expect(key('ascii-mixed-rdn_dupetype_sorting_1')).toBe(key('ascii-mixed-rdn_dupetype_sorting_2'));
    expect(key('ascii-PRINTABLESTRING-rdn_sorting_1')).toBe(key('ascii-PRINTABLESTRING-rdn_sorting_2'));
  });

  it.each(Array.from({ length: 256 }, (_, byte) => byte))('byte %i in a PrintableString and an IA5String', (byte) => {
    const replace = (file: string, text: string) => {
      const bytes = Buffer.from(at(file));
      bytes[bytes.indexOf(text)] = byte;
      return parse(bytes).ok;
    };
    const printable = /[A-Za-z0-9 '()*+,\-./:=?]/.test(String.fromCharCode(byte));
    expect(replace('ascii-PRINTABLESTRING-unmangled', '0123456789')).toBe(printable);
    expect(replace('ascii-mixed-rdn_dupetype_sorting_1', 'eXaMple')).toBe(byte < 128);
  });
});
