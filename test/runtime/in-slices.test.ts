import { expect, it } from 'vitest';
import type { Slices } from '../../src/policy/slices.ts';
import { inSlices } from '../../src/runtime/in-slices.ts';

/** Each slice takes `sliceMs` of the clock. */
function* work(slices: number, tick: () => void): Slices<string> {
  for (let one = 0; one < slices; one += 1) {
    tick();
    yield;
  }
  return 'done';
}

function clockOf(sliceMs: number) {
  let nowMs = 0;
  return {
    monotonicMs: () => nowMs,
    tick: () => {
      nowMs += sliceMs;
    },
  };
}

it('lets others have a turn once a slice is used up, and not before', async () => {
  for (const [sliceMs, turns] of [
    [1, 2],
    [5, 10],
  ] as const) {
    const clock = clockOf(sliceMs);
    let seen = 0;
    let open = true;
    const count = () => {
      seen += 1;
      if (open) setImmediate(count);
    };
    setImmediate(count);
    expect(await inSlices(work(10, clock.tick), clock)).toBe('done');
    open = false;
    expect(seen).toBeGreaterThanOrEqual(turns - 1);
    expect(seen).toBeLessThanOrEqual(turns + 1);
  }
});

it('passes on what is thrown', async () => {
  function* broken(): Slices<string> {
    yield;
    throw new TypeError('inside');
  }
  await expect(inSlices(broken(), clockOf(9))).rejects.toThrow('inside');
});
