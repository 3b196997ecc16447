/**
 * A problem is what the shell throws when a step of the straight line cannot go on: a code of the catalogue, whose
 * fault it is, and the facts. Findings about certificates are never thrown; they are data (finding.ts).
 */
import type { Code } from './codes.ts';
import type { Facts } from './outcome.ts';

export type Side = 'client' | 'upstream' | 'self';

export class Problem extends Error {
  readonly code: Code;
  readonly side: Side;
  readonly facts: Facts;

  constructor(code: Code, side: Side, facts: Facts = {}, cause?: unknown) {
    super(code, cause === undefined ? undefined : { cause });
    this.name = 'Problem';
    this.code = code;
    this.side = side;
    this.facts = facts;
  }
}

/** Whatever was thrown, as a Problem: an unknown throw is our own bug and is answered as such, never as an allow. */
export function asProblem(thrown: unknown): Problem {
  return thrown instanceof Problem ? thrown : new Problem('internal.failure', 'self', {}, thrown);
}
