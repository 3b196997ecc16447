import { expect, it } from 'vitest';
import { wrap } from '../../src/cli/why-screen.ts';

it('wraps at words, and lets a longer word stand alone', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrap('unbreakable x', 4)).toEqual(['unbreakable', 'x']);
  expect(wrap('', 10)).toEqual(['']);
});
