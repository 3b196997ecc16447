import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type CertificateRequest, encodeName, keyIdentifier, signCertificate } from '../../src/minting/certificate.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spki = pair.publicKey.export({ type: 'spki', format: 'der' });

function requestOf(change: Partial<CertificateRequest> = {}): CertificateRequest {
  return {
    serial: Buffer.from('4001', 'hex'),
    issuerName: encodeName('Issuer'),
    subjectName: encodeName('Subject'),
    notBeforeMs: Date.parse('2026-01-01T00:00:00Z'),
    notAfterMs: Date.parse('2026-02-01T00:00:00Z'),
    spki,
    authorityKeyId: keyIdentifier(spki),
    emptySubject: false,
    use: { kind: 'server', subjectAltName: { kind: 'dns', name: 'a.test' } },
    ...change,
  };
}

describe('signCertificate', () => {
  it('writes strict DER that our own parser takes', () => {
    const der = signCertificate(requestOf(), pair.privateKey);
    const parsed = parseCertificate(der);
    expect(parsed.ok).toBe(true);
    expect(new X509Certificate(der).verify(pair.publicKey)).toBe(true);
  });

  it('copies names and keys byte for byte, whatever string types they hold', () => {
    // A BMPString and a name of 200 bytes, as foreign CAs have them: lengths of one and two octets.
    const text = Buffer.from('ß'.repeat(50), 'utf16le').swap16();
    const attribute = Buffer.concat([Buffer.from([0x06, 3, 0x55, 4, 3, 0x1e, text.length]), text]);
    const inner = Buffer.concat([Buffer.from([0x30, attribute.length]), attribute]);
    const set = Buffer.concat([Buffer.from([0x31, inner.length]), inner]);
    const issuerName = Buffer.concat([Buffer.from([0x30, set.length]), set]);
    const der = signCertificate(requestOf({ issuerName }), pair.privateKey);
    expect(der.includes(issuerName)).toBe(true);
    expect(der.includes(spki)).toBe(true);
  });

  it('writes GeneralizedTime from 2050 on', () => {
    const notAfterMs = Date.parse('2050-06-01T00:00:00Z');
    const parsed = parseCertificate(signCertificate(requestOf({ notAfterMs }), pair.privateKey));
    expect(parsed.ok && parsed.value.notAfterMs).toBe(notAfterMs);
  });
});

describe('keyIdentifier', () => {
  it('is the SHA-1 of the key bits without tag, length and unused bits', () => {
    const point = spki.subarray(spki.length - 65);
    expect(point[0]).toBe(4);
    expect(keyIdentifier(spki)).toEqual(createHash('sha1').update(point).digest());
  });
});

describe('encodeName', () => {
  it('encodes nothing as the empty sequence', () => {
    expect(encodeName(null)).toEqual(Buffer.from([0x30, 0]));
  });
});
