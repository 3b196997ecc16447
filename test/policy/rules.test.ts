import { describe, expect, it } from 'vitest';
import { parsePattern } from '../../src/policy/hosts.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import type { HostPattern } from '../../src/policy/policy.ts';
import { configOf, errorsOf, load, PIN_A, PIN_B, policyOf, ruleOf, source } from '../support/policies.ts';

const errors = (fields: string) => errorsOf(load(`rules: [{ name: r, match: [r.example], ${fields} }]`)).join('\n');
const PINS = `pins: { anyOf: [{ ca: "${PIN_A}" }, { ca: "${PIN_B}" }] }`;

describe('rules: refused', () => {
  it.each([
    ['mode: bypass', '`mode: bypass` without a reason'],
    ['mode: bypass, reason: ""', 'at least 1 characters'],
    [`mode: bypass, reason: r, ${PINS}`, 'its pins mean nothing'],
    ['mode: bypass, reason: r, unsafeFloor: { action: alert, reason: r, until: 2027-06-01 }', 'no floor to lower'],
    [`pins: { anyOf: [{ ca: "${PIN_A}" }] }`, 'a rule that blocks has a single key'],
    [`pins: { anyOf: [{ ca: "${PIN_A}" }, { leaf: "${PIN_A}" }] }`, 'a rule that blocks has a single key'],
    ['allowPrivate: [10.0.0.1/8]', '`10.0.0.1/8` is not an address range'],
    ['unsafeFloor: { action: alert, reason: r, until: tomorrow }', '`tomorrow` is not a date'],
    ['unsafeFloor: { action: allow, reason: r, until: 2027-06-01 }', '`action` is `allow`, expected `alert`'],
    ['unsafeFloor: { action: alert, until: 2027-06-01 }', '`reason` is missing'],
    ['certificatePolicies: ["2.23.140.1.2.2", "1.2."]', '`1.2.` is not an object identifier'],
    ['certificatePolicies: [ov]', '`ov` is not an object identifier'],
    ['certificatePolicies: []', '`certificatePolicies` is out of range: at least 1 entries'],
    [
      `certificatePolicies: [${Array.from({ length: 65 }, (_, arc) => `"1.2.3.${arc}"`).join(', ')}]`,
      'at most 64 entries',
    ],
    ['mode: bypass, reason: r, certificatePolicies: ["1.2.3"]', 'a bypassed host is not judged by its policies'],
    ['except: ["*"]', 'would match every host'],
  ])('%s', (fields, message) => expect(errors(fields)).toContain(message));

  it('an OID at its place in the list', () => {
    expect(errors('certificatePolicies: ["1.2.3", "1.40"]')).toMatch(/^2:\d+ `1\.40`/);
    expect(ruleOf('certificatePolicies: ["1.2.3", "2.5.29.32.0", "1.2.3"]').certificatePolicies).toEqual([
      '1.2.3',
      '2.5.29.32.0',
    ]);
  });

  it('what an owner may not', () => {
    const bound = (text: string): HostPattern => {
      const parsed = parsePattern(text);
      if (!parsed.ok) throw new Error(text);
      return { ...parsed.value, text, place: { file: 'f', line: 1, column: 1 } };
    };
    const owned = source(
      `version: 1
rules:
  - { name: in, match: [a.pay.example] }
  - { name: out, match: [b.pay.example, pay.example] }
  - { name: by, match: [c.pay.example], mode: bypass, reason: r }
  - { name: fl, match: [d.pay.example], unsafeFloor: { action: alert, reason: r, until: 2027-06-01 } }
  - { name: tl, match: [e.pay.example], unsafeTls: { reason: r, until: 2027-06-01 } }
`,
      { owner: 'payments', mayMatch: [bound('**.pay.example')], mayNot: ['bypass', 'unsafe'] },
    );
    expect(errorsOf(loadPolicy([owned], configOf()))).toEqual([
      '4:41 `pay.example` is outside what owner `payments` may match',
      '5:5 owner `payments` may not say `mode: bypass`',
      '6:41 owner `payments` may not use unsafe keys',
      '7:41 owner `payments` may not use unsafe keys',
    ]);
  });
});

describe('rules: compiled', () => {
  it('has safe defaults', () => {
    expect(ruleOf('')).toMatchObject({
      mode: 'terminate',
      onFailure: 'block',
      checks: {
        publicRoot: 'off',
        ct: 'if-present',
        staple: 'if-present',
        crl: 'if-present',
        lifetime: 'off',
        continuity: 'off',
      },
      anchors: 'public',
      plaintext: 'allow',
      answer: 'before-hello',
      metricsGroup: 'r',
      certificatePolicies: [],
      unsafeFloor: null,
      tls: { minVersion: '1.2' },
      unsafeTls: null,
      reason: null,
      owner: null,
    });
    expect(ruleOf(PINS).plaintext).toBe('block');
    expect(ruleOf(`${PINS}, plaintext: allow`).plaintext).toBe('allow');
    expect(ruleOf('', configOf('anchors: system')).anchors).toBe('system');
    expect(ruleOf('onFailure: alert', configOf()).onFailure).toBe('alert');
  });

  it('takes what it does not say from the defaults of its file, check by check', () => {
    const [first, second] =
      policyOf(`defaults: { onFailure: alert, checks: { ct: require, staple: off }, anchors: [corp.pem], plaintext: allow, answer: after-hello, metricsGroup: g, clients: [ci] }
rules:
  - { name: a, match: [a.example], checks: { staple: require } }
  - { name: b, match: [a.example], onFailure: block, clients: [], anchors: public, metricsGroup: h }
`).rules;
    expect(first).toMatchObject({
      onFailure: 'alert',
      checks: { ct: 'require', staple: 'require', crl: 'if-present' },
      anchors: { files: ['/etc/pw/policies/corp.pem'] },
      plaintext: 'allow',
      answer: 'after-hello',
      metricsGroup: 'g',
      clients: ['ci'],
    });
    expect(first?.origins).toMatchObject({
      onFailure: { line: 2 },
      'checks.ct': { line: 2 },
      'checks.staple': { line: 4 },
    });
    expect(first?.origins['mode']).toBeUndefined();
    expect(second).toMatchObject({ onFailure: 'block', clients: [], anchors: 'public', metricsGroup: 'h' });
  });

  it('lets a rule that alerts have one key', () => {
    expect(ruleOf(`onFailure: alert, pins: { anyOf: [{ ca: "${PIN_A}" }] }`).pins.anyOf.length).toBe(1);
    expect(ruleOf(`pins: { noneOf: [{ any: "${PIN_A}" }] }`)).toMatchObject({
      plaintext: 'block',
      pins: { anyOf: [] },
    });
  });

  it('is frozen through and through', () => {
    const rule = ruleOf(
      `${PINS}, allowPrivate: [10.0.0.0/8], unsafeFloor: { action: alert, reason: r, until: 2027-06-01 }`,
    );
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(rule)).toBe(true);
    expect(rule.unsafeFloor).toEqual({ action: 'alert', reason: 'r', untilMs: Date.UTC(2027, 5, 1) });
    expect(rule.allowPrivate).toEqual(['10.0.0.0/8']);
  });
});
