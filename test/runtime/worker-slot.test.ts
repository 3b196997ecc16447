import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { WorkerSnapshot } from '../../src/observe/worker-metrics.ts';
import { type EndReason, STALL_MS, START_MS, WorkerSlot } from '../../src/runtime/worker-slot.ts';
import { testClock } from '../support/clock.ts';
import { materialWith, startMessageWith } from '../support/runtime-material.ts';
import { eventually } from '../support/sockets.ts';

const ODD = fileURLToPath(new URL('../support/odd-worker.ts', import.meta.url));
const MESSAGE = startMessageWith(materialWith({}));
const slots: WorkerSlot[] = [];

afterEach(async () => {
  await Promise.all(slots.splice(0).map(async (slot) => slot.drain(0)));
});

/** `how`: what each process in turn does; the last one repeats. */
function make(...how: readonly string[]) {
  const clock = testClock();
  const seen = {
    lines: [] as string[],
    ended: [] as EndReason[],
    last: [] as (WorkerSnapshot | null)[],
    applied: [] as number[],
    failed: [] as string[],
    ready: 0,
    starts: 0,
  };
  const slot = new WorkerSlot({
    worker: 1,
    clock,
    spawn: () => {
      const odd = how[Math.min(seen.starts, how.length - 1)] ?? 'serve';
      seen.starts += 1;
      return fork(ODD, [], {
        env: { ODD: odd },
        execArgv: [],
        ...(odd === 'unmade' ? { execPath: '/nothing/there' } : {}),
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
    },
    startMessage: () => MESSAGE,
    log: (line) => seen.lines.push(line),
    ready: () => {
      seen.ready += 1;
    },
    applied: (generation) => seen.applied.push(generation),
    ended: (reason, last) => {
      seen.ended.push(reason);
      seen.last.push(last);
    },
    failed: (message) => seen.failed.push(message),
  });
  slots.push(slot);
  slot.start();
  return { slot, seen, clock };
}

describe('a process that ends', () => {
  it('before it began, since it could not be made, is tried again', async () => {
    const { seen } = make('unmade', 'serve');
    await eventually('the next one serves', () => seen.ready === 1);
    expect(seen.ended).toEqual(['crash']);
    expect(seen.lines.join()).toContain('it could not be made');
  });

  it('by a crash is replaced, and slower each time', async () => {
    const { seen } = make('crash', 'crash', 'serve');
    await eventually('it serves', () => seen.ready === 1);
    expect(seen.ended).toEqual(['crash', 'crash']);
    expect(seen.lines[0]).toContain('exit code 70');
    expect(seen.lines[0]).toContain('100 ms');
    expect(seen.lines[1]).toContain('200 ms');
  });

  it('by a signal is replaced, and its last snapshot is handed on', async () => {
    const { slot, seen } = make('serve');
    await eventually('it serves', () => slot.serving);
    await slot.refresh(5000);
    process.kill(slot.pid!, 'SIGKILL');
    await eventually('another one serves', () => seen.ready === 2);
    expect(seen.last[0]?.samples).toHaveLength(1);
    expect(slot.lastSnapshot, 'the new one has given none yet').toBeNull();
  });

  it('because it cannot serve says why', async () => {
    const { seen } = make('refuse', 'serve');
    await eventually('it serves', () => seen.ready === 1);
    expect(seen).toMatchObject({ ended: ['refused'], failed: ['no socket'] });
    expect(seen.lines[0]).toContain('refused: no socket');
  });

  it('because it could not take a generation is replaced by one that starts with it', async () => {
    const { slot, seen } = make('stubborn', 'serve');
    await eventually('it serves', () => slot.serving);
    slot.send({ kind: 'generation', material: MESSAGE.material });
    await eventually('another one serves', () => seen.ready === 2);
    expect(seen.lines[0]).toContain('generation 2: no');
  });
});

describe('a process whose event loop stands still', () => {
  it('is killed with the reason in the log', async () => {
    const { slot, seen, clock } = make('serve');
    await eventually('it serves', () => slot.tunnels === 3);
    // Our own checks are on time; the beats of this process have stopped.
    const killed = () => {
      clock.advance(35);
      return seen.ended.length > 0;
    };
    await eventually('it was killed', killed, 100_000);
    expect(seen.ended).toEqual(['stall']);
    expect(seen.lines[0]).toContain(`blocked for more than ${STALL_MS / 1000} s`);
  });

  it('is given longer while it has not said a word: a machine under load takes that to load it', async () => {
    const { seen, clock } = make('silent');
    const began = clock.monotonicMs();
    // One check comes late by this and does not count; the next ones are on time.
    clock.advance(START_MS - 5000);
    const killed = () => {
      clock.advance(35);
      return seen.ended.length > 0;
    };
    await eventually('it was killed', killed, 100_000);
    expect(seen.ended).toEqual(['stall']);
    expect(seen.lines[0]).toContain(`not loaded for more than ${START_MS / 1000} s`);
    expect(clock.monotonicMs() - began).toBeGreaterThan(START_MS);
  });
});

it('tells a process that was starting what was said meanwhile, the newest of each kind', async () => {
  const { slot, seen } = make('echo');
  for (const byte of [1, 2]) slot.send({ kind: 'ticket-keys', ticketKeys: Buffer.alloc(48, byte) });
  slot.send({ kind: 'reopen-audit' });
  await eventually('it has heard', () => seen.lines.length === 2);
  expect(seen.lines).toEqual(['worker 1: heard ticket-keys 2', 'worker 1: heard reopen-audit']);
});

it('tells a successor nothing that was for the process before: it starts with the newest', async () => {
  const { slot, seen } = make('crash', 'echo');
  slot.send({ kind: 'watch', wanted: true });
  await eventually('the next one serves', () => slot.serving);
  slot.send({ kind: 'reopen-audit' });
  await eventually('it has heard', () => seen.lines.some((line) => line.includes('heard')));
  expect(seen.lines.filter((line) => line.includes('heard'))).toEqual(['worker 1: heard reopen-audit']);
});

it('answers what the process says, and does without what it does not', async () => {
  const { slot, seen } = make('serve');
  const mute = make('mute');
  expect(slot.serving).toBe(false);
  await slot.refresh(10);
  await eventually('both serve', () => slot.serving && mute.slot.serving);
  slot.send({ kind: 'generation', material: MESSAGE.material });
  await eventually('it applies', () => seen.applied.length === 1);
  await slot.refresh(5000);
  expect(slot.lastSnapshot?.samples).toHaveLength(1);
  await mute.slot.refresh(10);
  expect(mute.slot.lastSnapshot).toBeNull();
  expect(await slot.drain(30_000)).toEqual({ finished: 2, cut: 1 });
  expect(await mute.slot.drain(0)).toEqual({ finished: 0, cut: 0 });
  expect(await slot.drain(0), 'nobody is left').toEqual({ finished: 0, cut: 0 });
});
