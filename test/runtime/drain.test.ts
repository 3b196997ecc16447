import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { createTunnels, type Tunnel } from '../../src/proxy/tunnels.ts';
import { drain } from '../../src/runtime/drain.ts';
import { testClock } from '../support/clock.ts';
import { CLIENT, evidenceOf, ruleOf } from '../support/entries.ts';
import { listen } from '../support/sockets.ts';

function stage() {
  const clock = testClock();
  const tunnels = createTunnels();
  const open = (cut: Tunnel['cut']) => {
    const tunnel = { eventId: 'e', client: CLIENT, evidence: evidenceOf(), rule: ruleOf(), generation: 1, cut };
    return tunnels.add(tunnel as Tunnel);
  };
  const pause = async (durationMs: number) => clock.advance(durationMs);
  return { clock, tunnels, open, pause };
}

it('cuts what is still open at the limit, and says so', async () => {
  const { clock, tunnels, open, pause } = stage();
  const reasons: string[] = [];
  const remove = open((reason) => {
    reasons.push(reason);
    remove();
  });
  expect(await drain({ servers: [], tunnels, clock, pause, timeoutMs: () => 1000 })).toEqual({ finished: 0, cut: 1 });
  expect(reasons).toEqual(['drain']);
});

it('is shortened by a second word', async () => {
  const { clock, tunnels, open } = stage();
  const remove = open(() => remove());
  const startedMs = clock.monotonicMs();
  let limitMs = 30_000;
  const pause = async (durationMs: number) => {
    clock.advance(durationMs);
    limitMs = 100;
  };
  expect(await drain({ servers: [], tunnels, clock, pause, timeoutMs: () => limitMs })).toEqual({
    finished: 0,
    cut: 1,
  });
  expect(clock.monotonicMs() - startedMs).toBeLessThan(1000);
});

it('closes the servers at once and waits for tunnels that end by themselves', async () => {
  const { clock, tunnels, open } = stage();
  const server = createServer();
  await listen(server);
  const removes = [open(() => undefined), open(() => undefined)];
  const pause = async (durationMs: number) => {
    clock.advance(durationMs);
    expect(server.listening).toBe(false);
    removes.pop()?.();
  };
  expect(await drain({ servers: [server], tunnels, clock, pause, timeoutMs: () => 30_000 })).toEqual({
    finished: 2,
    cut: 0,
  });
});
