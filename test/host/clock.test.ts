import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';

describe('systemClock', () => {
  it('tells wall time, and a time that never goes back', () => {
    const first = systemClock.monotonicMs();
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(first);
    expect(systemClock.nowMs()).toBeGreaterThan(Date.parse('2026-01-01T00:00:00Z'));
    expect(Object.isFrozen(systemClock)).toBe(true);
  });
});
