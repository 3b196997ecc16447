import { describe, expect, it } from 'vitest';
import {
  parseAuthority,
  parseHost,
  parseHttpTarget,
  parseWithDefaultPort,
  sameHost,
} from '../../src/wire/authority.ts';
import cases from '../cases/wire/authorities.json' with { type: 'json' };

describe('parseAuthority', () => {
  it.each(cases.refused as [string, string][])('refuses %j: %s', (text, why) => {
    expect(parseAuthority(text)).toEqual({ ok: false, why });
  });

  it.each(cases.accepted as [string, string, string, number][])('reads %j', (text, host, kind, port) => {
    const read = parseAuthority(text);
    expect(read).toEqual({ ok: true, value: { host, kind, port } });
    expect(read.ok && Object.isFrozen(read.value)).toBe(true);
  });

  it('bounds labels, names and the whole text', () => {
    const label = 'a'.repeat(63);
    const longest = `${label}.${label}.${label}.${'b'.repeat(61)}`;
    expect(longest).toHaveLength(253);
    expect(parseAuthority(`${longest}:443`).ok).toBe(true);
    expect(parseAuthority(`${longest}.:65535`).ok).toBe(true);
    expect(parseAuthority(`${longest}b:443`)).toEqual({ ok: false, why: 'too-long' });
    expect(parseAuthority(`a${label}.test:443`)).toEqual({ ok: false, why: 'bad-label' });
    expect(parseAuthority(`${'a'.repeat(15_000)}:443`)).toEqual({ ok: false, why: 'too-long' });
    expect(parseHost('a'.repeat(15_000))).toEqual({ ok: false, why: 'too-long' });
  });
});

describe('parseWithDefaultPort', () => {
  it('fills in a missing port, not an empty one', () => {
    expect(parseWithDefaultPort('pin.test:', 443)).toEqual({ ok: false, why: 'missing-port' });
    expect(parseWithDefaultPort('', 443)).toEqual({ ok: false, why: 'empty' });
    expect(parseWithDefaultPort('p!n', 443)).toEqual({ ok: false, why: 'bad-character' });
    expect(parseWithDefaultPort('pin.test', 443)).toEqual({
      ok: true,
      value: { host: 'pin.test', kind: 'name', port: 443 },
    });
    expect(parseWithDefaultPort('[::1]', 80)).toEqual({ ok: true, value: { host: '::1', kind: 'ipv6', port: 80 } });
  });
});

describe('parseHost', () => {
  it('wants brackets around IPv6, and both of them', () => {
    expect(parseHost('')).toEqual({ ok: false, why: 'empty' });
    expect(parseHost('::1')).toEqual({ ok: false, why: 'bad-character' });
    expect(parseHost('[::1')).toEqual({ ok: false, why: 'bad-ipv6' });
    expect(parseHost('[::1]')).toEqual({ ok: true, value: { host: '::1', kind: 'ipv6' } });
  });
});

describe('parseHttpTarget', () => {
  it.each([
    ['/path', 'bad-uri'],
    ['https://pin.test/', 'bad-uri'],
    ['ftp://pin.test/', 'bad-uri'],
    ['http:/pin.test/', 'bad-uri'],
    ['http:///path', 'empty'],
    ['http://', 'empty'],
    ['http://user@pin.test/', 'user-information'],
    ['http://pin.test:0/', 'bad-port'],
    ['http://pin.test:80#x', 'bad-port'],
    ['http://pin.test/a#x', 'bad-uri'],
    ['http://pin.test/a b', 'bad-uri'],
    ['http://pin.test/\r\nX: y', 'bad-uri'],
    ['http://pin.test\\evil.test/', 'bad-character'],
    ['http://127.1/', 'numeric-host'],
  ] as const)('refuses %j: %s', (text, why) => {
    expect(parseHttpTarget(text)).toEqual({ ok: false, why });
  });

  it.each([
    ['http://pin.test', 'pin.test', 80, '/'],
    ['HTTP://PIN.test:8080/a/b?c=d', 'pin.test', 8080, '/a/b?c=d'],
    ['http://pin.test?q', 'pin.test', 80, '/?q'],
    ['http://[::1]:81/x%20y', '::1', 81, '/x%20y'],
    ['http://pin.test/@', 'pin.test', 80, '/@'],
  ] as const)('reads %j', (text, host, port, path) => {
    expect(parseHttpTarget(text)).toMatchObject({ ok: true, value: { authority: { host, port }, path } });
  });
});

describe('sameHost', () => {
  it('compares host and kind', () => {
    expect(sameHost({ host: 'a', kind: 'name' }, { host: 'b', kind: 'name' })).toBe(false);
    expect(sameHost({ host: 'a', kind: 'name' }, { host: 'a', kind: 'ipv4' })).toBe(false);
    expect(sameHost({ host: 'a', kind: 'name' }, { host: 'a', kind: 'name' })).toBe(true);
  });
});
