/**
 * Time, injected downwards: pure rooms get it as a number, the shell gets a Clock, tests give a fixed one.
 */

export interface Clock {
  /** Wall clock, milliseconds since the epoch: for validity periods and records. */
  nowMs(): number;
  /** Milliseconds since some fixed moment, never going back: for durations and timeouts. */
  monotonicMs(): number;
}

export const systemClock: Clock = Object.freeze({
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
});
