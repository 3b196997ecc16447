import { describe, expect, it } from 'vitest';
import { explain, printExplanation } from '../../src/policy/explain.ts';
import { at, configOf, PIN_A, PIN_B, policyOf } from '../support/policies.ts';

const policy = policyOf(`defaults: { onFailure: alert, checks: { staple: off } }
rules:
  - { name: exact, match: [api.bank.example], checks: { ct: require }, pins: { anyOf: [{ leaf: "${PIN_A}", name: now }, { ca: "${PIN_B}", backup: true }] } }
  - { name: ci, match: [api.bank.example], clients: [ci] }
  - { name: dev, match: [api.bank.example], clients: [dev] }
  - { name: port, match: ["api.bank.example:8443"] }
  - { name: one, match: ["*.bank.example"] }
  - { name: deep, match: ["**.bank.example"] }
  - { name: deepest, match: ["**.api.bank.example"], except: [x.api.bank.example] }
  - { name: except, match: ["**.example"], except: ["**.bank.example"] }
  - { name: elsewhere, match: [elsewhere.example] }
`);
const reasons = (host: string, clients: readonly string[] = []) =>
  Object.fromEntries(explain(policy, at(host), clients).lost.map(({ rule, why }) => [rule, why]));

describe('explain', () => {
  it('says why each other candidate lost', () => {
    expect(reasons('api.bank.example')).toEqual({
      ci: 'only for clients ci',
      dev: 'only for clients dev',
      deep: 'api.bank.example is more specific',
      deepest: 'a star needs a label in front, so the domain itself is not covered',
      except: expect.stringMatching(/^`except` at .*a\.yaml:11:\d+ takes the host out$/),
      one: 'api.bank.example is more specific',
      port: 'only for port 8443',
    });
    expect(reasons('api.bank.example', ['ci', 'dev'])).toMatchObject({
      exact: 'rule ci is for this client',
      dev: 'the group of rule ci comes first in `clients:`',
    });
    expect(reasons('api.bank.example:8443')).toMatchObject({ exact: 'api.bank.example:8443 names the port' });
    expect(reasons('api.bank.example:8443', ['ci', 'dev'])).toMatchObject({
      exact: 'rule ci is for this client',
      port: 'rule ci is for this client',
      dev: 'the group of rule ci comes first in `clients:`',
    });
    expect(reasons('a.api.bank.example')).toMatchObject({
      deep: '**.api.bank.example is longer',
      one: '`*` is exactly one label; `**.bank.example` would match',
    });
    expect(reasons('other.test')).toEqual({});
  });

  it('says what holds and where it was written', () => {
    const { fields, rule } = explain(policy, at('api.bank.example'), []);
    expect(rule).toMatchObject({ name: 'exact', owner: null, place: { line: 4, column: 5 } });
    const field = (name: string) => fields.find((one) => one.field === name);
    expect(field('mode')).toEqual({ field: 'mode', value: 'terminate', place: null });
    expect(field('onFailure')).toMatchObject({ value: 'alert', place: { line: 2, column: 13 } });
    expect(field('checks.ct')).toMatchObject({ value: 'require', place: { line: 4 } });
    expect(field('checks.staple')).toMatchObject({ value: 'off', place: { line: 2 } });
    expect(field('checks.crl')).toMatchObject({ value: 'if-present', place: null });
    expect(field('pins.anyOf')?.value).toEqual([`leaf ${PIN_A} (now)`, `ca ${PIN_B} (backup)`]);
    expect(field('clients')?.value).toBe('all');
  });

  it('shows where the anchors that a rule follows were written', () => {
    const config = configOf('unmatched: { onFailure: alert }\nanchors: [corp.pem]');
    const rules = policyOf(
      'rules:\n- { name: a, match: [a.example] }\n- { name: b, match: [b.example], anchors: public }',
      config,
    );
    const anchors = (host: string) => {
      return explain(rules, at(host), []).fields.find(({ field }) => field === 'anchors');
    };
    const global = {
      field: 'anchors',
      value: ['files:/etc/pw/corp.pem'],
      place: { file: config.file, line: 3, column: 1 },
    };
    expect(anchors('a.example')).toEqual(global);
    expect(anchors('other.example')).toEqual(global);
    expect(anchors('b.example')).toMatchObject({ value: ['public'], place: { line: 4 } });
    const unset = explain(policyOf('rules: [{ name: a, match: [a.example] }]'), at('a.example'), []);
    expect(unset.fields.find(({ field }) => field === 'anchors')).toMatchObject({ value: ['public'], place: null });
  });

  it('explains what decides when no rule matches', () => {
    const text = printExplanation(explain(policy, at('other.test'), ['ci']));
    expect(text).toContain('other.test:443 for client ci: rule unmatched');
    expect(text).toContain('no rule matches');
    const strict = policyOf('rules: [{ name: a, match: ["*.a.example"] }]', configOf('unmatched: { action: deny }'));
    const denied = explain(strict, at('a.example'), []);
    expect(denied).toMatchObject({ decision: 'deny', rule: null, fields: [] });
    expect(printExplanation(denied)).toContain('a.example:443: denied');
  });

  it('reads like the winner first', () => {
    const text = printExplanation(explain(policy, at('api.bank.example'), []));
    expect(text.split('\n').slice(0, 6)).toEqual([
      'api.bank.example:443: rule exact',
      '  api.bank.example: exact host api.bank.example',
      '  /etc/pw/policies/a.yaml:4:5',
      '',
      'why the others lost',
      '  ci (api.bank.example): only for clients ci',
    ]);
    expect(text).toMatch(/onFailure +alert +\/etc\/pw\/policies\/a\.yaml:2:13/);
    expect(text).toMatch(/mode +terminate +default/);
  });

  it('puts the notes of a key under it, so that the key stays whole at 80 columns', () => {
    const key = `sha256/${Buffer.alloc(32, 1).toString('base64')}`;
    const name = 'A CA with a long name of its own';
    const pinned = policyOf(
      `rules: [{ name: r, match: [r.example], onFailure: alert, pins: { anyOf: [{ ca: "${key}", name: "${name}" }] } }]`,
    );
    const text = printExplanation(explain(pinned, at('r.example'), []));
    expect(text).toMatch(/pins.anyOf +ca sha256\/.{44}\n {24}\(A CA with a long name of its own\)\n {22}\/etc\//);
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it('shows owner, floor and lists', () => {
    const rule =
      'unsafeFloor: { action: alert, reason: old box, until: 2027-06-01 }, allowPrivate: [10.0.0.0/8], clients: [ci]';
    const floor = policyOf(`rules: [{ name: r, match: [r.example], ${rule} }]`);
    const text = printExplanation(explain(floor, at('r.example'), ['ci']));
    const old = policyOf(
      'rules:\n- { name: r, match: [r.example], tls: { minVersion: "1.3" },\n    unsafeTls: { minVersion: "1.0", reason: old box, until: 2027-06-01 } }',
    );
    const lowered = printExplanation(explain(old, at('r.example'), []));
    expect(lowered).toMatch(/tls\.minVersion +1\.3 +.*a\.yaml:3:/);
    expect(lowered).toMatch(
      /unsafeTls +TLS 1\.0 and later, legacy ciphers too until 2027-06-01T00:00:00Z: old box\n +.*a\.yaml:4:5/,
    );
    expect(text).toContain('alert until 2027-06-01T00:00:00Z: old box');
    expect(text).toMatch(/tls\.minVersion +1\.2 +default/);
    expect(text).toMatch(/unsafeTls +— /);
    expect(text).toMatch(/certificatePolicies +— /);
    expect(text).toMatch(/allowPrivate +10\.0\.0\.0\/8/);
  });
});
