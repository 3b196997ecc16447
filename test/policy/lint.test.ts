import { describe, expect, it } from 'vitest';
import { lint } from '../../src/policy/lint.ts';
import { configOf, PIN_A, PIN_B, policyOf } from '../support/policies.ts';

const NOW_MS = Date.UTC(2027, 0, 1);
const words = (text: string, config = configOf('clients: { ci: [10.0.0.0/8] }')) =>
  lint(policyOf(text, config), config, NOW_MS).map(({ message }) => message);
const rule = (fields: string): string => `rules: [{ name: r, match: [r.example], onFailure: alert, ${fields} }]`;
const group = (fields: string): string =>
  `pinGroups: { g: { ${fields}, pins: [{ key: "${PIN_A}" }, { key: "${PIN_B}" }] } }\n${rule('pins: { anyOf: [{ ca: g }] }')}`;

describe('lint', () => {
  it('is quiet about a good policy', () => {
    expect(words(group('expires: 2027-06-01'))).toEqual([]);
    expect(words(rule('mode: bypass, reason: r'))).toEqual([]);
    expect(words('rules: [{ name: r, match: ["*.r.example", r.example] }]')).toEqual([]);
  });

  it('warns of pins that expire or have expired', () => {
    expect(words(group('expires: 2027-01-20'))).toEqual([
      'the key expires on 2027-01-20; mismatches go on to block',
      'the key expires on 2027-01-20; mismatches go on to block',
    ]);
    expect(words(group('expires: 2027-01-01, onExpiry: alert'))).toEqual([
      'the key expired on 2027-01-01; mismatches only alert then',
      'the key expired on 2027-01-01; mismatches only alert then',
      'rule `r` has no unexpired key',
    ]);
  });

  it('warns of a missing backup, of twins and of dead pins', () => {
    expect(words(rule(`pins: { anyOf: [{ ca: "${PIN_A}" }] }`))).toEqual(['rule `r` has a single key and no backup']);
    expect(words(rule(`pins: { anyOf: [{ ca: "${PIN_A}" }, { ca: "${PIN_A}" }, { any: "${PIN_B}" }] }`))).toEqual([
      'rule `r` pins a key twice',
    ]);
    expect(
      words(rule(`pins: { anyOf: [{ ca: "${PIN_A}" }, { ca: "${PIN_B}" }], noneOf: [{ any: "${PIN_A}" }] }`)),
    ).toEqual(['rule `r` both asks for this key and denies it']);
  });

  it('warns of hosts that are not covered as they look', () => {
    const pins = `pins: { anyOf: [{ ca: "${PIN_A}" }, { ca: "${PIN_B}" }] }`;
    expect(words(`rules: [{ name: r, match: ["*.r.example"], ${pins} }]`)).toEqual([
      '`*.r.example` does not cover `r.example`, and no other rule does',
    ]);
    expect(words('rules: [{ name: r, match: ["**.co.uk"] }]')).toEqual(['`**.co.uk` covers a whole public suffix']);
    expect(words('rules: [{ name: r, match: ["*.r.example"], except: [s.example] }]')).toEqual([
      '`s.example` is outside what the rule matches, so it takes nothing out',
    ]);
    expect(words('rules: [{ name: r, match: ["*.r.example:444"], except: [a.r.example] }]')).toEqual([]);
  });

  it('warns of lowered floors and leftovers', () => {
    const floor = (until: string) => rule(`unsafeFloor: { action: alert, reason: r, until: ${until} }`);
    expect(words(floor('2027-06-01'))).toEqual(['rule `r` lets invalid upstreams through until 2027-06-01']);
    expect(words(floor('2026-06-01'))).toEqual(['the lowered floor of rule `r` ended on 2026-06-01']);
    const tls = (until: string) => rule(`unsafeTls: { minVersion: "1.1", reason: r, until: ${until} }`);
    expect(words(tls('2028-06-01'))).toEqual([
      'rule `r` accepts TLS 1.1 and later, legacy ciphers too, until 2028-06-01',
    ]);
    expect(words(tls('2027-01-15'))[0]).toContain('; from then on such an upstream is refused');
    expect(words(tls('2026-06-01'))).toEqual(['the lowered TLS floor of rule `r` ended on 2026-06-01']);
    const weakens = (name: string, until: string) =>
      `weakens: [{ rule: ${name}, reason: r, until: ${until} }]\n${rule('')}`;
    expect(words(weakens('r', '2026-06-01'))).toEqual(['this entry ended on 2026-06-01']);
    expect(words(weakens('gone', '2027-06-01'))).toEqual(['there is no rule `gone` any more']);
    expect(words(weakens('r', '2027-06-01'))).toEqual([]);
    expect(words(weakens('unmatched', '2027-06-01'))).toEqual([]);
  });

  it('warns of a listener that everybody reaches', () => {
    const config = configOf('listen: [{ address: 0.0.0.0, port: 3128 }, { address: "::1", port: 3128 }]');
    expect(words(rule(''), config)).toEqual(['the proxy listens on 0.0.0.0: whoever reaches it may use it']);
  });
});
