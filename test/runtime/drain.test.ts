import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { createGate } from '../../src/proxy/gate.ts';
import { DEFAULT_LIMITS } from '../../src/proxy/limits.ts';
import { createTunnels, type Tunnel } from '../../src/proxy/tunnels.ts';
import { type DrainAsk, drain } from '../../src/runtime/drain.ts';
import { testClock } from '../support/clock.ts';
import { CLIENT, evidenceOf } from '../support/entries.ts';
import { dialLocal, listen } from '../support/sockets.ts';

function stage() {
  const clock = testClock();
  const tunnels = createTunnels();
  const gate = createGate(DEFAULT_LIMITS);
  const said: string[] = [];
  /** One client connection with its tunnel; answers what ends both. */
  const open = (cut: (reason: string) => void = () => undefined) => {
    const entry = gate.enterConnection('127.0.0.1');
    const tunnel = { eventId: 'e', client: CLIENT, evidence: evidenceOf(), generation: 1, cut };
    const remove = tunnels.add(tunnel as Tunnel);
    return () => {
      remove();
      entry.leave();
    };
  };
  const run = (fields: Partial<DrainAsk> = {}) => {
    const pause = async (durationMs: number) => clock.advance(durationMs);
    const refuseNew = () => said.push(`refuses after ${clock.monotonicMs() - startedMs} ms`);
    return drain({ servers: [], tunnels, gate, clock, pause, timeoutMs: () => 30_000, refuseNew, ...fields });
  };
  const startedMs = clock.monotonicMs();
  return { clock, tunnels, gate, said, open, run, elapsedMs: () => clock.monotonicMs() - startedMs };
}

it('cuts what is still open at the limit, and says so', async () => {
  const { open, run } = stage();
  const reasons: string[] = [];
  const end = open((reason) => {
    reasons.push(reason);
    end();
  });
  expect(await run({ timeoutMs: () => 2000 })).toEqual({ finished: 0, cut: 1 });
  expect(reasons).toEqual(['drain']);
});

it('does not wait for ever for a tunnel that will not be cut', async () => {
  const { open, run, elapsedMs } = stage();
  open();
  expect(await run({ timeoutMs: () => 2000 })).toEqual({ finished: 0, cut: 1 });
  expect(elapsedMs()).toBeLessThan(5000);
});

it('is shortened by a second word, also while the last requests may come', async () => {
  const { clock, open, run, elapsedMs } = stage();
  const end = open(() => end());
  let limitMs = 30_000;
  const pause = async (durationMs: number) => {
    clock.advance(durationMs);
    limitMs = 100;
  };
  expect(await run({ pause, timeoutMs: () => limitMs })).toEqual({ finished: 0, cut: 1 });
  expect(elapsedMs()).toBeLessThan(1000);
});

it('ends at once when nobody is there', async () => {
  const { run, said, elapsedMs } = stage();
  expect(await run()).toEqual({ finished: 0, cut: 0 });
  expect(elapsedMs()).toBe(0);
  expect(said).toEqual(['refuses after 0 ms']);
});

it('takes no connections from the start, and serves those that it has', async () => {
  const { clock, gate, open, run, said } = stage();
  const server = createServer((_, response) => response.end('served'));
  const port = await listen(server);
  const spare = dialLocal(port);
  await Promise.all([once(server, 'connection'), once(spare, 'connect')]);
  const entry = gate.enterConnection('127.0.0.1');
  const ends = [open(), open()];
  let answer = '';
  const pause = async (durationMs: number) => {
    clock.advance(durationMs);
    expect(server.listening).toBe(false);
    ends.pop()?.();
    if (answer !== '') return;
    spare.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    for await (const chunk of spare) answer += String(chunk);
    entry.leave();
  };
  expect(await run({ servers: [server], pause })).toEqual({ finished: 2, cut: 0 });
  expect(answer).toContain('served');
  expect(said).toHaveLength(1);
});

it('waits for what is being opened, and counts it', async () => {
  const { clock, gate, open, run, said } = stage();
  const connection = gate.enterConnection('127.0.0.1');
  const opening = gate.enterOpening('127.0.0.1');
  let end: (() => void) | null = null;
  const pause = async (durationMs: number) => {
    clock.advance(durationMs);
    if (clock.monotonicMs() % 5000 === 0) end?.();
    if (said.length === 0 || end !== null) return;
    opening.leave();
    connection.leave();
    end = open();
  };
  expect(await run({ pause })).toEqual({ finished: 1, cut: 0 });
  const never = stage();
  never.gate.enterConnection('127.0.0.1');
  never.gate.enterOpening('127.0.0.1');
  expect(await never.run({ timeoutMs: () => 3000 })).toEqual({ finished: 0, cut: 1 });
});

it('gives a connection that has not asked one second, and then refuses', async () => {
  const { gate, run, said } = stage();
  gate.enterConnection('127.0.0.1');
  expect(await run()).toEqual({ finished: 0, cut: 0 });
  expect(said).toEqual(['refuses after 1000 ms']);
});
