import { describe, expect, it } from 'vitest';
import { canonicalHost, liesWithin, parsePattern } from '../../src/policy/hosts.ts';
import cases from '../cases/policy/hosts.json' with { type: 'json' };

describe('parsePattern', () => {
  it.each(cases.refused)('refuses $text', ({ text, hint }) => {
    const parsed = parsePattern(text);
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? '' : parsed.hint).toContain(hint);
  });

  it('refuses what is too long for a host', () => {
    expect(parsePattern(`${'a'.repeat(64)}.example`).ok).toBe(false);
    expect(parsePattern('a.'.repeat(130)).ok).toBe(false);
    expect(parsePattern('a'.repeat(1000)).ok).toBe(false);
  });

  it.each(cases.accepted)('reads $text', ({ text, kind, host, port }) => {
    expect(parsePattern(text)).toEqual({ ok: true, value: { kind, host, port } });
  });
});

describe('canonicalHost', () => {
  it('is the one of the authority parser', () => {
    expect(canonicalHost('::1')).toEqual({ host: '::1', kind: 'ipv6' });
    expect(canonicalHost('[::1]')).toEqual({ host: '::1', kind: 'ipv6' });
    expect(canonicalHost('Bank.Example')).toEqual({ host: 'bank.example', kind: 'name' });
    expect(canonicalHost('bank.example:1')).toBeNull();
    expect(canonicalHost('')).toBeNull();
  });
});

describe('liesWithin', () => {
  const within = (inner: string, outer: string): boolean => {
    const [a, b] = [parsePattern(inner), parsePattern(outer)];
    return a.ok && b.ok && liesWithin(a.value, b.value);
  };

  it.each([
    ['pay.example', '**.pay.example'],
    ['evilpay.example', '**.pay.example'],
    ['*.example', '**.pay.example'],
    ['a.b.pay.example', '*.pay.example'],
    ['**.pay.example', '*.pay.example'],
    ['*.a.pay.example', '*.pay.example'],
    ['*.pay.example', 'a.pay.example'],
    ['b.pay.example', 'a.pay.example'],
    ['a.pay.example', 'a.pay.example:443'],
    ['a.pay.example:444', '*.pay.example:443'],
  ])('%s does not lie within %s', (inner, outer) => expect(within(inner, outer)).toBe(false));

  it.each([
    ['a.pay.example', '**.pay.example'],
    ['a.b.pay.example:443', '**.pay.example'],
    ['*.pay.example', '**.pay.example'],
    ['**.pay.example', '**.pay.example'],
    ['**.b.pay.example', '**.pay.example'],
    ['a.pay.example', '*.pay.example'],
    ['*.pay.example:443', '*.pay.example:443'],
    ['pay.example', 'pay.example'],
  ])('%s lies within %s', (inner, outer) => expect(within(inner, outer)).toBe(true));
});
