/**
 * The permit: proof, checked by type and at run time, that a verdict let this very connection through.
 *
 * Does: binds one verdict to one Evidence by identity and lets it be used once.
 * Does not: decide. judge.ts alone holds the mint.
 * The caller must: call `use` with the Evidence of the line it is about to relay; after a redial the old permit is
 * worthless.
 */
import type { Evidence } from '../model/evidence.ts';
import { Problem } from '../model/problem.ts';

/** Makes permits; there is one, and judge.ts takes it when it is loaded. */
export type Mint = (evidence: Evidence) => Permit;

let mint: Mint | null = null;

export class Permit {
  /** Keeps an object literal of the same shape from being a Permit, for the compiler and at run time. */
  // oxlint-disable-next-line no-unused-private-class-members -- read by `isGenuine` through `in`
  readonly #sealed = true;
  readonly evidence: Evidence;
  #used = false;

  private constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  static {
    mint = (evidence) => new Permit(evidence);
  }

  static isGenuine(value: unknown): value is Permit {
    return typeof value === 'object' && value !== null && #sealed in value;
  }

  /** Uses the permit up. Throws Problem `internal.failure` for the Evidence of another connection, or a second time. */
  use(evidence: Evidence): void {
    if (evidence !== this.evidence) throw new Problem('internal.failure', 'self', { why: 'permit-of-another-line' });
    if (this.#used) throw new Problem('internal.failure', 'self', { why: 'permit-used-twice' });
    this.#used = true;
  }
}

/** Hands out the mint, once. The second taker would be able to forge, so it gets a Problem `internal.failure`. */
export function takeMint(): Mint {
  if (mint === null) throw new Problem('internal.failure', 'self', { why: 'mint-taken' });
  const taken = mint;
  mint = null;
  return taken;
}
