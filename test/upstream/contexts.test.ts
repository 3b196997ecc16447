import { describe, expect, it } from 'vitest';
import { LOWEST_TLS_FLOOR, NORMAL_TLS_FLOOR } from '../../src/model/tls.ts';
import { contextFor } from '../../src/upstream/contexts.ts';
import type { AnchorSet } from '../../src/verify/trust.ts';
import { authority } from '../support/test-ca.ts';
import { anchorsOf } from './support.ts';

describe('contextFor', () => {
  it('is shared by equal anchor sets only, and forgets the least recently used', () => {
    const sets = Array.from({ length: 65 }, (_, index) => anchorsOf(authority({ cn: `Root ${index}` })));
    const contextOf = (set: AnchorSet) => contextFor(set, NORMAL_TLS_FLOOR);
    const [first, second] = sets as [(typeof sets)[0], (typeof sets)[0]];
    const context = contextOf(first);
    expect(contextOf({ ...first, name: 'another name' })).toBe(context);
    const other = contextOf(second);
    expect(other).not.toBe(context);
    for (const set of sets.slice(2, 64)) contextOf(set);
    // 64 are held; using the first makes the second the oldest.
    expect(contextOf(first)).toBe(context);
    contextOf(sets[64] as (typeof sets)[0]);
    expect(contextOf(first)).toBe(context);
    expect(contextOf(second)).not.toBe(other);
  });

  it('is another one for each floor', () => {
    const anchors = anchorsOf(authority({ cn: 'Root' }));
    const floors = [
      NORMAL_TLS_FLOOR,
      LOWEST_TLS_FLOOR,
      { minVersion: '1.1', ciphers: 'legacy' },
      { minVersion: '1.2', ciphers: 'legacy' },
      { minVersion: '1.3', ciphers: 'default' },
    ] as const;
    const contexts = new Set(floors.map((floor) => contextFor(anchors, floor)));
    expect(contexts.size).toBe(floors.length);
    expect(contexts).toContain(contextFor(anchors, { ...NORMAL_TLS_FLOOR }));
  });
});
