import { expect, it } from 'vitest';
import { configSchema } from '../../src/policy/config-schema.ts';
import { DEFAULT_LIMITS, DNS_TIMEOUT_MS } from '../../src/policy/limits.ts';
import { checkShape, jsonSchema, plainRuleSchema, policySchema } from '../../src/policy/schema.ts';
import { configOf, ruleOf } from '../support/policies.ts';

it('refuses what is not an object, without throwing', () => {
  for (const value of [undefined, null, 1, 'x', [], () => 1, new Date(0)]) {
    expect(checkShape(policySchema, value).ok).toBe(false);
    expect(checkShape(configSchema, value).ok).toBe(false);
  }
});

it('asks no map for its length, wherever it stands', () => {
  const length = Object.create(null);
  const hostile = (): readonly unknown[] => [{ length }, [{ length }], { x: { length } }, { x: [{ length }] }];
  /** Every place of an example, with every hostile value. */
  function* spoilt(value: unknown): Generator<unknown> {
    yield* hostile();
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      for (const one of spoilt(inner)) yield Array.isArray(value) ? [one] : { ...value, [key]: one };
    }
    yield { ...value, length };
  }
  const config = {
    version: 1,
    listen: [{ address: 'a', port: 1 }],
    admin: { unix: 'a' },
    anchors: ['a'],
    egress: { ports: [1], hosts: { a: ['b'] }, dns: { servers: ['a'] } },
    clients: { a: ['b'] },
    unmatched: { reason: 'a', checks: { ct: 'off' } },
    policies: ['a', { path: 'a', owner: 'b', mayMatch: ['a'], mayNot: ['bypass'] }],
    ct: { profile: 'chrome' },
    crl: { files: ['a'] },
    fetch: { ports: [1], allowPrivate: ['a'] },
    publicAnchors: ['a'],
    intermediates: ['a'],
  };
  const rule = { name: 'a', match: ['a'], pins: { anyOf: [{ leaf: 'a' }] }, anchors: ['a'], allowPrivate: ['a'] };
  const policy = { version: 1, pinGroups: { a: { pins: [{ key: 'a' }] } }, weakens: [], rules: [rule] };
  for (const [schema, example] of [
    [configSchema, config],
    [policySchema, policy],
  ] as const) {
    const values = [...spoilt(example)];
    expect(values.length).toBeGreaterThan(60);
    for (const value of values) expect(typeof checkShape(schema, value).ok, JSON.stringify(value)).toBe('boolean');
  }
});

it('says of a text that is no list nothing of its length', () => {
  const shape = checkShape(plainRuleSchema, { except: '', anchors: '', certificatePolicies: '' });
  expect(shape.ok ? [] : shape.issues.map(({ code }) => code)).not.toContain('too_small');
});

it('knows no key of any prototype', () => {
  for (const key of ['__proto__', 'constructor', 'toString']) {
    const value: Record<string, unknown> = Object.create(null);
    value['version'] = 1;
    Object.defineProperty(value, key, { value: {}, enumerable: true });
    expect(checkShape(configSchema, value).ok, key).toBe(false);
  }
});

it('takes a rule on its own without name and hosts', () => {
  expect(checkShape(plainRuleSchema, {})).toEqual({ ok: true, value: {} });
  expect(checkShape(plainRuleSchema, { mode: 'preflight' }).ok).toBe(false);
});

/** Defaults are written twice: for people in the schema, for rules in the compiler. */
it('tells people the defaults that hold', () => {
  const schema = jsonSchema(plainRuleSchema) as {
    properties: Record<string, { default?: unknown; properties?: Record<string, { default?: unknown }> }>;
  };
  const rule = ruleOf('') as unknown as Record<string, unknown>;
  for (const key of ['mode', 'onFailure', 'answer', 'clients', 'anchors', 'allowPrivate']) {
    expect(schema.properties[key]?.default, key).toEqual(rule[key]);
  }
  const checks = schema.properties['checks']?.properties ?? {};
  for (const [check, word] of Object.entries(rule['checks'] as object)) {
    expect(checks[check]?.default, check).toBe(word);
  }
  expect(configOf().limits).toEqual(DEFAULT_LIMITS);
  expect(configOf().egress.dns.timeoutMs).toBe(DNS_TIMEOUT_MS);
});
