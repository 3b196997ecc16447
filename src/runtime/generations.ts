/**
 * The supervisor's generations: what runs now, and how it becomes the next one.
 *
 * Does: read until the files are at rest, decide (reload.ts), build the material for workers, remember the last good.
 * Does not: talk to workers or write metrics; its caller does with what it answers.
 * The caller must: call `start` once and then `reload`, one at a time.
 */
import { createHash } from 'node:crypto';
import { dirname, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../host/clock.ts';
import { FileError } from '../host/files.ts';
import type { CaConfig, Config } from '../policy/config.ts';
import { createFileMemory } from '../policy/file-memory.ts';
import { loadConfig, loadPolicy, type PolicySource, type TextFile } from '../policy/load.ts';
import type { Mistake } from '../policy/mistakes.ts';
import { type CaLook, caMaterialOf, type LoadedCas, lookOf, ownCertificates } from './ca-files.ts';
import { TrustError } from './crl-loader.ts';
import type { LastGood } from './last-good.ts';
import type { GenerationMaterial, TrustMaterial } from './messages.ts';
import { type Accepted, decide, decideConfig, type Previous } from './reload.ts';
import { digestOf, type ReadSources, readConfigFile, readSettled, readSources } from './sources.ts';
import { readTrustMaterial } from './trust-files.ts';
import { checkTrust, logListTimeOf } from './trust-loader.ts';

export interface Generation extends Accepted {
  readonly number: number;
  readonly sha256: string;
  readonly trust: TrustMaterial;
  readonly cas: LoadedCas;
}

export type Step =
  | { readonly kind: 'unchanged' }
  /** The files say again what runs: an earlier refusal is over. */
  | { readonly kind: 'restored' }
  | {
      readonly kind: 'accepted';
      readonly generation: Generation;
      /** What was not taken: the configuration, held files, trust. Empty: everything was. */
      readonly refused: readonly Mistake[];
    }
  | { readonly kind: 'refused'; readonly refused: readonly Mistake[] };

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
  readonly files: ReadSources;
  readonly cas: LoadedCas;
  /** Names what lies in the files of the CAs. */
  readonly caDigest: string;
  /** What keeps a CA as it is. */
  readonly caRefused: readonly Mistake[];
}

type Looked = Pick<Read, 'config' | 'cas' | 'caDigest' | 'caRefused'>;

function lookedAt(config: Config, { cas, digest, refused }: CaLook): Looked {
  return { config, cas, caDigest: digest, caRefused: refused.map((message) => asMistake(config.file, message)) };
}

export class Generations {
  readonly #options: GenerationsOptions;
  #current: Generation | null = null;
  /** Digest of what was looked at last, taken or not: the same files are not judged twice. */
  #seen = '';
  #seenTrust = '';
  /** Timestamp of the CT log list in use: an older one is refused, also after a restart. */
  #heldListMs: number | null = null;
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
    const read = { configFile, files, configRefused: [], ...lookedAt(config, lookOf(cas)) };
    this.#seen = digestRead(read);
    return this.#decide(read, lastGood === null ? null : this.#revive(config, lastGood), lastGood?.number ?? 0);
  }

  /** Looks at the files and takes what is new and right. */
  async reload(): Promise<Step> {
    const current = this.#current;
    if (current === null) throw new TypeError('reload before start');
    const now = this.#look(current);
    const digest = now.digest;
    if (digest === this.#seen && this.#trustDigest(current) === this.#seenTrust) return { kind: 'unchanged' };
    const settled =
      digest === this.#seen ? now.value : await readSettled(() => this.#look(current), this.#options.pause);
    if (settled === null) return { kind: 'unchanged' };
    if (settled instanceof FileError) return { kind: 'refused', refused: [asMistake(settled.file, settled.message)] };
    this.#seen = digestRead(settled);
    return this.#decide(settled, current, current.number);
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
      const decided = decideConfig(configFile, current);
      if (!decided.ok) throw new TypeError('a configuration was refused although one runs');
      const { config, ...rest } = this.#lookAtCas(decided.config, decided.refused, current);
      const value = { configFile, config, files: readSources(config), ...rest };
      return { digest: digestRead(value), value };
    } catch (thrown) {
      if (thrown instanceof FileError) return { digest: `unreadable ${thrown.message}`, value: thrown };
      throw thrown;
    }
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
    const { config, configRefused, files, cas } = read;
    const configFile = configRefused.length > 0 && this.#current !== null ? this.#current.configFile : read.configFile;
    const nowMs = this.#options.clock.nowMs();
    const shippedGroups = this.#options.shippedGroups();
    const decided = decide({ config, configFile, ...files, shippedGroups, files: this.#files, previous, nowMs });
    if (!decided.ok) return { kind: 'refused', refused: [...configRefused, ...decided.mistakes] };
    const { accepted } = decided;
    const refused = [...configRefused, ...read.caRefused, ...accepted.held.flatMap(({ mistakes }) => mistakes)];
    this.#seenTrust = this.#trustDigest({ ...accepted, cas });
    const trust = this.#trust(accepted, cas);
    if (!('publicAnchors' in trust)) return { kind: 'refused', refused: [...refused, trust] };
    const sha256 = nameGeneration(accepted, trust);
    if (this.#current !== null && sha256 === this.#current.sha256 && cas === this.#current.cas) {
      this.#current = { ...this.#current, held: accepted.held };
      return refused.length > 0 ? { kind: 'refused', refused } : { kind: 'restored' };
    }
    this.#current = { ...accepted, number: number + 1, sha256, trust, cas };
    return { kind: 'accepted', generation: this.#current, refused };
  }

  #trust({ config, policy }: Accepted, cas: LoadedCas): TrustMaterial | Mistake {
    try {
      const material = readTrustMaterial(config, policy, ownCertificates(cas));
      checkTrust(material, this.#heldListMs);
      this.#heldListMs = logListTimeOf(material);
      return material;
    } catch (thrown) {
      if (thrown instanceof FileError || thrown instanceof TrustError) return asMistake(config.file, thrown.message);
      throw thrown;
    }
  }

  /** Compared with what was in force then, so under the configuration of then; a file that is held is bound as now. */
  #revive(config: Config, lastGood: LastGood): Previous {
    const then = loadConfig(lastGood.config.text, lastGood.config.file);
    const before = then.ok ? then.value : config;
    const loaded = loadPolicy(
      sourcesUnder(before, lastGood.sources),
      before,
      this.#options.shippedGroups(),
      this.#files,
    );
    return { sources: sourcesUnder(config, lastGood.sources), policy: loaded.ok ? loaded.value : null };
  }
}

/** Texts with the bounds that a configuration sets to their files. */
function sourcesUnder(config: Config, texts: readonly TextFile[]): readonly PolicySource[] {
  return texts.map(({ file, text }): PolicySource => {
    const entry = config.policies.find(({ path }) => path === file || path === dirname(file));
    const bounds = entry ?? { path: file, owner: null, mayMatch: null, mayNot: [] };
    return { path: bounds.path, owner: bounds.owner, mayMatch: bounds.mayMatch, mayNot: bounds.mayNot, file, text };
  });
}

/** What workers get. */
export function materialOf(generation: Generation, shippedGroups: readonly TextFile[]): GenerationMaterial {
  const { number, sha256, configFile, sources, trust, cas } = generation;
  return { number, sha256, config: configFile, sources, shippedGroups, trust, ca: caMaterialOf(cas) };
}

function digestRead({ configFile, files: { sources, unread }, caDigest }: Read): string {
  return digestOf([configFile, ...sources, { file: 'ca', text: caDigest }], unread);
}

function digestTrust(material: TrustMaterial): string {
  const { publicAnchors, publicAnchorFiles, systemAnchors, anchorFiles, logList, crls, ownCas } = material;
  const hash = createHash('sha256');
  const named = [...(publicAnchorFiles ?? []), ...anchorFiles, ...(material.intermediates ?? [])];
  const texts = [publicAnchors, systemAnchors ?? '', ...named.map(({ text }) => text), logList ?? '', ...ownCas];
  for (const one of texts) hash.update(`${one.length}\0`).update(one);
  const { signature, publicKeyPem } = material.logListSigned ?? { signature: '', publicKeyPem: '' };
  hash.update(signature).update(publicKeyPem);
  for (const { bytes } of crls) hash.update(bytes);
  return hash.digest('hex');
}

/** Over contents and over names relative to the configuration, so that replicas with other mount points agree. */
function nameGeneration({ configFile, sources }: Accepted, trust: TrustMaterial): string {
  const home = dirname(configFile.file);
  const files = [configFile, ...sources].map(({ file, text }) => ({ file: relative(home, file), text }));
  return createHash('sha256')
    .update(digestOf(files))
    .update(digestTrust({ ...trust, ownCas: [] }))
    .digest('hex');
}

function asMistake(file: string, message: string): Mistake {
  return { place: { file, line: 1, column: 1 }, message, severity: 'error' };
}
