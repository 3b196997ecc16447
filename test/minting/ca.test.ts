import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CaError, createCa, loadCa, MAX_CA_DAYS, randomSerial, toPem } from '../../src/minting/ca.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';
import { authority } from '../support/test-ca.ts';
import { DAY_MS, NOW_MS, newCa } from './support.ts';

function whyRefused(certificatePem: string, keyPem: string, nowMs = NOW_MS): string {
  try {
    loadCa(certificatePem, keyPem, nowMs);
  } catch (thrown) {
    if (thrown instanceof CaError) return thrown.why;
    throw thrown;
  }
  return 'accepted';
}

describe('loadCa refuses', () => {
  const { certificatePem, keyPem } = newCa();
  const at = NOW_MS;
  const leaf = authority({ at }).issueLeaf({ dns: ['leaf.test'] });
  const mute = authority({ at, keyUsage: ['digitalSignature'] });
  const edwards = generateKeyPairSync('ed25519');

  it.each([
    ['a text that is no certificate', 'unreadable', 'hello', keyPem],
    ['a text that is no key', 'unreadable', certificatePem, 'hello'],
    ['a leaf', 'not-a-ca', leaf.pem, leaf.keyPem],
    ['a CA that may not sign certificates', 'key-usage', mute.pem, mute.keyPem],
    ['the key of another CA', 'key-mismatch', certificatePem, newCa().keyPem],
    [
      'a key of another kind',
      'key-mismatch',
      certificatePem,
      edwards.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ],
  ])('%s: %s', (_what, why, certificate, key) => {
    expect(whyRefused(certificate, key)).toBe(why);
  });

  it('an Ed25519 CA, which browsers do not take', () => {
    const ca = authority({ at, key: 'ed25519' });
    expect(whyRefused(ca.pem, ca.keyPem)).toBe('key-kind');
  });

  it('one that is not valid now', () => {
    expect(whyRefused(certificatePem, keyPem, NOW_MS - 2 * DAY_MS)).toBe('not-yet-valid');
    expect(whyRefused(certificatePem, keyPem, NOW_MS + 366 * DAY_MS)).toBe('expired');
  });

  it('without a word of the key in the error', () => {
    const broken = keyPem.replace('BEGIN PRIVATE KEY', 'BEGIN PRIVATE KEX');
    expect(() => loadCa(certificatePem, broken, NOW_MS)).toThrow(/no readable private key$/);
  });
});

describe('createCa', () => {
  it.each([0, -1, MAX_CA_DAYS + 1, Number.NaN])('refuses a life of %d days', (days) => {
    expect(() => createCa({ commonName: 'x', nowMs: NOW_MS, days })).toThrow(RangeError);
  });

  it.each(['', 'x'.repeat(65)])('refuses the name %j', (commonName) => {
    expect(() => createCa({ commonName, nowMs: NOW_MS, days: 1 })).toThrow(RangeError);
  });

  it('makes a CA for end-entity certificates only, with a key of its own', () => {
    const one = newCa();
    const parsed = parseCertificate(one.ca.certificate.raw);
    if (!parsed.ok) throw new Error(parsed.why);
    const { value } = parsed;
    expect(value.key).toEqual({ kind: 'ec', curve: 'P-256' });
    expect(value.extensions.basicConstraints).toEqual({ ca: true, pathLength: 0 });
    expect(value.extensions.keyUsage).toMatchObject({ keyCertSign: true, crlSign: true, digitalSignature: false });
    expect(value.extensions.subjectKeyId).toEqual(value.extensions.authorityKeyId?.keyId);
    expect(value.unknownCritical).toEqual([]);
    expect(value.rawExtensions.filter((entry) => entry.critical).map((entry) => entry.oid)).toEqual([
      '2.5.29.19',
      '2.5.29.15',
    ]);
    expect(value.notBeforeMs).toBe(NOW_MS - DAY_MS);
    expect(value.notAfterMs).toBe(NOW_MS + 365 * DAY_MS);
    expect(one.ca.certificate.verify(one.ca.certificate.publicKey)).toBe(true);
    expect(one.keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect(createPrivateKey(one.keyPem).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(newCa().ca.spkiSha256).not.toBe(one.ca.spkiSha256);
  });

  it('prints nothing of its key', () => {
    const { ca, keyPem } = newCa();
    const secret = keyPem.split('\n')[1] ?? '';
    expect(secret.length).toBeGreaterThan(40);
    expect(inspect(ca, { depth: 10 }) + JSON.stringify(ca)).not.toContain(secret);
  });
});

describe('loadCa accepts', () => {
  it.each(['p256', 'p384', 'rsa2048'] as const)('a CA with a key of %s', (key) => {
    const ca = authority({ at: NOW_MS, key });
    expect(loadCa(ca.pem, ca.keyPem, NOW_MS)).toMatchObject({ selfIssued: true });
  });

  it('a subordinate CA, which must be sent to clients', () => {
    const ca = authority({ at: NOW_MS }).issueCa({ cn: 'Below' });
    expect(loadCa(ca.pem, ca.keyPem, NOW_MS).selfIssued).toBe(false);
  });
});

describe('helpers', () => {
  it('makes serials of 20 bytes that are positive and never shortened', () => {
    const seen = new Set<string>();
    for (let turn = 0; turn < 500; turn++) {
      const serial = randomSerial();
      expect(serial.length).toBe(20);
      expect(serial[0]! >> 6).toBe(1);
      seen.add(serial.toString('hex'));
    }
    expect(seen.size).toBe(500);
  });

  it('prints PEM that others read', () => {
    const { ca } = newCa();
    expect(new X509Certificate(toPem(ca.certificate.raw)).raw.equals(ca.certificate.raw)).toBe(true);
  });
});
