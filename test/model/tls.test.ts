import { getCiphers } from 'node:tls';
import { describe, expect, it } from 'vitest';
import {
  CIPHERS,
  isOlder,
  LOWEST_TLS_FLOOR,
  meetsTlsFloor,
  NORMAL_TLS_FLOOR,
  printTlsFloor,
  readTlsVersion,
} from '../../src/model/tls.ts';

const GCM = 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256';
const CBC = 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA';

describe('the cipher lists', () => {
  it('hold nothing that is broken, anonymous or without a known group', () => {
    for (const { openssl, standard } of CIPHERS) {
      expect(`${openssl} ${standard}`).not.toMatch(/NULL|anon|EXPORT|RC4|RC2|DES|MD5|IDEA|SEED|PSK|SRP|_DHE_/i);
    }
  });

  it('are known to this OpenSSL, each once', () => {
    const known = new Set(getCiphers());
    for (const { openssl } of CIPHERS) expect(known).toContain(openssl.toLowerCase());
    expect(new Set(CIPHERS.map(({ openssl }) => openssl)).size).toBe(CIPHERS.length);
    expect(new Set(CIPHERS.map(({ standard }) => standard)).size).toBe(CIPHERS.length);
  });

  it('call default what has ECDHE (or TLS 1.3) and AEAD, and nothing else', () => {
    for (const { standard, policy } of CIPHERS) {
      const isModern = /^TLS_(?:ECDHE_|AES_|CHACHA20_)/.test(standard) && /GCM|POLY1305/.test(standard);
      expect([standard, policy]).toEqual([standard, isModern ? 'default' : 'legacy']);
    }
  });
});

describe('meetsTlsFloor', () => {
  const floor13 = { minVersion: '1.3', ciphers: 'default' } as const;
  const legacy12 = { minVersion: '1.2', ciphers: 'legacy' } as const;

  it.each([
    ['TLSv1', CBC, NORMAL_TLS_FLOOR],
    ['TLSv1.1', CBC, NORMAL_TLS_FLOOR],
    ['TLSv1.2', CBC, NORMAL_TLS_FLOOR],
    ['TLSv1.2', GCM, floor13],
    ['TLSv1.1', CBC, legacy12],
    // Never, whatever the floor.
    ['SSLv3', CBC, LOWEST_TLS_FLOOR],
    ['TLSv1.4', 'TLS_AES_128_GCM_SHA256', NORMAL_TLS_FLOOR],
    ['TLSv1.2', 'TLS_RSA_WITH_3DES_EDE_CBC_SHA', LOWEST_TLS_FLOOR],
    ['TLSv1.2', 'TLS_RSA_WITH_RC4_128_SHA', LOWEST_TLS_FLOOR],
    ['TLSv1.2', 'TLS_RSA_WITH_NULL_SHA256', LOWEST_TLS_FLOOR],
    ['TLSv1.2', null, LOWEST_TLS_FLOOR],
    [null, GCM, LOWEST_TLS_FLOOR],
  ] as const)('%s %s is below %j', (tlsVersion, cipher, floor) => {
    expect(meetsTlsFloor({ tlsVersion, cipher }, floor)).toBe(false);
  });

  it.each([
    ['TLSv1.2', GCM, NORMAL_TLS_FLOOR],
    ['TLSv1.3', 'TLS_AES_128_GCM_SHA256', floor13],
    ['TLSv1.2', CBC, legacy12],
    ['TLSv1', CBC, LOWEST_TLS_FLOOR],
    ['TLSv1.1', 'TLS_RSA_WITH_AES_128_CBC_SHA', LOWEST_TLS_FLOOR],
  ] as const)('%s %s meets %j', (tlsVersion, cipher, floor) => {
    expect(meetsTlsFloor({ tlsVersion, cipher }, floor)).toBe(true);
  });
});

it('reads and prints versions', () => {
  expect(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3', 'SSLv3', 'unknown', null].map(readTlsVersion)).toEqual([
    '1.0',
    '1.1',
    '1.2',
    '1.3',
    null,
    null,
    null,
  ]);
  expect(isOlder('1.2', '1.3')).toBe(true);
  expect(isOlder('1.2', '1.2')).toBe(false);
  expect(printTlsFloor(NORMAL_TLS_FLOOR)).toBe('TLS 1.2 and later, ECDHE with AEAD');
  expect(printTlsFloor(LOWEST_TLS_FLOOR)).toBe('TLS 1.0 and later, legacy ciphers too');
  expect(printTlsFloor({ minVersion: '1.3', ciphers: 'default' })).toBe('TLS 1.3, ECDHE with AEAD');
});
