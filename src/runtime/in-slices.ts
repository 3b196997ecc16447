/**
 * Drives long work of the pure rooms without holding up what else the process does: tunnels relay, beats go out.
 *
 * Does not: start the work on another thread, or run two of them at once.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../host/clock.ts';
import type { Slices } from '../policy/slices.ts';

/** As for re-judging tunnels: the delay that a relayed byte may see. */
const SLICE_MS = 5;

/** @throws what the work throws. */
export async function inSlices<T>(work: Slices<T>, clock: Pick<Clock, 'monotonicMs'>): Promise<T> {
  let startMs = clock.monotonicMs();
  while (true) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (clock.monotonicMs() - startMs < SLICE_MS) continue;
    await nextTurn();
    startMs = clock.monotonicMs();
  }
}
