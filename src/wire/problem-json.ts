/**
 * The body of a refusal: an RFC 9457 problem object.
 *
 * Does: name code, rule, check, what was expected and what was observed, and what to do next.
 * Does not: carry anything that the caller did not choose; peer strings are clipped here once more.
 */
import { CODES } from '../model/codes.ts';
import { clip } from '../model/text.ts';
import type { Note } from './proxy-status.ts';

/** Entries of `expected` and `observed`: a pin set is a handful, and an answer must stay readable. */
const ENTRIES_MAX = 16;

export interface Refusal extends Note {
  /** One sentence about this case; default: what the code says. May hold peer strings. */
  readonly detail?: string;
  /** For example pins by name. */
  readonly expected?: readonly string[];
  /** For example the keys that were presented. May hold peer strings. */
  readonly observed?: readonly string[];
}

/** Member order is the order of reading. */
export interface ProblemObject {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly policy: string | null;
  readonly check: string;
  readonly expected: readonly string[];
  readonly observed: readonly string[];
  readonly next: string;
  readonly instance: string;
}

/** Codes that arise after the 200 have no status of their own; asked for one all the same, they are a bad gateway. */
export function statusOf(refusal: Pick<Refusal, 'code'>): number {
  return CODES[refusal.code].status ?? 502;
}

function entries(texts: readonly string[] | undefined): string[] {
  return (texts ?? []).slice(0, ENTRIES_MAX).map((text) => clip(text));
}

/** The problem object of a refusal. `type` is a stable name, not an address to fetch. */
export function problemObject(refusal: Refusal): ProblemObject {
  const entry = CODES[refusal.code];
  return {
    type: `urn:pinwarden:${refusal.code}`,
    title: entry.says,
    status: statusOf(refusal),
    // Two sentences of a hundred characters and a host name fit.
    detail: clip(refusal.detail ?? entry.says, 512),
    code: refusal.code,
    policy: refusal.rule,
    check: entry.stage,
    expected: entries(refusal.expected),
    observed: entries(refusal.observed),
    next: entry.next,
    instance: refusal.eventId,
  };
}
