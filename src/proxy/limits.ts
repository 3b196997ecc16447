/**
 * Every bound of the proxy room, each with where the number comes from; of those that the configuration sets,
 * policy/limits.ts says it. All are per worker.
 *
 * Does: names numbers. Does not: count (gate.ts does).
 */
import { DEFAULT_LIMITS as CONFIGURED } from '../policy/limits.ts';

export interface Limits {
  /** Open client connections in all; above it the answer is 503 `limit.connections`. */
  readonly connections: number;
  /** Open client connections of one address; above it the answer is 429 `limit.client`. */
  readonly connectionsPerClient: number;
  /** Upstream dials, handshakes and judged lines waiting for a hello, of one client; above it 429 `limit.client`. */
  readonly openingPerClient: number;
  /** The same in all; above it 503 `limit.connections`. */
  readonly opening: number;
  readonly headersTimeoutMs: number;
  readonly helloTimeoutMs: number;
  readonly dialTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  /** No byte either way for so long ends a tunnel. */
  readonly idleTimeoutMs: number;
  /** One side has ended, and the other neither follows nor sends. */
  readonly halfCloseTimeoutMs: number;
  /** How long a refused client may take to read its answer before the socket is destroyed. */
  readonly lingerMs: number;
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  connections: CONFIGURED.connections,
  connectionsPerClient: CONFIGURED.connectionsPerClient,
  openingPerClient: CONFIGURED.handshakesPerClient,
  // About one second of one core's full upstream handshakes (measured: 0.9 ms each, and the dials that wait beside).
  opening: 1024,
  headersTimeoutMs: CONFIGURED.headTimeoutMs,
  helloTimeoutMs: CONFIGURED.helloTimeoutMs,
  dialTimeoutMs: CONFIGURED.dialTimeoutMs,
  handshakeTimeoutMs: CONFIGURED.handshakeTimeoutMs,
  idleTimeoutMs: CONFIGURED.idleTimeoutMs,
  // REQ-20 of the threat model.
  halfCloseTimeoutMs: 60_000,
  // One retransmission of a lost answer on a slow path.
  lingerMs: 2_000,
});

/** Connections above the limit that are still answered 503 with a reason; more are dropped unanswered. */
export const CONNECTION_HEADROOM = 256;
/** Plain requests of one connection that wait behind the one that is served: apt sends ten, most clients none. */
export const PIPELINE_MAX = 32;
/** How often Node looks for heads that are late: the error of a head timeout. */
export const CHECK_TIMEOUTS_EVERY_MS = 1_000;
/** Bytes that one direction of a tunnel buffers before it stops reading: Node's own default, spelled out. */
export const RELAY_HIGH_WATER_BYTES = 64 * 1024;
/** Hosts whose clients' ALPN lists are remembered: 4,096 short strings, below 1 MiB. */
export const ALPN_MEMORY_ENTRIES = 4096;
/** One slice of re-judging open tunnels after a reload, so that relays do not stall (design: slices of at most 5 ms). */
export const REJUDGE_SLICE_MS = 5;
