import { describe, expect, it } from 'vitest';
import { type DerReader, readDer, TAG } from '../../../src/pki/der/reader.ts';
import * as der from '../../../src/pki/der/writer.ts';
import * as values from '../../../src/pki/x509/extension-values.ts';
import { AUTHORITY_KEY_IDS } from '../../cases/pki/boringssl-certificates.ts';
import { vector, vectorFiles } from '../../support/boringssl.ts';
import { distinguishedName } from '../../support/extensions.ts';

const read = <T>(bytes: Buffer, body: (reader: DerReader) => T) => readDer(bytes, 10_000, body);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('basicConstraints', () => {
  it.each([
    ['a negative path length', '30 06 01 01 ff 02 01 ff'],
    ['a path length above 255', '30 07 01 01 ff 02 02 01 00'],
    ['a third field', '30 09 01 01 ff 02 01 00 02 01 00'],
    ['a BOOLEAN that is not canonical', '30 03 01 01 01'],
  ])('refuses %s', (_what, text) => {
    expect(read(hex(text), values.readBasicConstraints).ok).toBe(false);
  });

  it.each([
    ['30 00', false, null],
    ['30 03 01 01 00', false, null],
    ['30 03 02 01 03', false, 3],
    ['30 03 01 01 ff', true, null],
    ['30 07 01 01 ff 02 02 00 ff', true, 255],
  ])('%s', (text, ca, pathLength) => {
    expect(read(hex(text), values.readBasicConstraints)).toEqual({ ok: true, value: { ca, pathLength } });
  });
});

describe('keyUsage', () => {
  it.each(['03 01 00', '03 02 07 00', '03 05 00 00 00 00 00', '03 05 00 00 00 00 02', '03 03 06 00 40'])(
    'refuses %s',
    (text) => {
      expect(read(hex(text), values.readKeyUsage).ok).toBe(false);
    },
  );

  it('reads nine bits', () => {
    const of = (text: string) => {
      const parsed = read(hex(text), values.readKeyUsage);
      if (!parsed.ok) throw new Error(parsed.why);
      return parsed.value;
    };
    expect(of('03 02 05 a0')).toMatchObject({ digitalSignature: true, keyCertSign: false, crlSign: false });
    expect(of('03 02 01 06')).toMatchObject({ digitalSignature: false, keyCertSign: true, crlSign: true });
    expect(of('03 03 07 00 80').bits).toEqual([...Array<boolean>(8).fill(false), true]);
    // Trailing zero bits are not DER for a named bit list, but mean the same.
    expect(of('03 02 00 06').keyCertSign).toBe(true);
  });
});

it('extended key usage has at least one purpose', () => {
  expect(read(der.sequence(), values.readKeyPurposes).ok).toBe(false);
  expect(read(der.sequence(der.oid('1.2.3')), values.readKeyPurposes)).toEqual({ ok: true, value: ['1.2.3'] });
});

describe('certificate policies', () => {
  const policy = (oid: string, ...qualifiers: Buffer[]) =>
    der.sequence(der.oid(oid), ...(qualifiers.length === 0 ? [] : [der.sequence(...qualifiers)]));
  const cps = der.sequence(der.oid('1.3.6.1.5.5.7.2.1'), der.ia5('https://cps.test'));

  it.each([
    ['none', der.sequence()],
    ['one twice', der.sequence(policy('1.2.3'), policy('1.2.3'))],
    ['empty qualifiers', der.sequence(der.sequence(der.oid('1.2.3'), der.sequence()))],
    ['a qualifier without value', der.sequence(policy('1.2.3', der.sequence(der.oid('1.2.3'))))],
    ['bytes behind the qualifiers', der.sequence(der.sequence(der.oid('1.2.3'), der.sequence(cps), der.nullValue()))],
  ])('refuses %s', (_what, bytes) => {
    expect(read(bytes, values.readPolicies).ok).toBe(false);
  });

  it('knows which qualifiers it knows', () => {
    const unknown = der.sequence(der.oid('1.2.3'), der.nullValue());
    const known = (bytes: Buffer) => {
      const parsed = read(bytes, values.readPolicies);
      return parsed.ok && parsed.value.qualifiersKnown;
    };
    expect(known(der.sequence(policy('1.2.3'), policy('1.2.4', cps)))).toBe(true);
    expect(known(der.sequence(policy('1.2.3', unknown), policy('1.2.4', cps)))).toBe(false);
    expect(known(der.sequence(policy('1.2.3', cps, unknown)))).toBe(false);
  });
});

describe('policy mappings and constraints', () => {
  it('refuse what is empty or too large', () => {
    expect(read(der.sequence(), values.readPolicyMappings).ok).toBe(false);
    expect(read(der.sequence(der.sequence(der.oid('1.2.3'))), values.readPolicyMappings).ok).toBe(false);
    expect(read(der.sequence(), values.readPolicyConstraints).ok).toBe(false);
    expect(read(hex('30 04 80 02 01 00'), values.readPolicyConstraints).ok).toBe(false);
    expect(read(hex('30 03 82 01 00'), values.readPolicyConstraints).ok).toBe(false);
    expect(read(der.integer(256), (reader) => values.readSkipCerts(reader, TAG.integer)).ok).toBe(false);
  });

  it('are read', () => {
    const pair = der.sequence(der.oid('1.2.3'), der.oid('1.2.4'));
    expect(read(der.sequence(pair), values.readPolicyMappings)).toEqual({
      ok: true,
      value: [{ issuer: '1.2.3', subject: '1.2.4' }],
    });
    expect(read(hex('30 03 80 01 02'), values.readPolicyConstraints)).toEqual({
      ok: true,
      value: { requireExplicit: 2, inhibitMapping: null },
    });
    expect(read(hex('30 03 81 01 00'), values.readPolicyConstraints)).toEqual({
      ok: true,
      value: { requireExplicit: null, inhibitMapping: 0 },
    });
  });
});

it('TLS features are 16-bit numbers', () => {
  expect(read(der.sequence(der.integer(5), der.integer(17)), values.readTlsFeatures)).toEqual({
    ok: true,
    value: [5, 17],
  });
  expect(read(der.sequence(der.integer(65536)), values.readTlsFeatures).ok).toBe(false);
});

describe('authorityKeyIdentifier', () => {
  it('reads all three fields', () => {
    const issuer = der.contextConstructed(1, der.contextConstructed(4, distinguishedName([['CN', 'Root']])));
    const bytes = der.sequence(der.contextPrimitive(0, hex('dead')), issuer, der.contextPrimitive(2, hex('27 4f')));
    expect(read(bytes, values.readAuthorityKeyId)).toEqual({
      ok: true,
      value: { keyId: hex('dead'), serial: hex('274f') },
    });
  });

  const SUITE = 'parse_certificate_unittest/authority_key_identifier';
  it.skipIf(vectorFiles(SUITE).length === 0)('agrees with the vectors of BoringSSL', () => {
    const answers = vectorFiles(SUITE).map((file) => {
      const bytes = vector(SUITE, file).get('AUTHORITY_KEY_IDENTIFIER') ?? Buffer.alloc(0);
      return [file, read(bytes, values.readAuthorityKeyId).ok];
    });
    expect(Object.fromEntries(answers)).toEqual(AUTHORITY_KEY_IDS);
    expect(read(Buffer.alloc(0), values.readAuthorityKeyId).ok).toBe(false);
  });
});
