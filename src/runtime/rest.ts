/**
 * How long texts have been as they are: since when a file lies unchanged, and what was in force a minute ago.
 *
 * Does: measure by a clock that never goes back, which the caller hands in.
 * Does not: read files or decide.
 */
import type { TextFile } from '../policy/load.ts';

/**
 * A text that may be unfinished is taken after it has not changed for this long: what is left of the five seconds within
 * which a change is in force (threat model H17), and far more than a writer pauses between two writes.
 */
export const REST_MS = 3_000;
/** A writer that paused for longer still finds the text of before: stalled network file systems come back within a minute. */
const SHORT_MS = 60_000;

/** Since when files lie as they are. */
export class Rest {
  #since = new Map<string, { readonly text: string; readonly sinceMs: number }>();

  /** Milliseconds until the file has been at rest for `restMs` and counts as finished; 0: it does. */
  left({ file, text }: TextFile, nowMs: number, restMs: number): number {
    const known = this.#since.get(file);
    const sinceMs = known?.text === text ? known.sinceMs : nowMs;
    this.#since.set(file, { text, sinceMs });
    return Math.max(0, sinceMs + restMs - nowMs);
  }

  /** Forgets all other files. */
  keep(files: ReadonlySet<string>): void {
    this.#since = new Map([...this.#since].filter(([file]) => files.has(file)));
  }
}

/** What was in force before what came into force within the last minute. */
export class Recent {
  readonly #changes = new Map<string, { readonly before: string | null; readonly sinceMs: number }>();

  /** `after` comes into force in place of `before`. */
  note(before: readonly TextFile[], after: readonly TextFile[], nowMs: number): void {
    this.#forget(nowMs);
    const old = textsOf(before);
    const next = textsOf(after);
    for (const file of new Set([...old.keys(), ...next.keys()])) {
      const text = next.get(file) ?? null;
      const replaced = old.get(file) ?? null;
      if (text === replaced) continue;
      // Changes that follow each other within a minute all count against the text before the first of them.
      const known = this.#changes.get(file);
      const first = known === undefined ? replaced : known.before;
      if (text === first) this.#changes.delete(file);
      else this.#changes.set(file, { before: first, sinceMs: nowMs });
    }
  }

  /** `now` with each text that is younger than a minute replaced by the one before it; null: none is. */
  earlier(now: readonly TextFile[], nowMs: number): readonly TextFile[] | null {
    this.#forget(nowMs);
    if (this.#changes.size === 0) return null;
    const texts = textsOf(now);
    for (const [file, { before }] of this.#changes) {
      if (before === null) texts.delete(file);
      else texts.set(file, before);
    }
    return [...texts].map(([file, text]) => ({ file, text }));
  }

  #forget(nowMs: number): void {
    for (const [file, { sinceMs }] of this.#changes) {
      if (nowMs >= sinceMs + SHORT_MS) this.#changes.delete(file);
    }
  }
}

function textsOf(files: readonly TextFile[]): Map<string, string> {
  return new Map(files.map(({ file, text }) => [file, text]));
}
