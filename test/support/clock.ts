/** A clock that stands still until the test moves it. */
import type { Clock } from '../../src/host/clock.ts';

export interface TestClock extends Clock {
  advance(ms: number): void;
  /** Sets the wall clock alone, as an administrator or NTP would; the monotonic clock does not jump. */
  setWall(at: string | number): void;
}

export function testClock(at: string | number = '2026-03-01T00:00:00Z'): TestClock {
  let wallMs = typeof at === 'number' ? at : Date.parse(at);
  let sinceMs = 1_000;
  return {
    nowMs: () => wallMs,
    monotonicMs: () => sinceMs,
    advance(ms) {
      wallMs += ms;
      sinceMs += ms;
    },
    setWall(to) {
      wallMs = typeof to === 'number' ? to : Date.parse(to);
    },
  };
}
