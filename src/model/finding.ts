/** A finding is data: one code of the catalogue, which certificate it speaks of, and the facts that make it believable. */
import type { Code } from './codes.ts';
import type { Facts } from './outcome.ts';

export interface Finding {
  readonly code: Code;
  /** Position in the presented list (0 = leaf) when the finding speaks of one certificate. */
  readonly certificate?: number;
  /** Strings that came from a peer are capped at 256 characters by whoever makes the finding; printers escape them. */
  readonly facts: Facts;
}

export function finding(code: Code, facts: Facts = {}, certificate?: number): Finding {
  return Object.freeze(certificate === undefined ? { code, facts } : { code, facts, certificate });
}
