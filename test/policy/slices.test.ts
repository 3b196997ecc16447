import { expect, it } from 'vitest';
import { atOnce, type Slices } from '../../src/policy/slices.ts';

function* count(to: number): Slices<number> {
  let sum = 0;
  for (let one = 1; one <= to; one += 1) {
    sum += one;
    yield;
  }
  return sum;
}

it('does all slices and answers with the result', () => {
  expect(atOnce(count(0))).toBe(0);
  expect(atOnce(count(4))).toBe(10);
});

it('passes on what is thrown', () => {
  function* broken(): Slices<number> {
    yield;
    throw new TypeError('inside');
  }
  expect(() => atOnce(broken())).toThrow('inside');
});
