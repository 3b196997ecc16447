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

/** Longest piece of a file that a message repeats. */
const QUOTE_MAX = 80;

/** A text from a file between backticks, short and on one line. */
export function backtick(text: string): string {
  const oneLine = text.replace(/[^\x20-\x7e\u00a0-\u024f]/gu, '?');
  return `\`${oneLine.length > QUOTE_MAX ? `${oneLine.slice(0, QUOTE_MAX)}…` : oneLine}\``;
}

/** Several words as people list them: `a`, `b` or `c`. */
export function listWords(words: readonly string[]): string {
  const quoted = words.map(backtick);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}

/** Two edits are a slip; three are another word. */
const CLOSE_ENOUGH = 2;

/** The word that was meant, if one is at most two edits away (and not simply all letters replaced). */
export function closest(word: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.min(CLOSE_ENOUGH + 1, word.length);
  for (const candidate of candidates) {
    const distance = Math.abs(candidate.length - word.length) > CLOSE_ENOUGH ? bestDistance : edits(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance, upper and lower case being the same letter. */
function edits(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** `file:line:col`; the file alone when it is meant as a whole. */
export function printPlace(place: Place): string {
  return place.isWholeFile === true ? place.file : `${place.file}:${place.line}:${place.column}`;
}

/** `file:line`, for screens with one line for all. */
export function printLine(place: Place): string {
  return place.isWholeFile === true ? place.file : `${place.file}:${place.line}`;
}

/** What is wrong with a file as a whole: it is not there, or what hangs on it is wrong. */
export function wholeFileMistake(file: string, message: string, hint?: string): Mistake {
  return { place: wholeFile(file), message, ...(hint !== undefined && { hint }), severity: 'error' };
}

export function wholeFile(file: string): Place {
  return { file, line: 1, column: 1, isWholeFile: true };
}

/** Longest line that is quoted under a mistake. */
const LINE_MAX = 160;

/**
 * One mistake for people: place, message, the line with a caret, the next step.
 * `text` is the file's text; without it the line is left out.
 */
export function printMistake(mistake: Mistake, text: string | null): string {
  const { place } = mistake;
  const parts = [`${printPlace(place)}: ${mistake.severity}: ${mistake.message}`];
  const line = text?.split('\n')[place.line - 1]?.replace(/\r$/, '');
  if (line !== undefined && place.column <= LINE_MAX && place.isWholeFile !== true) {
    const shown = line.slice(0, LINE_MAX).replace(/[^\x20-\x7e\u00a0-\uffff]/gu, ' ');
    const number = String(place.line);
    parts.push(`  ${number} | ${shown}`, `  ${' '.repeat(number.length)} | ${' '.repeat(place.column - 1)}^`);
  }
  if (mistake.hint !== undefined) {
    parts.push(`  → ${mistake.hint}`);
  }
  return parts.join('\n');
}

/** In the order of files, lines and columns, so that the same files always print the same. */
export function byPlace(left: Mistake, right: Mistake): number {
  return (
    compareText(left.place.file, right.place.file) ||
    left.place.line - right.place.line ||
    left.place.column - right.place.column ||
    compareText(left.message, right.message)
  );
}

export function compareText(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

/** Causes first, then what was found later except at the same places, where it is only an echo of the cause. */
export function withoutEchoes(causes: readonly Mistake[], found: readonly Mistake[]): readonly Mistake[] {
  const places = new Set(causes.map(({ place }) => printPlace(place)));
  return [...causes, ...found.filter(({ place }) => !places.has(printPlace(place)))];
}
