/**
 * What is wrong with a file, as data: where, what, and what to do next.
 *
 * Does: carries every mistake of a load at once, prints them with the line and a caret, finds the word that was meant.
 * Does not: read files; a printer is handed the text it quotes.
 * The caller must: treat one mistake of severity `error` as a refusal of the whole file.
 */
import type { Place } from './policy.ts';

export interface Mistake {
  readonly place: Place;
  readonly message: string;
  /** The next step; every error has one. */
  readonly hint?: string;
  readonly severity: 'error' | 'warning';
}

/** What a loader answers: a value with its warnings, or every mistake at once. */
export type Loaded<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Mistake[] }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };
