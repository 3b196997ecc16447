import { describe, expect, it } from 'vitest';
import { createBudget, LIMITS } from '../../../src/pki/path/budget.ts';

const SMALL = { maxDepth: 4, maxEdges: 2, maxPaths: 1, maxCost: 3, maxComparisons: 10 };

describe('createBudget', () => {
  it('refuses what does not fit and remembers that it did', () => {
    const edges = createBudget(SMALL);
    expect([edges.takeEdge(), edges.takeEdge(), edges.overrun(), edges.takeEdge(), edges.overrun()]).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
    const cost = createBudget(SMALL);
    expect([cost.takeVerification('a', 2), cost.takeVerification('b', 2), cost.overrun()]).toEqual([true, false, true]);
    const paths = createBudget(SMALL);
    expect([paths.takePath(), paths.overrun(), paths.takePath(), paths.overrun()]).toEqual([true, false, false, true]);
    const names = createBudget(SMALL);
    expect([names.takeComparisons(10), names.takeComparisons(1), names.overrun()]).toEqual([true, false, true]);
    const depth = createBudget(SMALL);
    depth.cut();
    expect(depth.overrun()).toBe(true);
  });

  it('charges a pair once', () => {
    const budget = createBudget(SMALL);
    for (let index = 0; index < 10; index++) expect(budget.takeVerification('a', 2)).toBe(true);
    expect(budget.overrun()).toBe(false);
  });

  it('has limits that every honest chain keeps', () => {
    expect(createBudget().limits).toBe(LIMITS);
    expect(LIMITS).toMatchObject({ maxDepth: 16, maxEdges: 200, maxPaths: 64, maxCost: 60 });
  });
});
