import { describe, expect, it } from 'vitest';
import { CODES, type Code, headline, isCode } from '../../src/model/codes.ts';
import { CHECKS } from '../../src/model/outcome.ts';

const codes = Object.keys(CODES) as Code[];

describe('the catalogue of codes', () => {
  it.each(codes)('%s is well formed', (code) => {
    const entry = CODES[code];
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$/);
    expect(entry.says).not.toMatch(/[^\x20-\x7e]/);
    expect(entry.next).not.toBe('');
    if (entry.status !== null) expect(entry.status).toBeGreaterThanOrEqual(400);
    expect(Object.isFrozen(entry)).toBe(true);
  });

  it('ranks a proven revocation above everything', () => {
    const revoked = Math.min(CODES['staple.revoked'].rank, CODES['crl.revoked'].rank);
    for (const code of codes) {
      if (!code.endsWith('.revoked')) expect(CODES[code].rank).toBeLessThan(revoked);
    }
  });

  it('answers every certificate code with tls_certificate_error and 502', () => {
    const checks = new Set<string>(CHECKS.filter((check) => check !== 'tls'));
    for (const code of codes) {
      if (!checks.has(CODES[code].stage)) continue;
      expect([code, CODES[code].status, CODES[code].proxyStatus]).toEqual([code, 502, 'tls_certificate_error']);
    }
  });

  it('blocks every TLS version below the floor, as the finding of a check and not of a certificate', () => {
    expect(CODES['tls.version']).toMatchObject({
      stage: 'tls',
      floor: true,
      status: 502,
      proxyStatus: 'tls_protocol_error',
    });
  });

  it('puts every finding about the chain and the identity on the floor', () => {
    for (const code of codes) {
      if (CODES[code].stage === 'chain' || CODES[code].stage === 'identity') expect(CODES[code].floor).toBe(true);
    }
  });

  it('knows its codes and nothing of the prototype', () => {
    expect(isCode('pin.mismatch')).toBe(true);
    expect(isCode('constructor')).toBe(false);
    expect(isCode('__proto__')).toBe(false);
  });
});

describe('headline', () => {
  it('is null for no codes', () => {
    expect(headline([])).toBeNull();
  });

  it('picks the most specific, whatever the order', () => {
    expect(headline(['chain.incomplete', 'pin.mismatch', 'chain.expired'])).toBe('pin.mismatch');
    expect(headline(['chain.expired', 'chain.incomplete', 'pin.mismatch'])).toBe('pin.mismatch');
    expect(headline(['pin.mismatch', 'crl.revoked'])).toBe('crl.revoked');
  });

  it('breaks ties by name, whatever the order', () => {
    const tied = codes.filter((code) => CODES[code].rank === CODES['chain.expired'].rank);
    expect(tied.length).toBeGreaterThan(1);
    expect(headline(tied)).toBe(headline([...tied].reverse()));
  });
});
