import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPortOpen, lookup } from '../../src/policy/lookup.ts';
import { at, configOf, policyOf } from '../support/policies.ts';

const CLIENTS = 'clients: { ci: [10.0.0.0/8], dev: [10.1.0.0/16] }';
const policy = policyOf(`rules:
  - { name: exact, match: [api.bank.example] }
  - { name: exact-ci, match: [api.bank.example], clients: [ci] }
  - { name: exact-dev, match: [api.bank.example], clients: [dev] }
  - { name: exact-port, match: ["api.bank.example:8443"] }
  - { name: one, match: ["*.bank.example"], except: [status.bank.example, "www.bank.example:8443"] }
  - { name: deep, match: ["**.bank.example"] }
  - { name: deeper, match: ["**.eu.bank.example"] }
  - { name: only-ci, match: [ci.example], clients: [ci] }
  - { name: port-ci, match: [port.example], clients: [ci], except: ["port.example:445"] }
  - { name: port-ci-8443, match: ["port.example:8443"], clients: [ci] }
  - { name: port-dev-8443, match: ["port.example:8443", "port.example:444"], clients: [dev] }
  - { name: port-445, match: ["port.example:445"] }
  - { name: wide, match: ["**.example"] }
  - { name: address, match: ["192.0.2.1", "2001:db8::1"] }
`);
const decides = (host: string, clients: readonly string[] = []): string => {
  const decision = lookup(policy, at(host), clients);
  return decision.kind === 'rule' ? decision.rule.name : 'denied';
};

describe('lookup', () => {
  it.each([
    ['api.bank.example', [], 'exact'],
    ['api.bank.example', ['ci'], 'exact-ci'],
    ['api.bank.example', ['dev', 'ci'], 'exact-ci'],
    ['api.bank.example', ['dev'], 'exact-dev'],
    ['api.bank.example', ['nobody'], 'exact'],
    ['api.bank.example:8443', [], 'exact-port'],
    ['api.bank.example:8443', ['ci'], 'exact-ci'],
    ['api.bank.example:8443', ['nobody'], 'exact-port'],
    ['port.example', ['dev', 'ci'], 'port-ci'],
    ['port.example:8443', ['dev', 'ci'], 'port-ci-8443'],
    ['port.example:8443', ['dev'], 'port-dev-8443'],
    ['port.example:444', ['dev', 'ci'], 'port-ci'],
    ['port.example:445', ['ci'], 'port-445'],
    ['www.bank.example', [], 'one'],
    ['www.bank.example:8443', [], 'deep'],
    ['status.bank.example', [], 'deep'],
    ['a.b.bank.example', [], 'deep'],
    ['a.eu.bank.example', [], 'deeper'],
    ['eu.bank.example', [], 'one'],
    ['bank.example', [], 'wide'],
    ['ci.example', ['ci'], 'only-ci'],
    ['ci.example', ['dev'], 'wide'],
    ['example', [], 'unmatched'],
    ['192.0.2.1', [], 'address'],
    ['[2001:db8::1]', [], 'address'],
    ['192.0.2.2', [], 'unmatched'],
  ])('%s for %j: %s', (host, clients, rule) => expect(decides(host, clients)).toBe(rule));

  it('denies what no rule matches when the policy is an allow-list', () => {
    const strict = policyOf('rules: [{ name: a, match: [a.example] }]', configOf('unmatched: { action: deny }'));
    expect(lookup(strict, at('b.example'), [])).toEqual({ kind: 'deny' });
    expect(lookup(strict, at('a.example'), []).kind).toBe('rule');
  });

  it('says why', () => {
    const why = (host: string, clients: readonly string[] = []) => lookup(policy, at(host), clients);
    expect(why('api.bank.example', ['ci'])).toMatchObject({
      why: 'api.bank.example: exact host api.bank.example, for clients ci',
    });
    expect(why('api.bank.example:8443')).toMatchObject({ why: expect.stringContaining('port 8443') });
    expect(why('example')).toMatchObject({ pattern: null, why: expect.stringContaining('`unmatched`') });
  });

  it('does not depend on the order of rules, files or client names', () => {
    const rules = [
      '{ name: a, match: [x.example, "*.y.example"] }',
      '{ name: b, match: ["**.example"], except: [z.y.example] }',
      '{ name: c, match: ["**.example"], clients: [ci] }',
      '{ name: d, match: ["**.example"], clients: [dev] }',
      '{ name: e, match: ["*.y.example:444"] }',
    ];
    const hosts = ['x.example', 'z.y.example', 'z.y.example:444', 'q.example', 'a.b.example'];
    const answers = (order: readonly string[], clients: readonly string[]): string[] => {
      const shuffled = policyOf(`rules: [${order.join(', ')}]`, configOf(CLIENTS));
      return hosts.map((host) => {
        const decision = lookup(shuffled, at(host), clients);
        return decision.kind === 'rule' ? decision.rule.name : 'denied';
      });
    };
    fc.assert(
      fc.property(
        fc.shuffledSubarray(rules, { minLength: 5 }),
        fc.shuffledSubarray(['ci', 'dev']),
        (order, clients) => {
          expect(answers(order, clients)).toEqual(answers(rules, clients.toSorted()));
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('the port', () => {
  it.each([
    ['api.bank.example:443', true],
    ['api.bank.example:8443', true],
    // Patterns of other hosts and of other rules for this one name it.
    ['www.bank.example:8443', false],
    ['port.example:444', false],
    ['other.test:8443', false],
  ])('%s: %s', (host, open) => {
    expect(isPortOpen(lookup(policy, at(host), []), at(host), [443])).toBe(open);
  });
});
