/**
 * A progress bar on standard error, when that is a terminal; otherwise nothing. Standard output stays clean.
 *
 * The caller must: call `clear` before it prints a line, and at the end.
 */
import type { Clock } from '../host/clock.ts';
import type { Io } from './io.ts';

export interface Progress {
  /** One more is done; draws. */
  step(): void;
  clear(): void;
}

const BAR_WIDTH = 24;
const MS_PER_SECOND = 1000;
/** Back to the start of the line, and erase it. */
const ERASE = '\r\u001b[K';

/** Nothing is drawn for a single step. */
export function createProgress(total: number, io: Pick<Io, 'err' | 'isErrTty'>, clock: Clock): Progress {
  if (io.isErrTty !== true || total < 2) return { step: () => undefined, clear: () => undefined };
  const startedMs = clock.monotonicMs();
  let done = 0;
  return {
    step() {
      done += 1;
      io.err(`${ERASE}${progressLine(done, total, clock.monotonicMs() - startedMs)}`);
    },
    clear: () => io.err(ERASE),
  };
}

/** `[#####     ] 12/100  8.3/s  ETA 11 s`. */
export function progressLine(done: number, total: number, elapsedMs: number): string {
  const filled = Math.round((done / total) * BAR_WIDTH);
  const bar = `[${'#'.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ${done}/${total}`;
  if (elapsedMs <= 0) return bar;
  const perSecond = (done * MS_PER_SECOND) / elapsedMs;
  const left = Math.ceil((total - done) / perSecond);
  return `${bar}  ${perSecond.toFixed(1)}/s${done < total ? `  ETA ${left} s` : ''}`;
}
