import { describe, expect, it } from 'vitest';
import { canonicalHost, liesWithin, parsePattern } from '../../src/policy/hosts.ts';
import cases from '../cases/policy/hosts.json' with { type: 'json' };

describe('parsePattern', () => {
  it.each(cases.refused)('refuses $text', ({ text, hint }) => {
    const parsed = parsePattern(text);
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? '' : parsed.hint).toContain(hint);
  });

  it('says what a leading dot of Squid would be', () => {
    const hintOf = (text: string) => {
      const parsed = parsePattern(text);
      return parsed.ok ? null : parsed.hint;
    };
    expect(hintOf('.bank.example')).toBe(
      'write `bank.example` and `**.bank.example`: the name, and all names below it',
    );
    expect(hintOf('.bank.example:8443')).toContain('`bank.example:8443` and `**.bank.example:8443`');
    expect(hintOf('..bank.example')).toContain('write a DNS name');
    expect(hintOf('.10.0.0.1')).toContain('write a DNS name');
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
