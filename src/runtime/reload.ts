/**
 * Decides the next generation from what was read: all or nothing for each policy file. Pure.
 *
 * Does: compile; when something is wrong find the files to blame and let each of them keep its last good text while
 * the others move on; refuse a file that would weaken a rule without saying so, and one that is cut off.
 * Does not: read, persist or publish (generations.ts does).
 * The caller must: keep running on `current` when the answer is not ok.
 */
import type { Config } from '../policy/config.ts';
import type { FileMemory } from '../policy/file-memory.ts';
import { loadConfig, loadPolicy, type PolicySource, type TextFile } from '../policy/load.ts';
import { type Mistake, wholeFileMistake } from '../policy/mistakes.ts';
import type { Policy } from '../policy/policy.ts';
import { weakenings } from '../policy/weakening.ts';
import type { Unread } from './sources.ts';
import { cutOff, finishOf } from './unfinished.ts';

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
  /** Files that may be unfinished: what they hold is right, and taken later. */
  readonly waiting: readonly string[];
  readonly warnings: readonly Mistake[];
}

export type Decided =
  | { readonly ok: true; readonly accepted: Accepted }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

export interface Previous {
  readonly sources: readonly PolicySource[];
  /** Null: the last good texts do not compile any more. */
  readonly policy: Policy | null;
  /** What was in force before it, when it has been so for less than a minute; null: it has been for longer. */
  readonly earlier?: () => Policy | null;
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
  /** Files that may be unfinished and have not been at rest for long enough. */
  readonly unrested: ReadonlySet<string>;
  readonly nowMs: number;
}

/**
 * The next generation. A file that would be refused is refused at once, unfinished or not; one that would be taken waits,
 * and so does whatever only goes together with it. Every round keeps at least one more file back, so it ends.
 */
export function decide(ask: Ask): Decided {
  const waiting = new Set<string>();
  const first = attemptAll(ask, waiting);
  if (!first.ok) return first;
  const refused = new Set(first.accepted.held.map(({ file }) => file));
  for (const file of ask.unrested) if (!refused.has(file)) waiting.add(file);
  let decided: Decided = first;
  for (let known = 0; waiting.size > known; ) {
    known = waiting.size;
    decided = attemptAll(ask, waiting);
    if (!decided.ok) return decided;
    for (const { file } of decided.accepted.held) if (!refused.has(file)) waiting.add(file);
  }
  return decided;
}

/** Every round holds at least one more file, so it ends. */
function attemptAll(ask: Ask, waiting: ReadonlySet<string>): Decided {
  const attempt = new Attempt(ask, waiting);
  for (const one of ask.unread) attempt.blameUnread(one);
  if (ask.previous === null && attempt.held.size > 0) return { ok: false, mistakes: attempt.allMistakes() };
  while (true) {
    const loaded = loadPolicy(attempt.sources(), ask.config, ask.shippedGroups, ask.files);
    const mistakes = loaded.ok ? attempt.weakeningsOf(loaded.value) : loaded.mistakes.filter(isError);
    if (loaded.ok && mistakes.length === 0) {
      const { config, configFile } = ask;
      const held = [...attempt.held.values()];
      const { value: policy, warnings } = loaded;
      const taken = { config, configFile, sources: attempt.sources(), policy };
      return { ok: true, accepted: { ...taken, held, waiting: [...waiting].sort(), warnings } };
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

  constructor(ask: Ask, waiting: ReadonlySet<string>) {
    this.#ask = ask;
    this.#next = new Map(ask.sources.map((source) => [source.file, source]));
    this.#before = new Map((ask.previous?.sources ?? []).map((source) => [source.file, source]));
    for (const file of waiting) this.#keep(file);
    for (const source of ask.sources) {
      const before = this.#before.get(source.file)?.text ?? null;
      if (finishOf(source.text, before) === 'cut') this.#put(source.file, [cutOff(source)]);
    }
  }

  sources(): readonly PolicySource[] {
    return [...this.#next.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  allMistakes(): readonly Mistake[] {
    return [...this.held.values()].flatMap(({ mistakes }) => mistakes);
  }

  /** Whoever goes back to what was in force a moment ago weakens nothing. */
  weakeningsOf(policy: Policy): readonly Mistake[] {
    const { previous, nowMs } = this.#ask;
    const before = previous?.policy ?? null;
    const found = before === null ? [] : weakenings(before, policy, nowMs);
    const earlier = found.length === 0 ? null : (previous?.earlier?.() ?? null);
    return earlier === null ? found : weakenings(earlier, policy, nowMs);
  }

  /** A path that could not be read: its file, or every file that was known in the directory. */
  blameUnread({ file: path, why, hint }: Unread): void {
    const mistake = wholeFileMistake(path, why, hint);
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
    this.held.set(file, { file, mistakes, hasLastGood: this.#keep(file) });
  }

  /** Whether there is a text of before. */
  #keep(file: string): boolean {
    const before = this.#before.get(file);
    if (before === undefined) this.#next.delete(file);
    else this.#next.set(file, before);
    return before !== undefined;
  }
}

function isError(mistake: Mistake): boolean {
  return mistake.severity === 'error';
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
