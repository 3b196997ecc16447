import { describe, expect, it } from 'vitest';
import { createCa } from '../../src/minting/ca.ts';
import { parsePem } from '../../src/pki/x509/pem.ts';
import { isOwnPage, OWN_PAGE_FIELDS, ownPage } from '../../src/proxy/own-pages.ts';

const ca = createCa({ commonName: 'Own', nowMs: Date.UTC(2026, 0, 1), days: 30 });
const read = parsePem(ca.certificatePem);
if (!read.ok) throw new Error(read.why);
const facts = { proxy: { host: '::1', kind: 'ipv6', port: 3128 } as const, cas: read.value };

describe('our own pages', () => {
  it.each(['/', '/ca.pem', '/proxy.pac'])('%s is one, without a key', (target) => {
    expect(isOwnPage(target)).toBe(true);
    expect(ownPage(target, facts)?.body).not.toMatch(/PRIVATE|script/);
  });

  it.each(['', '/CA.pem', '/ca.pem/', '/ca-key.pem', '__proto__', '/constructor', 'http://a/ca.pem'])(
    '%j is none',
    (target) => {
      expect(isOwnPage(target)).toBe(false);
      expect(ownPage(target, facts)).toBeNull();
    },
  );

  it('the certificate is the one that was made, byte for byte', () => {
    expect(ownPage('/ca.pem', facts)?.body).toBe(ca.certificatePem);
    expect(ownPage('/ca.pem', { ...facts, cas: [] })?.body).toBe('');
  });

  it('the page shows the fingerprint to compare', () => {
    const [certificate] = read.value;
    const digits = ownPage('/', facts)?.body.match(/SHA-256 ([0-9A-F:]{95})/)?.[1];
    expect(digits?.replaceAll(':', '').toLowerCase()).toBe(certificate?.der.sha256);
    expect(ownPage('/', facts)?.body).toContain('http://[::1]:3128/ca.pem');
  });

  it('the PAC file answers', () => {
    const body = ownPage('/proxy.pac', facts)?.body ?? '';
    expect(body).toContain('return "PROXY [::1]:3128";');
    expect(body.match(/function FindProxyForURL\(url, host\)/g)).toHaveLength(1);
  });

  it('runs nothing in a browser', () => {
    expect(OWN_PAGE_FIELDS).toMatchObject({ 'Content-Security-Policy': expect.stringContaining("default-src 'none'") });
  });
});
