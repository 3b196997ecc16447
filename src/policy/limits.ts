/**
 * Every bound that an operator may set, with where the number comes from: the only place that has these numbers. The
 * schema prints them as defaults, proxy/limits.ts and upstream/resolve.ts take them. All are per worker.
 */
import type { Limits } from './config.ts';

/** The whole time for one name (REQ-20 of the threat model). */
export const DNS_TIMEOUT_MS = 5_000;

export const DEFAULT_LIMITS: Limits = Object.freeze({
  // An idle terminated tunnel costs about 140 KiB of native memory (measured): 8,192 of them stay near 1.1 GiB.
  connections: 8192,
  // A quarter of all: one address may be a NAT or a node's sidecar, but must never starve the others.
  connectionsPerClient: 2048,
  // A page load opens tens of tunnels at once; a flood opens thousands. About 0.2 s of one core's handshakes.
  handshakesPerClient: 128,
  // REQ-20 of the threat model: 10 s for a head, a hello, a dial and a handshake; 5 min idle.
  headTimeoutMs: 10_000,
  helloTimeoutMs: 10_000,
  dialTimeoutMs: 10_000,
  handshakeTimeoutMs: 10_000,
  idleTimeoutMs: 300_000,
  // Nothing waits in front of a single proxy; a load balancer needs its own check interval.
  drainDelayMs: 0,
  // What service managers and Kubernetes wait before they kill.
  drainTimeoutMs: 30_000,
  // 32 KiB of native memory each (measured): 16 MiB. A leaf that was dropped is minted again in a millisecond.
  leaves: 500,
});
