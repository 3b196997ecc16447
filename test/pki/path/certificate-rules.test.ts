/** One certificate in its place. */
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/model/finding.ts';
import * as der from '../../../src/pki/der/writer.ts';
import { judgeCertificate, type Place } from '../../../src/pki/path/certificate-rules.ts';
import { ctPoison, EKU, extendedKeyUsage, extension } from '../../support/extensions.ts';
import { authority, type Issued, type Spec } from '../../support/test-ca.ts';
import { parsed } from './path-cases.ts';

const AT = '2026-06-15T12:00:00Z';
const AT_MS = Date.parse(AT);
const root = authority({ cn: 'Root', at: AT });

function judge(issued: Issued, place: Partial<Place> = {}): readonly string[] {
  const findings: Finding[] = [];
  judgeCertificate(parsed(issued.der), { role: 'leaf', depth: 0, profile: 'private', atMs: AT_MS, ...place }, findings);
  return findings.map(({ code, facts }) =>
    `${code} ${String(facts['why'] ?? facts['key'] ?? facts['extensions'] ?? '')}`.trim(),
  );
}

const leaf = (spec: Spec) => root.issueLeaf({ dns: ['good.test'], ...spec });

describe('a leaf', () => {
  it.each<readonly [string, Spec, Partial<Place>]>([
    ['chain.leaf-is-ca ca-bit', { ca: true }, {}],
    ['chain.leaf-is-ca key-cert-sign', { keyUsage: ['digitalSignature', 'keyCertSign'] }, {}],
    ['chain.key-usage not-for-tls', { keyUsage: ['nonRepudiation'] }, {}],
    ['chain.extended-key-usage no-server-auth', { extendedKeyUsage: [EKU.clientAuth] }, {}],
    ['chain.extended-key-usage absent', { extendedKeyUsage: null }, { profile: 'public' }],
    ['chain.extended-key-usage no-server-auth', { extendedKeyUsage: [EKU.any] }, { profile: 'public' }],
    [
      'chain.extended-key-usage forbidden-purpose',
      { extendedKeyUsage: [EKU.serverAuth, EKU.any] },
      { profile: 'public' },
    ],
    ['chain.extended-key-usage no-server-auth', { extendedKeyUsage: [EKU.any] }, {}],
    [
      'chain.extended-key-usage critical',
      { extendedKeyUsage: null, extensions: [extendedKeyUsage([EKU.serverAuth], true)] },
      { profile: 'public' },
    ],
    ['chain.malformed names-critical-beside-subject', { namesCritical: true }, { profile: 'public' }],
    ['chain.name-constraints constraints-in-leaf', { nameConstraints: { permitted: { dns: ['a.test'] } } }, {}],
    ['chain.malformed serial-number-negative', { serial: Buffer.from([0x80]) }, {}],
    ['chain.malformed serial-number-too-long', { serial: Buffer.alloc(21, 1) }, {}],
    ['chain.weak-key RSA 1024, exponent of 17 bits', { key: 'rsa1024' }, {}],
    ['chain.weak-key EC on an unknown curve', { key: 'secp256k1' }, {}],
    ['chain.weak-key ML-DSA-65', { key: 'ml-dsa-65' }, { profile: 'public' }],
    ['chain.critical-extension ct-poison', { ctPoison: true }, {}],
    ['chain.critical-extension ct-poison', { extensions: [{ ...ctPoison(), critical: false }] }, {}],
    ['chain.key-usage not-of-this-key', { key: 'ml-dsa-44', keyUsage: ['digitalSignature', 'keyEncipherment'] }, {}],
    ['chain.key-usage not-of-this-key', { key: 'ml-dsa-44', keyUsage: ['digitalSignature', 'keyAgreement'] }, {}],
    [
      'chain.extended-key-usage forbidden-purpose',
      { extendedKeyUsage: [EKU.serverAuth, '1.3.6.1.5.5.7.3.4'] },
      { profile: 'public' },
    ],
  ])('fails with %s', (code, spec, place) => {
    expect(judge(leaf(spec), place)).toEqual([code]);
  });

  it('may agree on keys in any way of TLS, and lack the extensions that say so', () => {
    for (const usage of ['digitalSignature', 'keyEncipherment', 'keyAgreement'] as const) {
      expect(judge(leaf({ keyUsage: [usage] }))).toEqual([]);
    }
    expect(judge(leaf({ keyUsage: null, extendedKeyUsage: null, ca: null }))).toEqual([]);
    expect(judge(leaf({ key: 'ed25519' }))).toEqual([]);
    expect(judge(leaf({ key: 'ml-dsa-44' }))).toEqual([]);
    expect(judge(leaf({ extendedKeyUsage: [EKU.serverAuth, EKU.any], namesCritical: true }))).toEqual([]);
  });

  it('may be a CA when it is its own anchor', () => {
    expect(judge(leaf({ ca: true }), { role: 'anchored-leaf' })).toEqual([]);
  });
});

describe('an issuer', () => {
  const ca = (spec: Spec) => root.issueCa({ cn: 'Inter', ...spec });

  it.each<readonly [string, Spec]>([
    ['chain.invalid-ca no-basic-constraints', { ca: null }],
    ['chain.invalid-ca ca-false', { ca: false }],
    ['chain.invalid-ca empty-name', { subject: [] }],
    ['chain.key-usage no-key-cert-sign', { keyUsage: ['digitalSignature'] }],
    ['chain.extended-key-usage issuer-not-for-servers', { extendedKeyUsage: [EKU.clientAuth] }],
    ['chain.malformed-issuer serial-number-zero', { serial: 0 }],
  ])('fails with %s', (code, spec) => {
    expect(judge(ca(spec), { role: 'issuer', depth: 1 })).toEqual([code]);
  });

  it('is fine with fewer extensions, or with any purpose', () => {
    expect(judge(ca({ keyUsage: null }), { role: 'issuer' })).toEqual([]);
    expect(judge(ca({ extendedKeyUsage: [EKU.any] }), { role: 'issuer' })).toEqual([]);
    expect(judge(ca({ extendedKeyUsage: [EKU.serverAuth] }), { role: 'issuer' })).toEqual([]);
  });

  it('has serverAuth, or anyExtendedKeyUsage alone, below a public anchor', () => {
    const place = { role: 'issuer', profile: 'public' } as const;
    expect(judge(ca({ extendedKeyUsage: [EKU.any] }), place)).toEqual([]);
    expect(judge(ca({ extendedKeyUsage: [EKU.serverAuth, EKU.clientAuth] }), place)).toEqual([]);
    const refused = ['chain.extended-key-usage issuer-not-for-servers'];
    expect(judge(ca({ extendedKeyUsage: [EKU.any, EKU.clientAuth] }), place)).toEqual(refused);
    expect(judge(ca({ extendedKeyUsage: [EKU.any, EKU.clientAuth] }), { role: 'issuer' })).toEqual([]);
  });

  it.each([
    ['policyConstraints', '2.5.29.36', der.sequence(der.contextPrimitive(0, Buffer.from([9])))],
    ['inhibitAnyPolicy', '2.5.29.54', der.integer(9)],
  ])('has a critical %s', (_name, oid, value) => {
    const certified = (critical: boolean) => ca({ extensions: [extension(oid, critical, value)] });
    expect(judge(certified(false), { role: 'issuer' })).toEqual(['chain.policy constraints-not-critical']);
    expect(judge(certified(true), { role: 'issuer' })).toEqual([]);
    // One that lives by policies may leave the bit out.
    const lax = ca({ policies: ['1.3.6.1.4.1.55555.48.1'], extensions: [extension(oid, false, value)] });
    expect(judge(lax, { role: 'issuer' })).toEqual([]);
  });

  it('may have serial number 0 as an anchor', () => {
    expect(judge(ca({ serial: 0 }), { role: 'anchor' })).toEqual([]);
  });
});

it('dates bind to the second, both ends included', () => {
  const edge = leaf({ notBefore: AT_MS, notAfter: AT_MS });
  expect(judge(edge)).toEqual([]);
  expect(judge(edge, { atMs: AT_MS + 999 })).toEqual([]);
  expect(judge(edge, { atMs: AT_MS + 1000 })).toEqual(['chain.expired']);
  expect(judge(edge, { atMs: AT_MS - 1 })).toEqual(['chain.not-yet-valid']);
});
