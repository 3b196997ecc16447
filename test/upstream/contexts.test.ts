import { describe, expect, it } from 'vitest';
import { contextFor } from '../../src/upstream/contexts.ts';
import { authority } from '../support/test-ca.ts';
import { anchorsOf } from './support.ts';

describe('contextFor', () => {
  it('is shared by equal anchor sets only, and forgets the least recently used', () => {
    const sets = Array.from({ length: 65 }, (_, index) => anchorsOf(authority({ cn: `Root ${index}` })));
    const [first, second] = sets as [(typeof sets)[0], (typeof sets)[0]];
    const context = contextFor(first);
    expect(contextFor({ ...first, name: 'another name' })).toBe(context);
    const other = contextFor(second);
    expect(other).not.toBe(context);
    for (const set of sets.slice(2, 64)) contextFor(set);
    // 64 are held; using the first makes the second the oldest.
    expect(contextFor(first)).toBe(context);
    contextFor(sets[64] as (typeof sets)[0]);
    expect(contextFor(first)).toBe(context);
    expect(contextFor(second)).not.toBe(other);
  });
});
