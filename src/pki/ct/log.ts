/** One CT log as a list describes it (RFC 6962; v3 log list schema). Types only; log-list-decode.ts makes the values. */
import type { KeyObject } from 'node:crypto';

/** States of the v3 schema; `unstated`: the list says nothing, so the log never counts. */
export const LOG_STATES = ['pending', 'qualified', 'usable', 'readonly', 'retired', 'rejected'] as const;
export type LogState = (typeof LOG_STATES)[number] | 'unstated';

/** The two kinds of key that RFC 6962 §2.1.4 allows. */
export type LogAlgorithm = 'ecdsa-p256' | 'rsa';

export interface CtLog {
  /** base64 of the SHA-256 of the SPKI, recomputed from the key. */
  readonly logId: string;
  readonly description: string;
  /** DER of the SPKI. */
  readonly spki: Buffer;
  readonly key: KeyObject;
  readonly algorithm: LogAlgorithm;
  /** `rfc6962`, or `tiled`: a log of the static CT API. Their SCTs look alike. */
  readonly kind: 'rfc6962' | 'tiled';
  readonly state: LogState;
  /** When the state began, milliseconds since the epoch; for `retired` the retirement. 0 for `unstated`. */
  readonly stateSinceMs: number;
  /** The leaf's notAfter must be in [startMs, endMs); null: any. Milliseconds since the epoch. */
  readonly interval: { readonly startMs: number; readonly endMs: number } | null;
  readonly operator: string;
  /** Operators before the present one, by the time at which each handed over, ascending. */
  readonly previousOperators: readonly { readonly name: string; readonly endMs: number }[];
}
