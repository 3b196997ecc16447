import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GeneralNames } from '../../../src/pki/x509/certificate.ts';
import { matchesHost } from '../../../src/pki/x509/names.ts';
import { ipBytes } from '../../support/extensions.ts';

const san = (dns: readonly string[], ip: readonly string[] = []): GeneralNames => ({
  dns,
  ip: ip.map(ipBytes),
  email: ['pin.test'],
  uri: ['https://pin.test'],
  directory: [],
  otherTags: [],
});

const named = (host: string, ...dns: string[]) => matchesHost(san(dns), { host, kind: 'name' });
const answer = (host: string, ...dns: string[]): string => named(host, ...dns).is;

describe('names that do not match', () => {
  it.each([
    ['another host', 'pin.test', 'other.test'],
    ['a parent', 'a.pin.test', 'pin.test'],
    ['a child', 'pin.test', 'a.pin.test'],
    ['the end of a name', 'pin.test', 'evilpin.test'],
    ['a wildcard for its own parent', 'example.com', '*.example.com'],
    ['a wildcard for two labels', 'a.b.example.com', '*.example.com'],
    ['a partial wildcard at the end', 'foo.pin.test', 'f*.pin.test'],
    ['a partial wildcard at the start', 'foo.pin.test', '*o.pin.test'],
    ['a wildcard within an A-label', 'xn--a.pin.test', 'xn--*.pin.test'],
    ['a wildcard in the second label', 'a.b.pin.test', 'a.*.pin.test'],
    ['two wildcards', 'a.b.pin.test', '*.*.pin.test'],
    ['a bare wildcard', 'test', '*'],
    ['a wildcard over nothing', 'pin.test', '*.'],
    ['a trailing dot', 'pin.test', 'pin.test.'],
    ['a leading dot', 'a.pin.test', '.pin.test'],
    ['white space', 'pin.test', ' pin.test'],
    ['a NUL after the name', 'pin.test', 'pin.test\u0000.evil.test'],
    ['an injected list', 'pin.test', 'x.test, DNS:pin.test'],
    ['an empty name', 'pin.test', ''],
    ['an address as a name', '1.2.3.4', '1.2.3.4'],
    ['a short address as a name', '127.1', '127.1'],
    ['a hexadecimal address as a name', '127.0x1', '127.0x1'],
    ['a wildcard over an address', '1.2.3.4', '*.2.3.4'],
    ['a host that is no DNS name', 'a b.test', 'a b.test'],
    ['a host with an empty label', 'a..test', 'a..test'],
    ['a label of 64', `${'a'.repeat(64)}.test`, `${'a'.repeat(64)}.test`],
  ])('%s', (_what, host, pattern) => {
    expect(answer(host, pattern)).toBe('mismatch');
  });

  it('no subjectAltName at all is another answer', () => {
    expect(matchesHost(undefined, { host: 'pin.test', kind: 'name' })).toEqual({ is: 'no-san' });
    expect(answer('pin.test')).toBe('mismatch');
  });

  it('shows some of the names, capped', () => {
    const many = Array.from({ length: 20 }, (_, index) => `${'x'.repeat(300)}${index}.test`);
    const found = named('pin.test', ...many);
    if (found.is !== 'mismatch') throw new Error(found.is);
    expect(found.presented).toHaveLength(8);
    expect(found.presented[0]).toHaveLength(256);
  });

  it.each(['*.com', '*.co.uk', '*.test', '*.xn--p1ai'])('%s is a wildcard over a public suffix', (pattern) => {
    expect(named(`a.${pattern.slice(2)}`, pattern)).toEqual({ is: 'public-suffix', by: pattern });
  });

  it('a public-suffix wildcard does not hide a right name', () => {
    expect(named('a.co.uk', '*.co.uk', 'a.co.uk')).toEqual({ is: 'matched', by: 'a.co.uk' });
    expect(answer('example.org', '*.com')).toBe('mismatch');
  });
});

describe('names that match', () => {
  it.each([
    ['the name', 'pin.test', 'pin.test'],
    ['in any case', 'pin.test', 'PIN.Test'],
    ['a wildcard for one label', 'a.example.com', '*.example.com'],
    ['a wildcard for an A-label', 'xn--bcher-kva.example.com', '*.example.com'],
    ['an A-label', 'xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['a wildcard over a private suffix', 'me.github.io', '*.github.io'],
    ['a single label', 'intranet', 'intranet'],
    ['an underscore', 'a_b.corp.test', 'a_b.corp.test'],
  ])('%s', (_what, host, pattern) => {
    expect(named(host, 'first.test', pattern)).toEqual({ is: 'matched', by: pattern });
  });
});

describe('addresses', () => {
  const at = (host: string, kind: 'ipv4' | 'ipv6', ip: readonly string[], dns: readonly string[] = []) =>
    matchesHost(san(dns, ip), { host, kind }).is;

  it('match iPAddress only, byte by byte, family by family', () => {
    expect(at('192.0.2.1', 'ipv4', ['192.0.2.1'])).toBe('matched');
    expect(at('2001:db8::1', 'ipv6', ['2001:db8:0:0:0:0:0:1'])).toBe('matched');
    expect(at('192.0.2.1', 'ipv4', ['192.0.2.2'], ['192.0.2.1'])).toBe('mismatch');
    expect(at('192.0.2.1', 'ipv4', ['::ffff:c000:201'])).toBe('mismatch');
    expect(at('::1', 'ipv6', ['127.0.0.1'])).toBe('mismatch');
    expect(at('not an address', 'ipv4', ['127.0.0.1'])).toBe('mismatch');
  });

  it('never match for a name', () => {
    expect(matchesHost(san([], ['192.0.2.1']), { host: 'pin.test', kind: 'name' }).is).toBe('mismatch');
  });
});

it('a name matches only itself, whatever its shape', () => {
  const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z]$/);
  const host = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => `${labels.join('.')}.example.com`);
  fc.assert(
    fc.property(host, host, (one, other) => {
      expect(answer(one, one)).toBe('matched');
      expect(answer(one, other)).toBe(one === other ? 'matched' : 'mismatch');
      expect(answer(`x.${one}`, `*.${one}`)).toBe('matched');
    }),
  );
});
