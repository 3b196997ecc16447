import { expect, it } from 'vitest';
import { Notes } from '../../src/policy/notes.ts';
import { MAX_MISTAKES } from '../../src/policy/yaml.ts';

const yaml = {
  file: '/a.yaml',
  value: {},
  place: (path: readonly (string | number)[]) => ({ file: '/a.yaml', line: Number(path[0] ?? 1), column: 1 }),
};

it('only errors fail, and mistakes come in the order of lines', () => {
  const notes = new Notes(yaml);
  notes.warn([3], 'three', 'h');
  expect(notes.failed).toBe(false);
  notes.error([2], 'two', 'h');
  expect(notes.failed).toBe(true);
  expect(notes.mistakes.map(({ message, severity }) => `${message} ${severity}`)).toEqual([
    'two error',
    'three warning',
  ]);
  expect(notes.file).toBe('/a.yaml');
});

it('is bounded, and stays failed when it is full', () => {
  const notes = new Notes(yaml);
  for (let index = 0; index < MAX_MISTAKES; index += 1) notes.warn([index + 1], 'w', 'h');
  notes.error([1], 'e', 'h');
  expect(notes.mistakes.length).toBe(MAX_MISTAKES);
  expect(notes.failed).toBe(true);
});
