/**
 * The supervisor's generations: what runs now, and how it becomes the next one.
 *
 * Does: read until the files are at rest, decide (reload.ts), build the material for workers, remember the last good and
 * what was in force a minute ago.
 * Does not: talk to workers or write metrics; its caller does with what it answers.
 * The caller must: call `start` once and then `reload`, one at a time.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../host/clock.ts';
import { FileError } from '../host/files.ts';
import type { CaConfig, Config } from '../policy/config.ts';
import { createFileMemory } from '../policy/file-memory.ts';
import { loadConfig, loadPolicy, type TextFile } from '../policy/load.ts';
import { type Mistake, wholeFileMistake } from '../policy/mistakes.ts';
import type { Policy } from '../policy/policy.ts';
import { type CaLook, caMaterialOf, type LoadedCas, lookOf, ownCertificates } from './ca-files.ts';
import { TrustError } from './crl-loader.ts';
import { digestTrust, nameGeneration } from './generation-name.ts';
import type { LastGood } from './last-good.ts';
import type { GenerationMaterial, TrustMaterial } from './messages.ts';
import { type Accepted, decide, decideConfig, type Previous } from './reload.ts';
import { REST_MS, Recent, Rest } from './rest.ts';
import {
  configStep,
  digestOf,
  type ReadSources,
  readConfigFile,
  readSettled,
  readSources,
  sourcesUnder,
} from './sources.ts';
import { anchorChoices, readTrustMaterial } from './trust-files.ts';
import { checkTrust, logListTimeOf } from './trust-loader.ts';
import { trustMistakes } from './trust-mistakes.ts';
import { cutOff, finishOf } from './unfinished.ts';

export interface Generation extends Accepted {
  readonly number: number;
  readonly sha256: string;
  readonly trust: TrustMaterial;
  readonly cas: LoadedCas;
}

export type Step =
  /** Nothing that was not judged before. `refused`: what is still not taken of it. */
  | { readonly kind: 'unchanged'; readonly refused: readonly Mistake[] }
  /** What changed may be unfinished: it is looked at again when it has been at rest. */
  | { readonly kind: 'waiting' }
  /** The files say again what runs: an earlier refusal is over. */
  | { readonly kind: 'restored' }
  | {
      readonly kind: 'accepted';
      readonly generation: Generation;
      /** What was not taken: the configuration, held files, trust. Empty: everything was. */
      readonly refused: readonly Mistake[];
    }
  | { readonly kind: 'refused'; readonly refused: readonly Mistake[] };

/** A step that judged what it saw. */
export type Judged = Exclude<Step, { readonly kind: 'unchanged' | 'waiting' }>;

/** The word for it, in metrics and answers alike. */
export function resultOf(step: Judged): 'accepted' | 'partly' | 'refused' {
  if (step.kind !== 'accepted') return step.kind === 'restored' ? 'accepted' : 'refused';
  return step.refused.length > 0 ? 'partly' : 'accepted';
}

export interface GenerationsOptions {
  /** Absolute path of pinwarden.yaml. */
  readonly configPath: string;
  readonly clock: Clock;
  readonly pause: (durationMs: number) => Promise<void>;
  readonly shippedGroups: () => readonly TextFile[];
  /** Looks at the files of the CAs; `before`: what is in force. */
  readonly lookAtCas: (config: CaConfig, before: LoadedCas) => CaLook;
}

interface Read {
  readonly configFile: TextFile;
  readonly config: Config;
  /** What keeps the configuration as it is. */
  readonly configRefused: readonly Mistake[];
  /** It may be unfinished, so the one that runs stays. */
  readonly configWaits: boolean;
  readonly files: ReadSources;
  readonly cas: LoadedCas;
  /** Names what lies in the files of the CAs. */
  readonly caDigest: string;
  /** What keeps a CA as it is. */
  readonly caRefused: readonly Mistake[];
}

type Looked = Pick<Read, 'config' | 'cas' | 'caDigest' | 'caRefused'>;

function lookedAt(config: Config, { cas, digest, refused }: CaLook): Looked {
  return { config, cas, caDigest: digest, caRefused: refused.map((message) => wholeFileMistake(config.file, message)) };
}

export class Generations {
  readonly #options: GenerationsOptions;
  #current: Generation | null = null;
  /** Digest of what was looked at last, taken or not: the same files are not judged twice. */
  #seen = '';
  #seenTrust = '';
  /** Timestamp of the CT log list in use: an older one is refused, also after a restart. */
  #heldListMs: number | null = null;
  /** What the last judgement did not take. */
  #standing: readonly Mistake[] = [];
  /** When what waits has been at rest for long enough, by the monotonic clock. */
  #dueMs: number | null = null;
  /** How long a text that may be unfinished rests before this look takes it. */
  #restMs = REST_MS;
  readonly #rest = new Rest();
  readonly #recent = new Recent();
  /** What was compiled outlives the reload: only files that changed are read again. */
  readonly #files = createFileMemory();

  constructor(options: GenerationsOptions) {
    this.#options = options;
  }

  get current(): Generation | null {
    return this.#current;
  }

  /** The first generation, with CAs that were opened. `lastGood` is what an earlier run left behind. */
  start(config: Config, configFile: TextFile, lastGood: LastGood | null, cas: LoadedCas): Step {
    const files = readSources(config);
    this.#heldListMs = lastGood?.logListMs ?? null;
    if (finishOf(configFile.text, lastGood?.config.text ?? null) === 'cut') {
      return { kind: 'refused', refused: [cutOff(configFile)] };
    }
    const read = { configFile, files, configRefused: [], configWaits: false, ...lookedAt(config, lookOf(cas)) };
    this.#seen = digestRead(read);
    const previous = lastGood === null ? null : this.#revive(config, lastGood);
    const step = this.#decide(read, previous, lastGood?.number ?? 0);
    if (step.kind === 'accepted' && lastGood !== null) this.#note([lastGood.config, ...lastGood.sources]);
    return step;
  }

  /** Milliseconds until what may be unfinished is worth another look; null: nothing is. */
  get nextLookMs(): number | null {
    return this.#dueMs === null ? null : Math.max(0, this.#dueMs - this.#options.clock.monotonicMs());
  }

  /** Looks at the files and takes what is new and right. `asked`: by somebody for whom they are finished. */
  async reload(by: 'watch' | 'asked' = 'watch'): Promise<Step> {
    const current = this.#current;
    if (current === null) throw new TypeError('reload before start');
    this.#restMs = by === 'asked' ? 0 : REST_MS;
    const now = this.#look(current);
    const digest = now.digest;
    const isKnown = digest === this.#seen && this.#trustDigest(current) === this.#seenTrust;
    const isDue = this.#dueMs !== null && (by === 'asked' || this.nextLookMs === 0);
    if (isKnown && !isDue) return { kind: 'unchanged', refused: this.#standing };
    const settled =
      digest === this.#seen ? now.value : await readSettled(() => this.#look(current), this.#options.pause);
    if (settled === null) return { kind: 'waiting' };
    if (settled instanceof FileError)
      return this.#refuse([wholeFileMistake(settled.file, settled.words, configStep(settled))]);
    this.#seen = digestRead(settled);
    const step = this.#decide(settled, { ...current, earlier: () => this.#earlier(current) }, current.number);
    if (step.kind === 'accepted') this.#note([current.configFile, ...current.sources]);
    return step;
  }

  #refuse(mistakes: readonly Mistake[]): Step {
    // What two files lead to is said once.
    const refused = [...new Map(mistakes.map((mistake) => [JSON.stringify(mistake), mistake])).values()];
    this.#standing = refused;
    return { kind: 'refused', refused };
  }

  /** What runs has come into force in place of these texts. */
  #note(before: readonly TextFile[]): void {
    const { configFile, sources } = this.#current ?? { configFile: null, sources: [] };
    if (configFile === null) return;
    this.#recent.note(before, [configFile, ...sources], this.#options.clock.monotonicMs());
  }

  /** The policy before the changes of the last minute; null: there were none, or it does not compile any more. */
  #earlier({ configFile, sources }: Generation): Policy | null {
    const texts = this.#recent.earlier([configFile, ...sources], this.#options.clock.monotonicMs());
    const before = texts?.find(({ file }) => file === configFile.file);
    const then = before === undefined ? null : loadConfig(before.text, before.file);
    if (texts === null || then === null || !then.ok) return null;
    return this.#compile(
      texts.filter((one) => one !== before),
      then.value,
    );
  }

  #compile(texts: readonly TextFile[], config: Config): Policy | null {
    const loaded = loadPolicy(sourcesUnder(config, texts), config, this.#options.shippedGroups(), this.#files);
    return loaded.ok ? loaded.value : null;
  }

  /** Names the trust files as they lie there: they may change while configuration and policies do not. */
  #trustDigest({ config, policy, cas }: Accepted & Pick<Read, 'cas'>): string {
    try {
      return digestTrust(readTrustMaterial(config, policy, ownCertificates(cas)));
    } catch (thrown) {
      if (thrown instanceof FileError) return thrown.message;
      throw thrown;
    }
  }

  #look(current: Generation): { readonly digest: string; readonly value: Read | FileError } {
    try {
      const configFile = readConfigFile(this.#options.configPath);
      const { asked, refused, configWaits } = this.#judgeConfig(configFile, current);
      const { config, ...rest } = this.#lookAtCas(asked, refused, current);
      const value = { configFile, config, configWaits, files: readSources(config), ...rest };
      return { digest: digestRead(value), value };
    } catch (thrown) {
      if (thrown instanceof FileError) return { digest: `unreadable ${thrown.message}`, value: thrown };
      throw thrown;
    }
  }

  #judgeConfig(configFile: TextFile, current: Generation) {
    const finish = finishOf(configFile.text, current.configFile.text);
    if (finish === 'cut') return { asked: current.config, refused: [cutOff(configFile)], configWaits: false };
    const decided = decideConfig(configFile, current);
    if (!decided.ok) throw new TypeError('a configuration was refused although one runs');
    const { config, refused } = decided;
    const configWaits = finish === 'maybe' && refused.length === 0 && this.#left(configFile) > 0;
    return { asked: configWaits ? current.config : config, refused, configWaits };
  }

  #left(file: TextFile): number {
    return this.#rest.left(file, this.#options.clock.monotonicMs(), this.#restMs);
  }

  /** Files that may be unfinished; notes when they are worth another look. */
  #unrested({ files, configFile, configWaits }: Read, running: Generation | null): ReadonlySet<string> {
    const before = new Map(running?.sources.map(({ file, text }) => [file, text]));
    const maybe = files.sources.filter(({ file, text }) => finishOf(text, before.get(file) ?? null) === 'maybe');
    const lefts = (running === null ? [] : maybe).map((source) => ({ file: source.file, left: this.#left(source) }));
    const unrested = lefts.filter(({ left }) => left > 0);
    const waits = [...unrested.map(({ left }) => left), ...(configWaits ? [this.#left(configFile)] : [])];
    this.#dueMs = waits.length === 0 ? null : this.#options.clock.monotonicMs() + Math.min(...waits);
    this.#rest.keep(new Set([configFile, ...maybe].map(({ file }) => file)));
    return new Set(unrested.map(({ file }) => file));
  }

  /** A configuration whose `ca` cannot be had is refused as a whole; files that broke under the same one are held. */
  #lookAtCas(config: Config, refused: readonly Mistake[], current: Generation): Looked & Pick<Read, 'configRefused'> {
    const look = this.#options.lookAtCas(config.ca, current.cas);
    const looked = lookedAt(config, look);
    if (look.isTaken || isDeepStrictEqual(config.ca, current.config.ca)) return { ...looked, configRefused: refused };
    const configRefused = [...refused, ...looked.caRefused];
    return { ...looked, config: current.config, configRefused, caRefused: [] };
  }

  #decide(read: Read, previous: Previous | null, number: number): Step {
    const { config, configRefused, configWaits, files, cas } = read;
    const keepsConfig = configRefused.length > 0 || configWaits;
    const configFile = keepsConfig && this.#current !== null ? this.#current.configFile : read.configFile;
    const nowMs = this.#options.clock.nowMs();
    const shippedGroups = this.#options.shippedGroups();
    const unrested = this.#unrested(read, this.#current);
    const base = { config, configFile, ...files, shippedGroups, files: this.#files };
    const decided = decide({ ...base, previous, unrested, nowMs });
    if (!decided.ok) return this.#refuse([...configRefused, ...this.#missing(read), ...decided.mistakes]);
    const waiting = configWaits ? [read.configFile.file, ...decided.accepted.waiting] : decided.accepted.waiting;
    const accepted = { ...decided.accepted, waiting };
    const held = new Set(accepted.held.map(({ file }) => file));
    const missing = held.size === 0 ? [] : this.#missing(read).filter(({ place }) => held.has(place.file));
    const heldMistakes = accepted.held.flatMap(({ mistakes }) => mistakes);
    const refused = [...configRefused, ...read.caRefused, ...missing, ...heldMistakes];
    this.#seenTrust = this.#trustDigest({ ...accepted, cas });
    const trust = this.#trust(accepted, cas);
    if (!('publicAnchors' in trust)) return this.#refuse([...refused, ...trust]);
    this.#standing = refused;
    const sha256 = nameGeneration(accepted, trust);
    if (this.#current !== null && sha256 === this.#current.sha256 && cas === this.#current.cas) {
      this.#current = { ...this.#current, held: accepted.held, waiting };
      if (refused.length > 0) return { kind: 'refused', refused };
      return { kind: waiting.length > 0 ? 'waiting' : 'restored' };
    }
    this.#current = { ...accepted, number: number + 1, sha256, trust, cas };
    return { kind: 'accepted', generation: this.#current, refused };
  }

  /** Files that what was read names and that are not there: a mistyped name must not look like other anchors and no more. */
  #missing({ config, files: { sources } }: Read): readonly Mistake[] {
    const policy = this.#compile(sources, config);
    return policy === null ? [] : trustMistakes(config, anchorChoices(config, policy));
  }

  #trust({ config, policy }: Accepted, cas: LoadedCas): TrustMaterial | readonly Mistake[] {
    try {
      const material = readTrustMaterial(config, policy, ownCertificates(cas));
      checkTrust(material, this.#heldListMs);
      this.#heldListMs = logListTimeOf(material);
      return material;
    } catch (thrown) {
      if (!(thrown instanceof FileError) && !(thrown instanceof TrustError)) throw thrown;
      const mistakes = trustMistakes(config, anchorChoices(config, policy));
      return mistakes.length > 0 ? mistakes : [wholeFileMistake(config.file, thrown.message)];
    }
  }

  /** Compared with what was in force then, so under the configuration of then; a file that is held is bound as now. */
  #revive(config: Config, lastGood: LastGood): Previous {
    const then = loadConfig(lastGood.config.text, lastGood.config.file);
    const before = then.ok ? then.value : config;
    return { sources: sourcesUnder(config, lastGood.sources), policy: this.#compile(lastGood.sources, before) };
  }
}

/** What workers get. */
export function materialOf(generation: Generation, shippedGroups: readonly TextFile[]): GenerationMaterial {
  const { number, sha256, configFile, sources, trust, cas } = generation;
  return { number, sha256, config: configFile, sources, shippedGroups, trust, ca: caMaterialOf(cas) };
}

function digestRead({ configFile, files: { sources, unread }, caDigest }: Read): string {
  return digestOf([configFile, ...sources, { file: 'ca', text: caDigest }], unread);
}
