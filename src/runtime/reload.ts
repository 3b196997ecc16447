/**
 * Decides the next generation from what was read: all or nothing for each policy file. Pure.
 *
 * Does: compile; when something is wrong find the files to blame and let each of them keep its last good text while
 * the others move on; refuse a file that would weaken a rule without saying so.
 * Does not: read, persist or publish (generations.ts does).
 * The caller must: keep running on `current` when the answer is not ok.
 */
import type { Config } from '../policy/config.ts';
import type { FileMemory } from '../policy/file-memory.ts';
import { loadConfig, loadPolicy, type PolicySource, type TextFile } from '../policy/load.ts';
import type { Mistake } from '../policy/mistakes.ts';
import type { Policy } from '../policy/policy.ts';
import { weakenings } from '../policy/weakening.ts';
import type { Unread } from './sources.ts';

/** A policy file that runs on its last good text, or not at all when it never had one. */
export interface Held {
  readonly file: string;
  readonly mistakes: readonly Mistake[];
  /** False: the file is new and is left out until it is right. */
  readonly hasLastGood: boolean;
}

export interface Accepted {
  readonly config: Config;
  readonly configFile: TextFile;
  /** The sources in force, held ones with their last good text. */
  readonly sources: readonly PolicySource[];
  readonly policy: Policy;
  readonly held: readonly Held[];
  readonly warnings: readonly Mistake[];
}

export type Decided =
  | { readonly ok: true; readonly accepted: Accepted }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

export interface Previous {
  readonly sources: readonly PolicySource[];
  /** Null: the last good texts do not compile any more. */
  readonly policy: Policy | null;
}

export interface Ask {
  readonly config: Config;
  readonly configFile: TextFile;
  readonly sources: readonly PolicySource[];
  readonly unread: readonly Unread[];
  readonly shippedGroups: readonly TextFile[];
  /** Files that were compiled before. */
  readonly files: FileMemory;
  /** What runs now, or what ran before the restart; null: a first start, where nothing can be held. */
  readonly previous: Previous | null;
  readonly nowMs: number;
}

/** The next generation. Every round holds at least one more file, so it ends. */
export function decide(ask: Ask): Decided {
  const attempt = new Attempt(ask);
  for (const { file, why } of ask.unread) attempt.blameUnread(file, why);
  if (ask.previous === null && attempt.held.size > 0) return { ok: false, mistakes: attempt.allMistakes() };
  while (true) {
    const loaded = loadPolicy(attempt.sources(), ask.config, ask.shippedGroups, ask.files);
    const mistakes = loaded.ok ? attempt.weakeningsOf(loaded.value) : loaded.mistakes.filter(isError);
    if (loaded.ok && mistakes.length === 0) {
      const { config, configFile } = ask;
      const held = [...attempt.held.values()];
      const { value: policy, warnings } = loaded;
      return { ok: true, accepted: { config, configFile, sources: attempt.sources(), policy, held, warnings } };
    }
    if (ask.previous === null || !attempt.hold(mistakes)) {
      return { ok: false, mistakes: [...attempt.allMistakes(), ...mistakes] };
    }
  }
}

class Attempt {
  readonly held = new Map<string, Held>();
  readonly #ask: Ask;
  readonly #next: Map<string, PolicySource>;
  readonly #before: Map<string, PolicySource>;

  constructor(ask: Ask) {
    this.#ask = ask;
    this.#next = new Map(ask.sources.map((source) => [source.file, source]));
    this.#before = new Map((ask.previous?.sources ?? []).map((source) => [source.file, source]));
  }

  sources(): readonly PolicySource[] {
    return [...this.#next.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  allMistakes(): readonly Mistake[] {
    return [...this.held.values()].flatMap(({ mistakes }) => mistakes);
  }

  weakeningsOf(policy: Policy): readonly Mistake[] {
    const before = this.#ask.previous?.policy ?? null;
    return before === null ? [] : weakenings(before, policy, this.#ask.nowMs);
  }

  /** A path that could not be read: its file, or every file that was known in the directory. */
  blameUnread(path: string, why: string): void {
    const mistake = mistakeAt(path, why, 'make it readable for the user that runs the proxy');
    const known = [...this.#before.values()].filter((source) => source.file === path || source.path === path);
    if (known.length === 0) this.#put(path, [mistake]);
    for (const { file } of known) if (!this.#next.has(file)) this.#put(file, [mistake]);
  }

  /** Holds the files that the mistakes name; all that changed when they name none. False: there is nothing left to hold. */
  hold(mistakes: readonly Mistake[]): boolean {
    const changed = [...new Set([...this.#next.keys(), ...this.#before.keys()])].filter((file) => this.#changed(file));
    const named = changed.filter((file) => mistakes.some(({ place }) => place.file === file));
    const blamed = named.length > 0 ? named : changed;
    for (const file of blamed) {
      const own = mistakes.filter(({ place }) => place.file === file);
      this.#put(file, own.length > 0 ? own : mistakes);
    }
    return blamed.length > 0;
  }

  #changed(file: string): boolean {
    return !this.held.has(file) && this.#next.get(file)?.text !== this.#before.get(file)?.text;
  }

  #put(file: string, mistakes: readonly Mistake[]): void {
    const before = this.#before.get(file);
    if (before === undefined) this.#next.delete(file);
    else this.#next.set(file, before);
    this.held.set(file, { file, mistakes, hasLastGood: before !== undefined });
  }
}

function isError(mistake: Mistake): boolean {
  return mistake.severity === 'error';
}

function mistakeAt(file: string, message: string, hint: string): Mistake {
  return { place: { file, line: 1, column: 1 }, message, hint, severity: 'error' };
}

/** The configuration itself: a broken one keeps `current`, and a first start fails. */
export function decideConfig(
  configFile: TextFile,
  current: { readonly config: Config; readonly configFile: TextFile } | null,
):
  | { readonly ok: true; readonly config: Config; readonly configFile: TextFile; readonly refused: readonly Mistake[] }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] } {
  const loaded = loadConfig(configFile.text, configFile.file);
  if (loaded.ok) return { ok: true, config: loaded.value, configFile, refused: [] };
  if (current === null) return { ok: false, mistakes: loaded.mistakes };
  return { ok: true, ...current, refused: loaded.mistakes };
}

/** Fields that take effect at the next start only: sockets, state and processes exist once. */
export function needsRestart(running: Config, next: Config): readonly string[] {
  const fields = ['listen', 'metrics', 'admin', 'state', 'audit', 'workers', 'limits'] as const;
  return fields.filter((field) => JSON.stringify(running[field]) !== JSON.stringify(next[field]));
}
