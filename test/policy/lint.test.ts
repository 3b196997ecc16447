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

  it('warns of words that do nothing', () => {
    const blocks = (fields: string) => words(`rules: [{ name: r, match: [r.example, "*.r.example"], ${fields} }]`);
    const empty = 'the pins of rule `r` are empty, so no key is asked for';
    expect(blocks('pins: {}')).toEqual([empty]);
    expect(blocks('pins: { anyOf: [], noneOf: [] }')).toEqual([empty]);
    expect(blocks('pins: {}, onFailure: alert')).toEqual([]);
    expect(blocks(`pins: { noneOf: [{ any: "${PIN_A}" }] }`)).toEqual([]);
    const all = '`except` takes everything out that rule `r` matches';
    expect(blocks('except: [r.example, "**.r.example"]')).toEqual([all]);
    expect(blocks('except: [r.example, "**.r.example:443"]')).toEqual([]);
    expect(blocks('except: ["r.example:443", "s.example:443"]')).toEqual([
      expect.stringContaining('`s.example:443` is outside'),
    ]);
    expect(blocks('except: ["**.r.example"]')).toEqual([]);
    expect(blocks('reason: moved')).toEqual(['`reason` of rule `r` means nothing without a bypass']);
  });

  it('warns of private ranges that hold everything', () => {
    const wide = (range: string) => words(rule(`allowPrivate: ["${range}"]`));
    for (const range of ['0.0.0.0/0', '10.0.0.0/7', '::/0', 'fc00::/15']) {
      expect(wide(range)).toEqual([expect.stringContaining(`rule \`r\` may dial ${range}`)]);
    }
    for (const range of ['10.0.0.0/8', '127.0.0.1', 'fd00::/16', '::1']) expect(wide(range)).toEqual([]);
  });

  it('warns of demands that nothing meets, and of those that a root outside the public set escapes', () => {
    const listed = configOf('ct: { logList: l.json }');
    const asks = (fields: string, config = listed) => words(rule(fields), config);
    expect(asks('checks: { ct: require }', configOf())).toEqual([
      'rule `r` requires ct and there is no log list, so every chain below a public root fails',
    ]);
    expect(asks('checks: { ct: require, lifetime: require }')).toEqual([]);
    const both = [
      expect.stringContaining('requires ct, but it is skipped'),
      expect.stringContaining('requires lifetime, but'),
    ];
    expect(asks('anchors: system, checks: { ct: require, lifetime: require }')).toEqual(both);
    expect(asks('anchors: [a.pem], checks: { ct: require, lifetime: require }')).toEqual(both);
    expect(asks('anchors: system, checks: { ct: require, lifetime: require, publicRoot: require }')).toEqual([]);
    expect(asks('anchors: system, checks: { ct: if-present }')).toEqual([]);
    const global = configOf('ct: { logList: l.json }\nanchors: system\nunmatched: { checks: { lifetime: require } }');
    expect(asks('', global)).toEqual([expect.stringContaining('rule `unmatched` requires lifetime')]);
    expect(asks('mode: bypass, reason: r, checks: { ct: require }', configOf())).toEqual([]);
  });

  it('warns of a listener that everybody reaches', () => {
    const config = configOf('listen: [{ address: 0.0.0.0, port: 3128 }, { address: "::1", port: 3128 }]');
    expect(words(rule(''), config)).toEqual(['the proxy listens on 0.0.0.0: whoever reaches it may use it']);
  });
});
