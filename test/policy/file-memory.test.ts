import { expect, it } from 'vitest';
import { createFileMemory } from '../../src/policy/file-memory.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { configOf, source, unwrap } from '../support/policies.ts';

const a = source('version: 1\nrules: [{ name: a, match: [a.example] }]', { file: '/a.yaml' });
const b = source('version: 1\nrules: [{ name: b, match: [b.example] }]', { file: '/b.yaml' });

it('keeps the rules of files that did not change', () => {
  const memory = createFileMemory();
  const first = unwrap(loadPolicy([a, b], configOf(), [], memory));
  const second = unwrap(
    loadPolicy([a, { ...b, text: b.text.replace('b.example', 'c.example') }], configOf(), [], memory),
  );
  expect(second.rules[0]).toBe(first.rules[0]);
  expect(second.rules[1]?.match[0]?.host).toBe('c.example');
});

it('reads again when anything else changed that decides', () => {
  const memory = createFileMemory();
  const [rule] = unwrap(loadPolicy([a], configOf(), [], memory)).rules;
  expect(unwrap(loadPolicy([{ ...a, owner: 'x' }], configOf(), [], memory)).rules[0]?.owner).toBe('x');
  expect(unwrap(loadPolicy([a], configOf('anchors: system'), [], memory)).rules[0]?.anchors).toBe('system');
  expect(rule?.anchors).toBe('public');
});

it('forgets after a load without the file', () => {
  const memory = createFileMemory();
  const [rule] = unwrap(loadPolicy([a], configOf(), [], memory)).rules;
  loadPolicy([b], configOf(), [], memory);
  expect(unwrap(loadPolicy([a], configOf(), [], memory)).rules[0]).not.toBe(rule);
});
