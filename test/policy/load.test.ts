import { describe, expect, it } from 'vitest';
import { loadGroups, loadPolicy } from '../../src/policy/load.ts';
import { lookup } from '../../src/policy/lookup.ts';
import { at, configOf, errorsOf, PIN_A, PIN_B, source, unwrap } from '../support/policies.ts';

const GROUPS = [
  {
    file: '/g/test.yaml',
    text: `version: 1\npinGroups: { test: { pins: [{ key: "${PIN_A}" }, { key: "${PIN_B}" }] } }\n`,
  },
];
const file = (name: string, text: string) => source(`version: 1\n${text}`, { file: `/etc/pw/${name}.yaml` });
const one = file('one', 'rules: [{ name: one, match: [one.example], pins: { anyOf: [{ ca: "@test" }] } }]');
const two = file('two', 'rules: [{ name: two, match: [two.example] }]');

describe('loadPolicy', () => {
  it('says the mistakes of all files at once, and those between the good ones', () => {
    const bad = file('bad', 'rules: [{ name: bad }]');
    const clash = file('clash', 'rules: [{ name: clash, match: [two.example] }]');
    expect(errorsOf(loadPolicy([two, clash, bad], configOf()))).toEqual([
      '2:9 `match` is missing',
      expect.stringContaining('`two.example` is also matched by rule `clash`'),
    ]);
  });

  it('refuses to guess when shipped groups are broken', () => {
    expect(errorsOf(loadPolicy([one], configOf(), [{ file: '/g.yaml', text: 'x' }]))).toEqual([
      '1:1 the top of the file is not a map',
    ]);
    expect(errorsOf(loadPolicy([one], configOf()))).toEqual(['2:66 there is no pin group `@test`']);
    expect([...unwrap(loadGroups(GROUPS)).keys()]).toEqual(['@test']);
  });

  it('works without any file', () => {
    const policy = unwrap(loadPolicy([], configOf()));
    expect(lookup(policy, at('x.example'), [])).toMatchObject({ kind: 'rule', rule: { name: 'unmatched' } });
  });
});
