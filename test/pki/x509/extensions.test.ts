import { describe, expect, it } from 'vitest';
import { readDer } from '../../../src/pki/der/reader.ts';
import * as der from '../../../src/pki/der/writer.ts';
import { MAX_EXTENSIONS, readExtensions } from '../../../src/pki/x509/extensions.ts';
import * as ext from '../../support/extensions.ts';

const bytesOf = (...list: ext.RawExtension[]) => der.sequence(...list.map(ext.encodeExtension));
const read = (bytes: Buffer) => readDer(bytes, 100_000, readExtensions);

function known(...list: ext.RawExtension[]) {
  const parsed = read(bytesOf(...list));
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

const why = (bytes: Buffer): string => {
  const parsed = read(bytes);
  return parsed.ok ? 'parses' : parsed.why;
};

const EVERY: readonly ext.RawExtension[] = [
  ext.basicConstraints(true, 1),
  ext.keyUsage(['keyCertSign']),
  ext.extendedKeyUsage([ext.EKU.serverAuth]),
  ext.subjectAltName({ dns: ['a.test'] }),
  ext.nameConstraints({ permitted: { dns: ['test'] } }),
  ext.extension('2.5.29.33', true, der.sequence(der.sequence(der.oid('1.2.3'), der.oid('1.2.4')))),
  ext.extension('2.5.29.36', true, der.sequence(der.contextPrimitive(0, Buffer.from([0])))),
  ext.extension('2.5.29.54', true, der.integer(0)),
  ext.certificatePolicies(['1.2.3']),
  ext.subjectKeyIdentifier(Buffer.from([1])),
  ext.authorityKeyIdentifier(Buffer.from([2])),
  ext.authorityInfoAccess({ ocsp: ['http://ocsp.test'] }),
  ext.crlDistributionPoints(['http://crl.test']),
  ext.tlsFeatures([5]),
  ext.sctList(Buffer.from([0, 0])),
  ext.ctPoison(),
  ext.extension('1.3.6.1.5.5.7.48.1.5', false, der.nullValue()),
];

describe('lists that are refused', () => {
  const unknown = ext.extension('1.2.3', false, Buffer.from([1]));
  const written = (...parts: Buffer[]) => der.sequence(der.sequence(der.oid('1.2.3'), ...parts));

  it.each([
    ['an empty list', der.sequence(), 'Extensions is empty'],
    ['one twice', bytesOf(unknown, unknown), 'extension 1.2.3 occurs twice'],
    [
      'an encoded FALSE',
      written(der.boolean(false), der.octetString(Buffer.alloc(0))),
      'default value FALSE is encoded',
    ],
    ['no value', written(), 'an element is missing'],
    ['bytes behind the value', written(der.octetString(Buffer.alloc(0)), der.nullValue()), 'trailing bytes'],
    [
      'bytes behind a known value',
      bytesOf(ext.extension('2.5.29.19', true, Buffer.from([0x30, 0, 0]))),
      'trailing bytes',
    ],
    [
      'too many',
      bytesOf(
        ...Array.from({ length: MAX_EXTENSIONS + 1 }, (_, index) =>
          ext.extension(`1.2.${index}`, false, Buffer.alloc(0)),
        ),
      ),
      `more than ${MAX_EXTENSIONS} extensions`,
    ],
  ])('%s', (_what, bytes, reason) => {
    expect(why(bytes)).toBe(reason);
  });

  it.each(EVERY.map((extension) => [extension.oid]))('%s with a value that is not its own, critical or not', (oid) => {
    for (const value of [Buffer.alloc(0), Buffer.from([0x09, 0])]) {
      expect(why(bytesOf(ext.extension(oid, true, value)))).not.toBe('parses');
      expect(why(bytesOf(ext.extension(oid, false, value)))).not.toBe('parses');
    }
  });
});

describe('lists that are read', () => {
  it('every extension that we know', () => {
    expect(known(...EVERY).known).toMatchObject({
      basicConstraints: { ca: true, pathLength: 1 },
      keyUsage: { keyCertSign: true },
      extendedKeyUsage: [ext.EKU.serverAuth],
      subjectAltName: { dns: ['a.test'] },
      nameConstraints: { critical: true, permitted: { dns: ['test'] } },
      policyMappings: [{ issuer: '1.2.3', subject: '1.2.4' }],
      policyConstraints: { requireExplicit: 0, inhibitMapping: null },
      inhibitAnyPolicy: 0,
      certificatePolicies: [{ oid: '1.2.3' }],
      subjectKeyId: Buffer.from([1]),
      authorityKeyId: { keyId: Buffer.from([2]), serial: null },
      authorityInfoAccess: { ocsp: ['http://ocsp.test'], caIssuers: [] },
      crlDistributionPoints: [{ uris: ['http://crl.test'] }],
      tlsFeatures: [5],
      sctList: Buffer.from([0, 0]),
      ctPoison: true,
      ocspNoCheck: true,
    });
  });

  it('which of them may be critical', () => {
    const critical = EVERY.map((extension) => ({ ...extension, critical: true }));
    expect(known(...critical).unknownCritical).toEqual(EVERY.slice(9).map((extension) => extension.oid));
    const plain = EVERY.map((extension) => ({ ...extension, critical: false }));
    expect(known(...plain).unknownCritical).toEqual([]);
    expect(known(...plain).known.nameConstraints?.critical).toBe(false);
  });

  it('critical policies with a qualifier that nobody processes', () => {
    const qualifier = der.sequence(der.oid('1.2.3'), der.nullValue());
    const value = der.sequence(der.sequence(der.oid('1.2.3'), der.sequence(qualifier)));
    expect(known(ext.extension('2.5.29.32', true, value)).unknownCritical).toEqual(['2.5.29.32']);
    expect(known(ext.extension('2.5.29.32', false, value)).unknownCritical).toEqual([]);
  });

  it('unknown ones, unread', () => {
    const list = known(ext.extension('1.2.3', true, Buffer.from([9])), ext.extension('1.2.4', false, Buffer.alloc(0)));
    expect(list.unknownCritical).toEqual(['1.2.3']);
    expect(list.raw).toEqual([
      { oid: '1.2.3', critical: true, value: Buffer.from([9]) },
      { oid: '1.2.4', critical: false, value: Buffer.alloc(0) },
    ]);
  });
});
