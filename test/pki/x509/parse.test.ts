import { describe, expect, it } from 'vitest';
import { Der } from '../../../src/model/der.ts';
import { readDer } from '../../../src/pki/der/reader.ts';
import * as der from '../../../src/pki/der/writer.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { MAX_CERTIFICATE_BYTES, parseCertificate } from '../../../src/pki/x509/parse.ts';
import { CERTIFICATE_DEVIATIONS } from '../../cases/pki/boringssl-certificates.ts';
import { vector, vectorFiles } from '../../support/boringssl.ts';
import * as ext from '../../support/extensions.ts';
import { spkiDigest } from '../../support/keys.ts';
import { authority, type Spec } from '../../support/test-ca.ts';

const AT = '2026-01-01T00:00:00Z';
const root = authority({ at: AT });

function certificate(bytes: Uint8Array): Certificate {
  const parsed = parseCertificate(bytes);
  if (!parsed.ok) throw new Error(`${parsed.why} at ${parsed.offset}`);
  return parsed.value;
}

const why = (spec: Spec): string => {
  const parsed = parseCertificate(root.issueLeaf(spec).der);
  return parsed.ok ? 'parses' : parsed.why;
};

describe('what is refused', () => {
  it.each([
    ['nothing', Buffer.alloc(0), 'an element is missing'],
    ['text', Buffer.from('-----BEGIN CERTIFICATE-----'), 'tag 0x2d where 0x30 was expected'],
    ['a byte more', Buffer.concat([root.der, Buffer.from([0])]), 'trailing bytes'],
    ['a byte less', root.der.subarray(0, -1), 'element is longer than what holds it'],
    ['more than 64 KiB', Buffer.alloc(MAX_CERTIFICATE_BYTES + 1), `longer than ${MAX_CERTIFICATE_BYTES} bytes`],
  ])('%s', (_what, bytes, reason) => {
    expect(parseCertificate(bytes)).toMatchObject({ ok: false, why: reason });
  });

  it('more than 64 KiB that are already a Der', () => {
    expect(parseCertificate(Der.of(Buffer.alloc(MAX_CERTIFICATE_BYTES + 1))).ok).toBe(false);
  });

  it('signature algorithms that differ, if only in NULL against absent', () => {
    const bare = der.sequence(der.oid('1.2.840.10045.4.3.2'));
    const withNull = der.sequence(der.oid('1.2.840.10045.4.3.2'), der.nullValue());
    expect(why({ dns: ['a.test'], innerAlgorithm: withNull })).toBe('the two signature algorithms differ');
    expect(why({ dns: ['a.test'], innerAlgorithm: bare })).toBe('parses');
  });

  it('an empty subject whose names are not critical', () => {
    const names = { dns: ['a.test'] };
    expect(why({ subject: [], ...names, namesCritical: false })).toBe(
      'empty subject and subjectAltName is not critical',
    );
    expect(why({ subject: [], extensions: [ext.subjectAltName(names, true)] })).toBe('parses');
    expect(why({ subject: [] })).toBe('parses');
  });

  it('a serial number that is empty or not minimal', () => {
    expect(why({ serial: Buffer.alloc(0) })).toBe('INTEGER is empty');
    expect(why({ serial: Buffer.from([0, 1]) })).toBe('INTEGER is not minimal');
  });
});

describe('what is read', () => {
  it('every field of a leaf', () => {
    const leaf = root.issueLeaf({ dns: ['good.test'], serial: 0x1234n });
    const read = certificate(leaf.der);
    expect(read).toMatchObject({
      version: 3,
      serial: Buffer.from([0x12, 0x34]),
      serialFault: null,
      selfIssued: false,
      tbs: leaf.tbs,
      spki: leaf.spki,
      spkiSha256: spkiDigest(leaf.spki),
      publicKeyBits: ext.publicKeyBits(leaf.spki),
      key: { kind: 'ec', curve: 'P-256' },
      notBeforeMs: Date.parse('2025-12-31T00:00:00Z'),
      notAfterMs: Date.parse('2026-04-01T00:00:00Z'),
      unknownCritical: [],
    });
    expect(read.subject.text).toBe('CN=good.test');
    expect(read.issuer.key).toBe(certificate(root.der).subject.key);
    expect(read.extensions.subjectAltName?.dns).toEqual(['good.test']);
    expect(read.rawExtensions.map((extension) => extension.oid)).toContain('2.5.29.17');
    expect(read.signatureAlgorithm.oid).toBe('1.2.840.10045.4.3.2');
  });

  it('a self-issued root, and no memory shared with the caller', () => {
    const bytes = Buffer.from(root.der);
    const read = certificate(bytes);
    bytes.fill(0);
    expect(read.selfIssued).toBe(true);
    expect(read.der.bytes).toEqual(root.der);
    expect(read.tbs).toEqual(root.tbs);
  });

  it('a Der without hashing it again, to a frozen value', () => {
    const held = Der.of(root.der);
    const parsed = parseCertificate(held);
    if (!parsed.ok) throw new Error(parsed.why);
    expect(parsed.value.der).toBe(held);
    expect(Object.isFrozen(parsed.value)).toBe(true);
    expect(Object.isFrozen(parsed.value.extensions)).toBe(true);
    expect(Object.isFrozen(parsed.value.rawExtensions)).toBe(true);
  });

  it.each([
    [Buffer.from([0]), 'zero'],
    [Buffer.from([0x80]), 'negative'],
    [Buffer.alloc(21, 1), 'too-long'],
    [Buffer.concat([Buffer.from([0, 0xff]), Buffer.alloc(19, 1)]), 'too-long'],
    [Buffer.alloc(20, 1), null],
    [Buffer.from([0, 0x80]), null],
  ])('the fault of the serial number %j: %s', (serial, fault) => {
    expect(certificate(root.issueLeaf({ serial, dns: ['a.test'] }).der).serialFault).toBe(fault);
  });

  it('both forms of time, up to the year 9999', () => {
    const read = certificate(
      root.issueLeaf({ notBefore: '1950-01-01T00:00:00Z', notAfter: '9999-12-31T23:59:59Z' }).der,
    );
    expect(read.notBeforeMs).toBe(Date.parse('1950-01-01T00:00:00Z'));
    expect(read.notAfterMs).toBe(Date.parse('9999-12-31T23:59:59Z'));
  });

  it('version 1', () => {
    expect(certificate(authority({ version: 1 }).der)).toMatchObject({ version: 1, extensions: {}, rawExtensions: [] });
  });

  it('a thousand names', () => {
    const dns = Array.from({ length: 1000 }, (_, index) => `host-${index}.example.test`);
    expect(certificate(root.issueLeaf({ dns }).der).extensions.subjectAltName?.dns).toEqual(dns);
  });
});

const SUITE = 'parse_certificate_unittest';
const present = vectorFiles(SUITE).length > 0;
const deviation = (file: string) => CERTIFICATE_DEVIATIONS.find((one) => one.file === file);

describe.skipIf(!present)('BoringSSL parse_certificate: certificates', () => {
  const files = present ? vectorFiles(SUITE).filter((file) => vector(SUITE, file).has('CERTIFICATE')) : [];

  it.each(files)('%s', (file) => {
    const blocks = vector(SUITE, file);
    const parsed = parseCertificate(blocks.get('CERTIFICATE') ?? Buffer.alloc(0));
    const expected = !blocks.has('ERRORS');
    expect(parsed.ok).toBe(deviation(file)?.parses ?? expected);
    // A deviation towards acceptance must be one that somebody after the parser refuses.
    if (parsed.ok && !expected) expect(parsed.value.serialFault).not.toBeNull();
    const tbs = blocks.get('TBS CERTIFICATE');
    if (parsed.ok && tbs !== undefined) expect(parsed.value.tbs).toEqual(tbs);
  });

  it('has no deviation without its vector', () => {
    expect(CERTIFICATE_DEVIATIONS.map((one) => one.file).filter((file) => !files.includes(file))).toEqual([]);
  });
});

/** The vectors of a bare TBS hold filler for names, keys and extensions: real ones are put in its place. */
function completed(tbs: Buffer): Buffer {
  const algorithm = der.sequence(der.oid('1.2.840.10045.4.3.2'));
  const dn = ext.distinguishedName([['CN', 'x']]);
  const parts = readDer(tbs, tbs.length, (reader) => {
    const body = reader.sequence();
    const elements: Buffer[] = [];
    if (body.is(0xa0)) elements.push(body.element());
    elements.push(body.element());
    body.element();
    body.element();
    const validity = body.element();
    body.element();
    body.element();
    elements.push(algorithm, dn, validity, dn, root.spki);
    while (!body.atEnd) elements.push(withRealExtensions(body.element()));
    return elements;
  });
  const whole = parts.ok ? der.sequence(...parts.value) : tbs;
  return der.sequence(whole, algorithm, der.bitString(Buffer.from([1])));
}

function withRealExtensions(element: Buffer): Buffer {
  if (element[0] !== 0xa3 || element[2] !== 0x30) return element;
  return der.contextConstructed(3, der.sequence(ext.encodeExtension(ext.basicConstraints(false, null))));
}

describe.skipIf(!present)('BoringSSL parse_certificate: TBS', () => {
  const files = present ? vectorFiles(SUITE).filter((file) => file.startsWith('tbs_')) : [];

  it.each(files)('%s', (file) => {
    const blocks = vector(SUITE, file);
    const tbs = blocks.get('TBS CERTIFICATE') ?? Buffer.alloc(0);
    const parsed = parseCertificate(file === 'tbs_v3_real.pem' ? realCertificate(tbs) : completed(tbs));
    expect(parsed.ok).toBe(blocks.has('SPKI'));
    const serial = blocks.get('SERIAL NUMBER');
    if (parsed.ok && serial !== undefined) expect(parsed.value.serial).toEqual(serial);
  });
});

function realCertificate(tbs: Buffer): Buffer {
  const algorithm = readDer(tbs, tbs.length, (reader) => {
    const body = reader.sequence();
    body.element();
    body.element();
    const found = body.element();
    body.rest();
    return found;
  });
  return der.sequence(tbs, algorithm.ok ? algorithm.value : Buffer.alloc(0), der.bitString(Buffer.from([1])));
}
