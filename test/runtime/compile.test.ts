import { expect, it } from 'vitest';
import { compile } from '../../src/runtime/compile.ts';
import { materialWith } from '../support/runtime-material.ts';

const nothing = { recall: () => undefined, remember: () => undefined };
const memories = { signatures: nothing, certificates: nothing };

it('throws on what a supervisor would have refused, with the place', () => {
  expect(() => compile(materialWith({ config: { nonsense: 1 } }), memories)).toThrow(/pinwarden\.yaml:1: /);
  expect(() => compile(materialWith({ policies: ['rules: ['] }), memories)).toThrow(/p0\.yaml:\d+: /);
  expect(() => compile(materialWith({ anchors: 'no pem' }), memories)).toThrow(/roots\.pem/);
});

it('answers generation and trust', () => {
  const policies = ['version: 1\nrules: [{ name: a, match: [a.example] }]\n'];
  const { generation, trust } = compile(materialWith({ policies, number: 5 }), memories);
  expect(generation).toMatchObject({ number: 5, sha256: 'generation-5' });
  expect(generation.policy.rules.map(({ name }) => name)).toEqual(['a']);
  expect(trust.publicAnchors.anchors.length).toBeGreaterThan(100);
});
