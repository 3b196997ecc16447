import { describe, expect, it } from 'vitest';
import { configOf, errorsOf, load, policyOf, ruleOf } from '../support/policies.ts';

const errors = (fields: string) => errorsOf(load(`rules: [{ name: r, match: [r.example], ${fields} }]`)).join('\n');
const BY = 'reason: r, until: 2027-06-01';

describe('tls and unsafeTls: refused', () => {
  it.each([
    ['tls: { minVersion: "1.1" }', '`minVersion` is `1.1`, expected `1.2` or `1.3`'],
    ['tls: { minVersion: "1.4" }', 'expected `1.2` or `1.3`'],
    ['tls: { minVersion: 1.3 }', 'number `1.3` is not written as a plain decimal integer'],
    ['tls: { ciphers: legacy }', 'unknown key `ciphers`'],
    [`unsafeTls: { minVersion: "1.3", ${BY} }`, '`minVersion` is `1.3`, expected `1.0`, `1.1` or `1.2`'],
    [`unsafeTls: { minVersion: "ssl3", ${BY} }`, '`minVersion` is `ssl3`'],
    [`unsafeTls: { ciphers: all, ${BY} }`, '`ciphers` is `all`, expected `legacy` or `default`'],
    ['unsafeTls: { minVersion: "1.0", until: 2027-06-01 }', '`reason` is missing'],
    ['unsafeTls: { minVersion: "1.0", reason: r }', '`until` is missing'],
    ['unsafeTls: { minVersion: "1.0", reason: r, until: soon }', '`soon` is not a date'],
    [`unsafeTls: { minVersion: "1.1", ciphers: default, ${BY} }`, 'TLS 1.1 has none of the default ciphers'],
    [`unsafeTls: { ciphers: default, ${BY} }`, '`unsafeTls` lowers nothing'],
    [`mode: bypass, reason: r, unsafeTls: { ${BY} }`, 'a bypassed host speaks TLS with its client'],
  ])('%s', (fields, message) => expect(errors(fields)).toContain(message));

  it('`unsafeTls` for more than one rule', () => {
    expect(errorsOf(load(`defaults: { unsafeTls: { ${BY} } }\nrules: [{ name: r, match: [r.example] }]`))).toEqual([
      '2:13 unknown key `unsafeTls`',
    ]);
    expect(() => configOf(`unmatched: { unsafeTls: { ${BY} } }`)).toThrow('unknown key `unsafeTls`');
  });
});

describe('tls and unsafeTls: compiled', () => {
  it('asks for TLS 1.2 and lowers nothing by itself', () => {
    expect(ruleOf('')).toMatchObject({ tls: { minVersion: '1.2' }, unsafeTls: null });
    expect(ruleOf('tls: {}')).toMatchObject({ tls: { minVersion: '1.2' } });
  });

  it('takes the floor of the defaults where a rule has none', () => {
    const { rules } = policyOf(`defaults: { tls: { minVersion: "1.3" } }
rules:
  - { name: a, match: [a.example] }
  - { name: b, match: [b.example], tls: { minVersion: "1.2" } }
  - { name: c, match: [c.example], unsafeTls: { ciphers: default, ${BY} } }
`);
    expect(rules.map(({ tls }) => tls.minVersion)).toEqual(['1.3', '1.2', '1.3']);
    expect(rules[0]?.origins['tls']).toMatchObject({ line: 2 });
    expect(rules[1]?.origins['tls']).toMatchObject({ line: 5 });
    expect(rules[2]?.unsafeTls).toEqual({
      minVersion: '1.2',
      ciphers: 'default',
      reason: 'r',
      untilMs: Date.UTC(2027, 5, 1),
    });
  });

  it('adds legacy ciphers unless told otherwise', () => {
    expect(ruleOf(`unsafeTls: { minVersion: "1.0", ${BY} }`).unsafeTls).toMatchObject({
      minVersion: '1.0',
      ciphers: 'legacy',
    });
    expect(ruleOf(`unsafeTls: { ${BY} }`).unsafeTls).toMatchObject({ minVersion: '1.2', ciphers: 'legacy' });
  });

  it('holds for hosts that no rule matches', () => {
    const { unmatched } = configOf('unmatched: { tls: { minVersion: "1.3" } }');
    expect(unmatched).toMatchObject({ rule: { tls: { minVersion: '1.3' } } });
  });
});
