/**
 * Whether a file looks as if somebody were still writing it. Pure.
 *
 * A writer that pauses leaves the beginning of its text in the file for longer than two reads are apart, and the beginning
 * of a policy is often a policy. What lies there is then compared with what runs.
 *
 * Does not: measure time (rest.ts does) or read.
 */
import type { TextFile } from '../policy/load.ts';
import type { Mistake } from '../policy/mistakes.ts';
import { REST_MS } from './rest.ts';

/**
 * `cut`: the beginning of what runs, ending inside a line. `maybe`: its beginning up to the end of a line, or a text whose
 * last line has no end although that is not the habit of this file. `whole`: anything else, also when only white space is
 * missing at the end of what runs.
 */
export type Finish = 'whole' | 'maybe' | 'cut';

/** `before`: the text that runs; null: there is none. */
export function finishOf(text: string, before: string | null): Finish {
  if (text === before) return 'whole';
  const isEnded = text.endsWith('\n');
  const isHabit = before === null || before.endsWith('\n');
  if (before === null || !before.startsWith(text)) return isEnded || !isHabit ? 'whole' : 'maybe';
  if (text !== '' && before.slice(text.length).trim() === '') return 'whole';
  const isAtLineEnd = isEnded || (!isHabit && /^\r?\n/.test(before.slice(text.length, text.length + 2)));
  return isAtLineEnd ? 'maybe' : 'cut';
}

/** At the end of the file, where the rest is missing. */
export function cutOff({ file, text }: TextFile): Mistake {
  const lines = text.split('\n');
  return {
    place: { file, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 },
    message: 'the file is cut off: it is the beginning of the text that runs and ends inside a line',
    hint: 'write the whole file, best beside it and renamed over it; if nothing is missing, end the last line with a line end',
    severity: 'error',
  };
}

/** One line for the operator. */
export function printWaiting(file: string): string {
  return `${file}: may be unfinished, so it waits: it is taken when it has not changed for ${REST_MS / 1000} s`;
}
