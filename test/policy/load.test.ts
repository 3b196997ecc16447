import { describe, expect, it } from 'vitest';
import { loadGroups, loadPolicy, policySha256 } from '../../src/policy/load.ts';
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

  it('names a generation by what decides, wherever the files are', () => {
    const sha256 = unwrap(loadPolicy([one, two], configOf(), GROUPS)).sha256;
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(unwrap(loadPolicy([two, one], configOf(), GROUPS)).sha256).toBe(sha256);
    const moved = [one, two].map((each) => ({ ...each, file: `/elsewhere${each.file}` }));
    expect(policySha256(moved, configOf('', '/elsewhere/pinwarden.yaml'), GROUPS)).toBe(sha256);
    const others = [
      policySha256([one], configOf(), GROUPS),
      policySha256([one, { ...two, text: `${two.text}\n` }], configOf(), GROUPS),
      policySha256([one, { ...two, owner: 'x' }], configOf(), GROUPS),
      policySha256([one, { ...two, mayNot: ['bypass'] }], configOf(), GROUPS),
      policySha256([one, two], configOf(), []),
      policySha256([one, two], configOf('unmatched: { action: deny }'), GROUPS),
      policySha256([one, two], configOf('unmatched: { onFailure: alert }'), GROUPS),
      policySha256([one, two], configOf('anchors: system'), GROUPS),
      policySha256([one, two], configOf('anchors: [x.pem]'), GROUPS),
      policySha256([one, two], configOf('clients: { ci: [10.0.0.0/8] }'), GROUPS),
    ];
    expect(new Set([sha256, ...others]).size).toBe(others.length + 1);
  });
});
