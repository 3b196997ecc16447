import { describe, expect, it } from 'vitest';
import { asProblem, Problem } from '../../src/model/problem.ts';

describe('asProblem', () => {
  it('answers an unknown throw as our own failure, never as nothing', () => {
    const thrown = new TypeError('x is not a function');
    const problem = asProblem(thrown);
    expect([problem.code, problem.side, problem.cause]).toEqual(['internal.failure', 'self', thrown]);
  });

  it('keeps a problem as it is', () => {
    const problem = new Problem('dial.refused', 'upstream', { address: '192.0.2.1' });
    expect(asProblem(problem)).toBe(problem);
    expect(problem.message).toBe('dial.refused');
  });
});
