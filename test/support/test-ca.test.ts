import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EKU } from './extensions.ts';
import type { KeyName, SignatureName } from './keys.ts';
import { authority, forgeIssuer, selfSigned } from './test-ca.ts';

const at = '2026-03-01T00:00:00Z';
const root = authority({ cn: 'Root', at });
const inter = root.issueCa({ cn: 'Inter', pathLength: 0 });

/** OpenSSL's reading of what we wrote: the writer is not judged by our own reader. */
const read = (bytes: Buffer) => new X509Certificate(bytes);

it('issues a chain that OpenSSL reads and verifies', () => {
  const leaf = inter.issueLeaf({ dns: ['good.test', '*.good.test'], ip: ['127.0.0.1', '2001:db8::1'] });
  const [first, second] = leaf.chain.map(read);
  expect(leaf.chain).toHaveLength(2);
  expect(first!.verify(inter.key.publicKey)).toBe(true);
  expect(first!.checkIssued(second!)).toBe(true);
  expect(second!.verify(root.key.publicKey)).toBe(true);
  expect(first!.checkHost('a.good.test')).toBe('*.good.test');
  expect(first!.checkIP('2001:db8::1')).toBe('2001:db8::1');
  expect(first!.keyUsage).toEqual([EKU.serverAuth]);
  expect(second!.ca).toBe(true);
  expect(Date.parse(first!.validFrom)).toBe(Date.parse('2026-02-28T00:00:00Z'));
  expect(leaf.chainPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
});

it.each<[KeyName, SignatureName]>([
  ['p256', 'sha1'],
  ['p384', 'sha384'],
  ['p521', 'sha512'],
  ['secp256k1', 'sha256'],
  ['rsa1024', 'sha256'],
  ['rsa2048', 'sha1'],
  ['rsa2048', 'md5'],
  ['rsa2048', 'pss-sha256'],
  ['rsa2048', 'pss-sha384'],
  ['rsa-pss', 'sha256'],
  ['ed25519', 'sha256'],
])('signs with %s and %s', (key, signature) => {
  const ca = authority({ key, signature });
  expect(read(ca.der).verify(ca.key.publicKey)).toBe(true);
  expect(read(ca.issueLeaf({ dns: ['a.test'], signature }).der).verify(ca.key.publicKey)).toBe(true);
});

describe('is wrong on purpose', () => {
  it('forges an issuer: real name and key id, foreign key, signature of nobody', () => {
    const victim = authority({ cn: 'Pinned' });
    const fake = forgeIssuer(inter, victim.spki);
    const leaf = inter.issueLeaf({ dns: ['good.test'] });
    expect(fake.subject.equals(inter.subject)).toBe(true);
    expect(fake.pin).toBe(victim.pin);
    expect(read(leaf.der).checkIssued(read(fake.der))).toBe(true);
    expect(read(leaf.der).verify(victim.key.publicKey)).toBe(false);
    expect(read(fake.der).verify(victim.key.publicKey)).toBe(false);
  });

  it('breaks a signature by one bit', () => {
    expect(read(inter.issueLeaf({ broken: 'flipped' }).der).verify(inter.key.publicKey)).toBe(false);
  });

  it('cross-signs and reuses keys', () => {
    const other = authority({ cn: 'Other' });
    const cross = other.crossSign(inter);
    expect(read(cross.der).verify(other.key.publicKey)).toBe(true);
    expect(cross.pin).toBe(inter.pin);
    expect(read(inter.issueLeaf({ dns: ['a.test'] }).der).checkIssued(read(cross.der))).toBe(true);
  });

  it('writes versions, odd serials, forced validity, and leaves extensions out', () => {
    const old = root.issueLeaf({ version: 1, serial: Buffer.from('ff', 'hex'), notAfter: '2051-01-01T00:00:00Z' });
    expect(read(old.der).serialNumber).toBe('-01');
    expect(Date.parse(read(old.der).validTo)).toBe(Date.UTC(2051, 0, 1));
    expect(read(old.der).keyUsage).toBeUndefined();
    expect(read(root.issueLeaf({ extendedKeyUsage: null }).der).keyUsage).toBeUndefined();
    expect(read(root.issueCa({ without: ['2.5.29.19'] }).der).ca).toBe(false);
  });

  it('signs itself', () => {
    const own = selfSigned({ dns: ['self.test'] });
    expect(read(own.der).verify(own.key.publicKey)).toBe(true);
    expect(own.chain).toHaveLength(1);
  });
});

it('hands the precertificate to whoever signs its SCTs', () => {
  let seen: Buffer | null = null;
  const leaf = inter.issueLeaf({
    dns: ['ct.test'],
    sctList: (tbs, issuer) => {
      expect(issuer).toBe(inter);
      seen = tbs;
      return Buffer.from('0000', 'hex');
    },
  });
  expect(seen).not.toBeNull();
  expect(leaf.tbs.includes(Buffer.from('040404020000', 'hex').subarray(2))).toBe(true);
});

it('puts all rarer extensions where OpenSSL finds them', () => {
  const text = read(
    inter.issueCa({
      cn: 'Rich',
      policies: ['2.23.140.1.2.1'],
      aia: { ocsp: ['http://ocsp.test/'], caIssuers: ['http://ca.test/i.cer'] },
      crlUris: ['http://crl.test/c.crl'],
      tlsFeatures: [5],
      unknownCritical: true,
      ctPoison: true,
      nameConstraints: { permitted: { dns: ['good.test'] }, excluded: { ranges: ['10.0.0.0/8', '2001:db8::/32'] } },
    }).der,
  );
  expect(text.infoAccess).toContain('OCSP - URI:http://ocsp.test/');
  expect(text.ca).toBe(true);
});
