/**
 * Letting go: no new connections; what was accepted is served; open tunnels end by themselves until the limit; the
 * rest is cut.
 *
 * Does not: say not ready, or wait for load balancers to notice (the supervisor has done both before).
 * The caller must: end the process afterwards.
 */
import { Server } from 'node:net';
import type { Clock } from '../host/clock.ts';
import type { Gate } from '../proxy/gate.ts';
import type { Tunnels } from '../proxy/tunnels.ts';

/** How often the counts are looked at; a tunnel that ended costs the drain at most this much. */
const LOOK_MS = 50;
/**
 * A connection that was accepted in the last moment sends its CONNECT within a round trip, or within one second when
 * the packet is lost (RFC 6298 §2). What has not asked by then is a spare connection or a port scan.
 */
const LAST_ASK_MS = 1000;
/** Sockets and close records of what was cut are gone within a turn or two of the loop. */
const AFTER_CUT_MS = 1000;

export interface DrainCounts {
  /** Tunnels that ended by themselves. */
  readonly finished: number;
  /** Tunnels, and tunnels about to open, that were cut at the limit. */
  readonly cut: number;
}

export interface DrainAsk {
  readonly servers: readonly Server[];
  readonly tunnels: Tunnels;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly pause: (durationMs: number) => Promise<void>;
  /** Asked anew at each look: a second signal shortens it. Milliseconds from the start of the drain. */
  readonly timeoutMs: () => number;
  /** From now on requests of connections that are still open are refused. Called once. */
  readonly refuseNew: () => void;
}

export async function drain(ask: DrainAsk): Promise<DrainCounts> {
  const { servers, tunnels, gate, clock, pause, timeoutMs } = ask;
  const startedMs = clock.monotonicMs();
  const elapsedMs = (): number => clock.monotonicMs() - startedMs;
  const before = tunnels.ended;
  // The close of node:http would also destroy connections whose request is still on its way.
  for (const server of servers) Server.prototype.close.call(server);
  while (gate.connections > 0 && elapsedMs() < Math.min(LAST_ASK_MS, timeoutMs())) await pause(LOOK_MS);
  ask.refuseNew();
  const isBusy = (): boolean => tunnels.size > 0 || gate.openings > 0;
  while (isBusy() && elapsedMs() < timeoutMs()) await pause(LOOK_MS);
  const finished = tunnels.ended - before;
  const cut = tunnels.size + gate.openings;
  for (const tunnel of tunnels.all()) tunnel.cut('drain');
  const cutMs = clock.monotonicMs();
  while (tunnels.size > 0 && clock.monotonicMs() - cutMs < AFTER_CUT_MS) await pause(LOOK_MS);
  return { finished, cut };
}
