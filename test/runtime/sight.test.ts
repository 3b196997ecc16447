import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import { lockerDirectory } from '../../src/observe/evidence-locker.ts';
import { exhibitOf } from '../../src/observe/exhibit.ts';
import { createSight, type Sight } from '../../src/runtime/sight.ts';
import { mismatchEntry } from '../support/unexpected.ts';

let state: string;
const open: Sight[] = [];

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'sight-'));
});

afterEach(() => {
  for (const sight of open.splice(0)) sight.close();
  rmSync(state, { recursive: true, force: true });
});

function sighted() {
  const lines: string[] = [];
  const counted: [string, string, number][] = [];
  const demands: boolean[] = [];
  const sight = createSight({
    state,
    clock: systemClock,
    demand: (wanted) => void demands.push(wanted),
    log: (line) => void lines.push(line),
    counts: {
      evidenceLost: (at, count) => void counted.push(['evidence', at, count]),
      eventsDropped: (at, count) => void counted.push(['events', at, count]),
    },
  });
  open.push(sight);
  return { sight, lines, counted, demands };
}

const BATCH = { lines: [], exhibits: [exhibitOf(mismatchEntry())!], linesDropped: 0, exhibitsLost: 0 };

it('goes on without a locker, says so once and counts', () => {
  writeFileSync(lockerDirectory(state), 'a file');
  const { sight, lines, counted } = sighted();
  expect(sight.locker).toBeNull();
  sight.take(BATCH);
  sight.take(BATCH);
  expect(counted).toEqual([
    ['evidence', 'locker', 1],
    ['evidence', 'locker', 1],
  ]);
  expect(lines).toHaveLength(2);
});

it('counts what was lost on the way', () => {
  const { sight, counted } = sighted();
  sight.take({ lines: [], exhibits: [], linesDropped: 3, exhibitsLost: 4 });
  expect(counted).toEqual([
    ['events', 'worker', 3],
    ['evidence', 'worker', 4],
  ]);
});

it('hands lines to those who watch, and has written everything at its end', () => {
  const { sight, demands } = sighted();
  let text = '';
  const sink = {
    destroyed: false,
    writableLength: 0,
    write: (more: string) => {
      text += more;
    },
    end: () => undefined,
    destroy: () => undefined,
    once: () => undefined,
  };
  expect(sight.wanted()).toBe(false);
  sight.hub.subscribe(sink);
  expect([sight.wanted(), demands]).toEqual([true, [true]]);
  sight.take({ ...BATCH, lines: [{ 'event.action': 'verdict' }] });
  expect(text).toContain('event: verdict');
  sight.close();
  expect(sight.locker?.list().map(({ code }) => code)).toEqual(['pin.mismatch']);
});
