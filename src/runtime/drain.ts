/**
 * Letting go: no new connections, open tunnels end by themselves until the limit, the rest is cut.
 */
import type { Server } from 'node:net';
import type { Clock } from '../host/clock.ts';
import type { Tunnels } from '../proxy/tunnels.ts';

/** How often the count is looked at; a tunnel that ended costs the drain at most this much. */
const LOOK_MS = 50;
/** Close records and sockets need a turn of the loop after a cut. */
const AFTER_CUT_MS = 20;

export interface DrainCounts {
  /** Tunnels that ended by themselves. */
  readonly finished: number;
  /** Tunnels that were cut at the limit. */
  readonly cut: number;
}

export interface DrainAsk {
  readonly servers: readonly Server[];
  readonly tunnels: Tunnels;
  readonly clock: Clock;
  readonly pause: (durationMs: number) => Promise<void>;
  /** Asked anew at each look: a second signal shortens it. Milliseconds from the start of the drain. */
  readonly timeoutMs: () => number;
}

export async function drain({ servers, tunnels, clock, pause, timeoutMs }: DrainAsk): Promise<DrainCounts> {
  const startedMs = clock.monotonicMs();
  const open = tunnels.size;
  for (const server of servers) server.close();
  while (tunnels.size > 0 && clock.monotonicMs() - startedMs < timeoutMs()) await pause(LOOK_MS);
  const left = [...tunnels.all()];
  for (const tunnel of left) tunnel.cut('drain');
  if (left.length > 0) await pause(AFTER_CUT_MS);
  return { finished: Math.max(0, open - left.length), cut: left.length };
}
