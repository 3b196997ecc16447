/**
 * Who signs now: the current CA, or the next one when its time has come. Pure: every process that is given the same
 * CAs and the same time answers the same.
 */
import type { MintingCa } from './ca.ts';

/** A CA and what clients are sent above it. */
export interface Signer {
  readonly ca: MintingCa;
  /** PEM certificates between it and the root that clients trust; empty: there are none. */
  readonly chainPem: string;
}

export interface Signers<T extends Signer = Signer> {
  readonly current: T;
  readonly next: Next<T> | null;
}

/** A CA that clients learn before it signs. */
export type Next<T extends Signer = Signer> = T & {
  /** From then on it signs, milliseconds since the epoch; null: it waits to be promoted. */
  readonly signsFromMs: number | null;
};

/** The CA that signs at `nowMs`, milliseconds since the epoch. */
export function signerAt<T extends Signer>({ current, next }: Signers<T>, nowMs: number): T {
  return next !== null && next.signsFromMs !== null && nowMs >= next.signsFromMs ? next : current;
}

/** The CA that does not sign yet at `nowMs`; null: there is none. */
export function waitingAt<T extends Signer>(signers: Signers<T>, nowMs: number): Next<T> | null {
  return signerAt(signers, nowMs) === signers.next ? null : signers.next;
}
