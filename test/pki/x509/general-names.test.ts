import { describe, expect, it } from 'vitest';
import { type DerReader, readDer } from '../../../src/pki/der/reader.ts';
import * as der from '../../../src/pki/der/writer.ts';
import * as names from '../../../src/pki/x509/general-names.ts';
import { distinguishedName, generalNames } from '../../support/extensions.ts';

const read = <T>(bytes: Buffer, body: (reader: DerReader) => T) => readDer(bytes, 10_000, body);
const list = (...parts: Buffer[]) =>
  read(der.sequence(...parts), (reader) => names.readGeneralNames(reader.sequence()));
const trees = (...parts: Buffer[]) => read(der.sequence(...parts), (reader) => names.readNameConstraints(reader, true));
const uri = (text: string) => generalNames({ uri: [text] })[0] as Buffer;

describe('GeneralNames', () => {
  it.each([
    ['none', []],
    ['an unknown form', [der.tlv(0x89, Buffer.alloc(1))]],
    ['a dNSName that is constructed', [der.tlv(0xa2, Buffer.alloc(0))]],
    ['a dNSName that is not ASCII', generalNames({ dns: ['b\u00fccher.test'] })],
    ['an address of five bytes', [der.contextPrimitive(7, Buffer.alloc(5))]],
    ['an address of eight bytes', [der.contextPrimitive(7, Buffer.alloc(8))]],
    ['two names in one directoryName', [der.contextConstructed(4, distinguishedName([]), distinguishedName([]))]],
    ['a name without a length', [Buffer.from([0x82])]],
  ])('refuses %s', (_what, parts) => {
    expect(list(...parts).ok).toBe(false);
  });

  it('reads the forms that it knows and the tags of the others', () => {
    const spec = { dns: ['a.test', ''], ip: ['192.0.2.1', '::1'], email: ['a@b.test'], uri: ['urn:x'] };
    const other = [der.contextConstructed(0), der.contextConstructed(3), der.contextConstructed(5)];
    const registered = der.contextPrimitive(8, Buffer.from([0x2a]));
    const parsed = list(
      ...generalNames({ ...spec, directory: [distinguishedName([['CN', 'x']])] }),
      ...other,
      registered,
    );
    if (!parsed.ok) throw new Error(parsed.why);
    expect(parsed.value).toMatchObject({ ...spec, ip: [{ length: 4 }, { length: 16 }], otherTags: [0, 3, 5, 8] });
    expect(parsed.value.directory[0]?.text).toBe('CN=x');
    expect(Object.isFrozen(parsed.value.dns)).toBe(true);
  });
});

describe('NameConstraints', () => {
  const tree = (...parts: Buffer[]) => der.contextConstructed(0, der.sequence(...parts));
  const range = (...bytes: number[]) => der.contextPrimitive(7, Buffer.from(bytes));

  it.each([
    ['neither list', trees()],
    ['an empty list', trees(der.contextConstructed(0))],
    ['a minimum', trees(tree(uri('a.test'), der.contextPrimitive(0, Buffer.from([1]))))],
    ['lists in the wrong order', trees(der.contextConstructed(1, der.sequence(uri('a'))), tree(uri('b')))],
    ['a range of four bytes', trees(tree(range(1, 2, 3, 4)))],
    ['a mask with a hole', trees(tree(range(10, 0, 0, 0, 255, 0, 255, 0)))],
    ['a mask that starts late', trees(tree(range(10, 0, 0, 0, 127, 0, 0, 0)))],
  ])('refuses %s', (_what, parsed) => {
    expect(parsed.ok).toBe(false);
  });

  it('reads both lists', () => {
    const parsed = trees(
      tree(range(10, 0, 0, 0, 255, 128, 0, 0)),
      der.contextConstructed(1, der.sequence(uri('.b.test'))),
    );
    if (!parsed.ok) throw new Error(parsed.why);
    expect(parsed.value.critical).toBe(true);
    expect(parsed.value.permitted.ip).toEqual([
      { address: Buffer.from([10, 0, 0, 0]), mask: Buffer.from([255, 128, 0, 0]) },
    ]);
    expect(parsed.value.excluded.uri).toEqual(['.b.test']);
  });
});

describe('CRL distribution points', () => {
  const points = (...parts: Buffer[]) => read(der.sequence(...parts), names.readDistributionPoints);
  const named = (...parts: Buffer[]) => der.contextConstructed(0, ...parts);
  const full = (...parts: Buffer[]) => named(der.contextConstructed(0, ...parts));
  const reasons = der.contextPrimitive(1, Buffer.from([5, 0x60]));
  const issuer = der.contextConstructed(2, der.contextConstructed(4, distinguishedName([['CN', 'crl']])));

  it.each([
    ['none', points()],
    ['an empty one', points(der.sequence())],
    ['reasons alone', points(der.sequence(reasons))],
    ['an empty name', points(der.sequence(named()))],
    ['an empty full name', points(der.sequence(full()))],
    ['a relative name that is none', points(der.sequence(named(der.contextConstructed(1, der.sequence()))))],
    ['two names', points(der.sequence(named(der.contextConstructed(0, uri('a')), der.contextConstructed(1))))],
  ])('refuses %s', (_what, parsed) => {
    expect(parsed.ok).toBe(false);
  });

  it('reads URIs, and that there is more', () => {
    const parsed = points(
      der.sequence(full(uri('http://a.test/1'), uri('http://a.test/2'))),
      der.sequence(full(uri('http://b.test')), reasons, issuer),
      der.sequence(named(der.contextConstructed(1, der.sequence(der.oid('2.5.4.3'), der.utf8('Part'))))),
      der.sequence(issuer),
      der.sequence(full(uri('http://c.test'), der.contextPrimitive(2, der.ia5Bytes('c.test')))),
    );
    const nothing = { directories: [], relative: null, hasOtherNames: false, hasReasons: false, hasIssuer: false };
    expect(parsed).toEqual({
      ok: true,
      value: [
        { ...nothing, uris: ['http://a.test/1', 'http://a.test/2'] },
        { ...nothing, uris: ['http://b.test'], hasReasons: true, hasIssuer: true },
        { ...nothing, uris: [], relative: '1(2.5.4.3=s4:part)' },
        { ...nothing, uris: [], hasIssuer: true },
        { ...nothing, uris: ['http://c.test'], hasOtherNames: true },
      ],
    });
  });
});

describe('access descriptions', () => {
  const access = (...parts: Buffer[]) => read(der.sequence(...parts), names.readAccess);
  const OCSP = der.oid('1.3.6.1.5.5.7.48.1');
  const ISSUERS = der.oid('1.3.6.1.5.5.7.48.2');

  it('refuse none and a third element', () => {
    expect(access().ok).toBe(false);
    expect(access(der.sequence(OCSP, uri('a'), uri('b'))).ok).toBe(false);
  });

  it('are sorted by method; other methods and forms are passed over', () => {
    const dn = der.contextConstructed(4, distinguishedName([]));
    const parsed = access(
      der.sequence(OCSP, uri('http://ocsp.test')),
      der.sequence(ISSUERS, uri('http://ca.test')),
      der.sequence(der.oid('1.2.3'), uri('http://x.test')),
      der.sequence(OCSP, dn),
    );
    expect(parsed).toEqual({ ok: true, value: { ocsp: ['http://ocsp.test'], caIssuers: ['http://ca.test'] } });
  });
});
