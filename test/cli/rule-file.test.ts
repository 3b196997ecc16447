import { describe, expect, it } from 'vitest';
import { chooseRule } from '../../src/cli/rule-file.ts';
import { CommandError } from '../../src/cli/usage.ts';
import { at, PIN_A, PIN_B } from '../support/policies.ts';

const choose = (text: string, host = 'api.bank.example') =>
  chooseRule({ text, file: '/p/bank.yaml', cwd: '/p', authority: at(host), groups: new Map() });

function refusalOf(text: string, host?: string): CommandError {
  try {
    choose(text, host);
  } catch (thrown) {
    if (thrown instanceof CommandError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was refused');
}

const POLICY = `version: 1
pinGroups: { keys: { pins: [{ key: "${PIN_A}" }, { key: "${PIN_B}" }] } }
defaults: { onFailure: alert }
rules:
  - { name: deep, match: ["**.bank.example"] }
  - { name: star, match: ["*.bank.example"], except: [out.bank.example] }
  - { name: exact, match: [api.bank.example], pins: { anyOf: [{ ca: keys }] } }
  - { name: port, match: ["other.example:8443"] }
  - { name: some, match: [ci.example], clients: [ci] }
`;

describe('a policy file', () => {
  it('without a rule for the host is refused with the rules that it has', () => {
    const { message, next } = refusalOf(POLICY, 'other.example');
    expect(message.split('\n')).toEqual([
      'no rule of /p/bank.yaml is for other.example:443; it has',
      '  deep: **.bank.example',
      '  star: *.bank.example except out.bank.example',
      '  exact: api.bank.example',
      '  port: other.example:8443',
      '  some: ci.example, only for clients ci',
    ]);
    expect(next).toContain('--host');
    expect(refusalOf(POLICY, 'ci.example').message, 'nobody said who asks').toContain('only for clients ci');
    const many = Array.from({ length: 12 }, (_, index) => `{ name: r${index}, match: [r${index}.example] }`);
    expect(refusalOf(`version: 1\nrules: [${many.join(', ')}]\n`).message).toMatch(/r9\.example\n {2}and 2 more$/);
  });

  it.each([
    [
      'a wrong rule',
      'version: 1\nrules: [{ name: a, match: [a.example], foo: 1 }]\n',
      'bank.yaml:2:40: error: unknown',
    ],
    ['no rules', 'version: 1\n', '`rules` is missing'],
    ['no version', 'rules: [{ name: a, match: [a.example] }]\n', '`version` is missing'],
    [
      'clashing rules',
      'version: 1\nrules: [{ name: a, match: [a.example] }, { name: a, match: [b.example] }]\n',
      'taken',
    ],
    ['a duplicate key', 'version: 1\nversion: 1\nrules: [{ name: a, match: [a.example] }]\n', 'duplicate key'],
  ])('with %s is refused as a policy file', (_, text, says) => {
    const { message, next } = refusalOf(text);
    expect(message).toContain('the policy file is not valid\n');
    expect(message).toContain(says);
    expect(next, 'nobody is told to take `version` out').not.toContain('the fields of one rule');
  });

  it.each([
    ['api.bank.example', 'exact'],
    ['www.bank.example', 'star'],
    ['out.bank.example', 'deep'],
    ['a.b.bank.example', 'deep'],
  ])('gives %s the rule %s, by the precedence of the proxy', (host, name) => {
    const { rule, origin } = choose(POLICY, host);
    expect(rule).toMatchObject({ name, onFailure: 'alert' });
    expect(origin).toMatch(/^bank\.yaml:\d+:5, /);
    expect(rule.pins.anyOf.length).toBe(name === 'exact' ? 2 : 0);
  });
});

describe('one rule', () => {
  it('that is wrong is refused with its place, and with both forms as the next step', () => {
    const { message, next } = refusalOf('pinns: {}\n');
    expect(message).toContain('the rule is not valid\nbank.yaml:1:1: error: unknown key `pinns`');
    expect(next).toMatch(/policy file .* or the fields of one rule/);
    expect(refusalOf('{').message).toContain('the rule is not valid');
  });

  it('is taken for every host', () => {
    const { rule, origin } = choose(`onFailure: alert\npins: { anyOf: [{ leaf: "${PIN_A}" }] }\n`);
    expect(rule).toMatchObject({ name: 'rule', onFailure: 'alert' });
    expect(origin).toBeNull();
  });
});
