import { describe, expect, it } from 'vitest';
import { isFloorLowered, needsUnsafeTls, nextEndMs, tlsFloorOf } from '../../src/verify/floor.ts';
import { AT_MS, evidenceOf, ruleOf } from './verify-cases.ts';

it('the floor is lowered only by a rule that says so, and only until it ends', () => {
  const rule = ruleOf({ unsafeFloor: { action: 'alert', reason: 'test', untilMs: AT_MS } });
  expect(isFloorLowered(ruleOf(), AT_MS)).toBe(false);
  expect(isFloorLowered(rule, AT_MS)).toBe(false);
  expect(isFloorLowered(rule, AT_MS - 1)).toBe(true);
});

it('knows when the next exception ends', () => {
  const floor = (untilMs: number) => ({ action: 'alert', reason: 'r', untilMs }) as const;
  const tls = (untilMs: number) => ({ minVersion: '1.0', ciphers: 'legacy', reason: 'r', untilMs }) as const;
  const rules = [
    ruleOf(),
    ruleOf({ unsafeFloor: floor(AT_MS + 30) }),
    ruleOf({ unsafeFloor: floor(AT_MS), unsafeTls: tls(AT_MS + 20) }),
  ];
  expect(nextEndMs(rules, AT_MS - 1)).toBe(AT_MS);
  expect(nextEndMs(rules, AT_MS)).toBe(AT_MS + 20);
  expect(nextEndMs(rules, AT_MS + 20)).toBe(AT_MS + 30);
  expect(nextEndMs(rules, AT_MS + 30)).toBe(Number.POSITIVE_INFINITY);
});

describe('the TLS floor', () => {
  const rule = (minVersion: '1.2' | '1.3', lowest: '1.0' | '1.2', ciphers: 'legacy' | 'default' = 'legacy') =>
    ruleOf({ tls: { minVersion }, unsafeTls: { minVersion: lowest, ciphers, reason: 'test', untilMs: AT_MS } });

  it('is that of `tls` unless `unsafeTls` is in force', () => {
    expect(tlsFloorOf(ruleOf(), AT_MS)).toEqual({ minVersion: '1.2', ciphers: 'default' });
    expect(tlsFloorOf(ruleOf({ tls: { minVersion: '1.3' } }), AT_MS)).toEqual({
      minVersion: '1.3',
      ciphers: 'default',
    });
    expect(tlsFloorOf(rule('1.3', '1.0'), AT_MS)).toEqual({ minVersion: '1.3', ciphers: 'default' });
    expect(tlsFloorOf(rule('1.3', '1.0'), AT_MS - 1)).toEqual({ minVersion: '1.0', ciphers: 'legacy' });
    expect(tlsFloorOf(rule('1.3', '1.2', 'default'), AT_MS - 1)).toEqual({ minVersion: '1.2', ciphers: 'default' });
  });

  it('tells connections that need the exception from those that do not', () => {
    const cbc = evidenceOf([], { tlsVersion: 'TLSv1.2', cipher: 'TLS_RSA_WITH_AES_128_CBC_SHA' });
    expect(needsUnsafeTls(rule('1.2', '1.0'), cbc)).toBe(true);
    expect(needsUnsafeTls(ruleOf(), cbc)).toBe(false);
    expect(needsUnsafeTls(rule('1.2', '1.0'), evidenceOf([]))).toBe(false);
    expect(needsUnsafeTls(rule('1.2', '1.0'), evidenceOf([], { tlsVersion: null, cipher: null }))).toBe(false);
  });
});
