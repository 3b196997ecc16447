import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCa } from '../../src/minting/ca.ts';
import { LEAF_LIFE_MS, mintLeaf } from '../../src/minting/leaf.ts';
import { createLeafKeys } from '../../src/minting/leaf-key.ts';
import type { Authority } from '../../src/model/authority.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';
import { run } from '../support/client.ts';
import { testClock } from '../support/clock.ts';
import { authority } from '../support/test-ca.ts';
import { describeWith } from '../support/tools.ts';
import { DAY_MS, NOW_MS, name, newCa } from './support.ts';

const key = createLeafKeys(testClock(NOW_MS)).current();
const LONG = `${'a'.repeat(60)}.${'b'.repeat(60)}.test`;
const IPV4: Authority = { host: '192.0.2.7', kind: 'ipv4', port: 443 };
const IPV6: Authority = { host: '2001:db8::7', kind: 'ipv6', port: 443 };

function parsed(pem: string) {
  const read = parseCertificate(new X509Certificate(pem).raw);
  if (!read.ok) throw new Error(read.why);
  return read.value;
}

describe('a leaf is refused', () => {
  it('by a CA that is not valid now', () => {
    const { ca } = newCa();
    expect(() => mintLeaf(ca, key, name('a.test'), ca.notAfterMs)).toThrow(/expired/);
    expect(() => mintLeaf(ca, key, name('a.test'), ca.notBeforeMs - 1)).toThrow(/not valid yet/);
  });

  it('for an address that is none', () => {
    const { ca } = newCa();
    expect(() => mintLeaf(ca, key, { host: 'a.test', kind: 'ipv4', port: 443 }, NOW_MS)).toThrow(RangeError);
  });
});

describe('a leaf', () => {
  it('speaks of one host, for a server, and for a week', () => {
    const { ca } = newCa();
    const value = parsed(mintLeaf(ca, key, name('a.test'), NOW_MS).certificatePem);
    expect(value.version).toBe(3);
    expect(value.extensions.subjectAltName).toMatchObject({ dns: ['a.test'], ip: [] });
    expect(value.extensions.basicConstraints?.ca).toBe(false);
    expect(value.extensions.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(value.extensions.keyUsage?.bits.indexOf(true)).toBe(0);
    expect(value.extensions.keyUsage?.bits.filter(Boolean)).toHaveLength(1);
    expect(value.extensions.authorityKeyId?.keyId).toEqual(ca.subjectKeyId);
    expect(value.issuer.raw).toEqual(ca.subjectName);
    expect(value.notBeforeMs).toBe(NOW_MS - DAY_MS);
    expect(value.notAfterMs).toBe(NOW_MS + LEAF_LIFE_MS);
    expect(value.serial.length).toBe(20);
    expect(value.rawExtensions).toHaveLength(6);
  });

  it('is never valid outside its CA', () => {
    const { ca } = newCa(2);
    const leaf = mintLeaf(ca, key, name('a.test'), NOW_MS);
    expect(leaf.notAfterMs).toBe(ca.notAfterMs);
    expect(parsed(leaf.certificatePem).notAfterMs).toBe(ca.notAfterMs);
    const early = parsed(mintLeaf(ca, key, name('a.test'), ca.notBeforeMs).certificatePem);
    expect(early.notBeforeMs).toBe(ca.notBeforeMs);
  });

  it('of a host that is too long for a common name has an empty subject and a critical SAN', () => {
    const value = parsed(mintLeaf(newCa().ca, key, name(LONG), NOW_MS).certificatePem);
    expect(value.subject.raw).toEqual(Buffer.from([0x30, 0]));
    expect(value.rawExtensions.find((entry) => entry.oid === '2.5.29.17')?.critical).toBe(true);
  });

  it.each([IPV4, IPV6])('of $host has an address in its SAN and no name', (asked) => {
    const { ca } = newCa();
    const leaf = mintLeaf(ca, key, asked, NOW_MS);
    expect(new X509Certificate(leaf.certificatePem).checkIP(asked.host)).toBe(asked.host);
    expect(parsed(leaf.certificatePem).extensions.subjectAltName?.dns).toEqual([]);
  });

  it('has a serial that no other has', () => {
    const { ca } = newCa();
    const serials = Array.from({ length: 100 }, () => parsed(mintLeaf(ca, key, name('a.test'), NOW_MS).certificatePem));
    expect(new Set(serials.map((value) => value.serial.toString('hex'))).size).toBe(100);
  });

  it.each(['p384', 'rsa2048'] as const)('is signed by a CA of %s as well', (kind) => {
    const issued = authority({ at: NOW_MS, key: kind });
    const ca = loadCa(issued.pem, issued.keyPem, NOW_MS);
    const leaf = new X509Certificate(mintLeaf(ca, key, name('a.test'), NOW_MS).certificatePem);
    expect(leaf.verify(ca.certificate.publicKey)).toBe(true);
    expect(leaf.checkIssued(ca.certificate)).toBe(true);
  });
});

describeWith(['openssl', 'python3'], 'other implementations', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'pinwarden-mint-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each([
    ['a.test', name('a.test'), ['-verify_hostname', 'a.test']],
    ['a long name', name(LONG), ['-verify_hostname', LONG]],
    ['an IPv4 address', IPV4, ['-verify_ip', IPV4.host]],
    ['an IPv6 address', IPV6, ['-verify_ip', IPV6.host]],
  ] as const)('openssl verifies the leaf of %s, strictly', async (_what, asked, identity) => {
    const { ca, certificatePem } = newCa();
    writeFileSync(join(dir, 'ca.pem'), certificatePem);
    writeFileSync(join(dir, 'leaf.pem'), mintLeaf(ca, key, asked, NOW_MS).certificatePem);
    const at = String(NOW_MS / 1000);
    const strict = ['-x509_strict', '-purpose', 'sslserver', '-attime', at, '-CAfile', join(dir, 'ca.pem')];
    const { exitCode, stderr } = await run('openssl', ['verify', ...strict, ...identity, join(dir, 'leaf.pem')]);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  it('python reads CA, leaf and key', async () => {
    const { ca, certificatePem } = newCa();
    const both = key.keyPem() + mintLeaf(ca, key, name('a.test'), NOW_MS).certificatePem;
    writeFileSync(join(dir, 'both.pem'), both);
    writeFileSync(join(dir, 'ca.pem'), certificatePem);
    const script = [
      'import ssl, sys',
      'context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)',
      'context.load_cert_chain(sys.argv[1])',
      'context.load_verify_locations(sys.argv[2])',
      'print(context.get_ca_certs()[0]["subject"][0][0][1])',
    ].join('\n');
    const ran = await run('python3', ['-c', script, join(dir, 'both.pem'), join(dir, 'ca.pem')]);
    expect(ran).toMatchObject({ exitCode: 0, stdout: 'Pinwarden test CA\n' });
  });
});
