/**
 * The recorder: the one place where the straight line says what it decided. It writes the audit line and moves the
 * metrics together, so that the two can never disagree.
 *
 * Does: takes one verdict entry per tunnel or request before the first byte, and one close entry after the last.
 * Does not: decide anything, or wait for anything but the verdict line's write.
 * The caller must: call `verdict` before a byte flows and let its Problem (`audit.full`) refuse the tunnel; call
 * `close` exactly once for every entry whose verdict relayed bytes.
 */
import type { Authority } from '../model/authority.ts';
import type { Client } from '../model/client.ts';
import type { Code } from '../model/codes.ts';
import type { Evidence } from '../model/evidence.ts';
import type { Facts } from '../model/outcome.ts';
import type { Mode, Rule } from '../policy/policy.ts';
import type { Report } from '../verify/report.ts';

/** `error`: we could not decide (dial, DNS, limits, malformed requests, our own failure); nothing was relayed. */
export const VERDICTS = ['allow', 'alert', 'block', 'error'] as const;
export type VerdictWord = (typeof VERDICTS)[number];

/** The mode of a tunnel; a plain HTTP request has none, and says so. */
export type RecordedMode = Mode | 'plaintext';

/** What the verdict line holds. Null: the straight line did not come that far. */
export interface VerdictEntry {
  readonly eventId: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly client: Client;
  readonly authority: Authority | null;
  /** Of the client's trace, 32 hexadecimal digits; null: it sent none. */
  readonly traceId: string | null;
  readonly rule: Rule | null;
  readonly evidence: Evidence | null;
  readonly report: Report | null;
  readonly verdict: VerdictWord;
  readonly code: Code | null;
  readonly facts: Facts;
  /** Number of the policy generation that decided. */
  readonly generation: number;
  readonly mode: RecordedMode | null;
}

/** Why a tunnel ended. */
export const CLOSE_REASONS = ['client', 'upstream', 'idle', 'lifetime', 'policy', 'drain', 'error', 'refused'] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

export interface CloseEntry {
  readonly eventId: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly client: Client;
  readonly authority: Authority | null;
  readonly traceId: string | null;
  readonly rule: Rule | null;
  readonly mode: RecordedMode | null;
  /** Bytes from the client to the upstream. */
  readonly bytesUp: number;
  /** Bytes from the upstream to the client. */
  readonly bytesDown: number;
  readonly durationMs: number;
  readonly reason: CloseReason;
  /** A code when something more specific is known, for example `sni.mismatch` after the 200. */
  readonly code: Code | null;
  /** TLS alert by which the client refused our certificate, `closed` when it went without one. Absent or null: neither. */
  readonly clientAlert?: string | null;
}

export type ConnectionSide = 'client' | 'upstream';

export interface Recorder {
  /** No verdict can be recorded and the configuration says `onFull: block`: nothing is to be dialled. */
  readonly blocked: boolean;
  /**
   * Writes the verdict line, synchronously, and moves the counters.
   * @throws Problem `audit.full` when the line cannot be written and the configuration says `onFull: block`.
   */
  verdict(entry: VerdictEntry): void;
  /** Queues the close line (batched; a loss is counted and marked in the file). Never throws. */
  close(entry: CloseEntry): void;
  /** A connection opened; the answer must be called once when it has closed. */
  connection(side: ConnectionSide): () => void;
  /** Bytes that passed, for `tunnel_bytes_total`; to be called in steps while a tunnel lives, not only at its end. */
  bytes(direction: 'up' | 'down', count: number): void;
  /** A client refused our certificate: `group` is a client group of the configuration or null, `alert` a TLS alert name. */
  clientAlert(group: string | null, alert: string): void;
  /** Time to mint one leaf, milliseconds. */
  minted(durationMs: number): void;
  /** Time to examine and judge one chain, milliseconds. */
  judged(durationMs: number): void;
  /** Time of one name lookup, milliseconds. */
  resolved(durationMs: number): void;
}
