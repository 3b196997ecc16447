/**
 * Reads what a generation is made of: the configuration and the policy files that it names.
 *
 * Does: list, read bounded, and read twice until two reads agree, so that a file that is being written is not taken.
 * Does not: parse policies or decide (reload.ts does). A file that cannot be read is reported beside the others.
 */
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { FileError, type FileProblem, listDirectory, readText } from '../host/files.ts';
import type { Config } from '../policy/config.ts';
import type { PolicySource, TextFile } from '../policy/load.ts';
import { caDirectories } from './ca-files.ts';
import { SETTLE_MS } from './watch.ts';

/** Before parsing (threat model H05); 100,000 rules are about 12 MiB over several files. */
export const MAX_POLICY_BYTES = 16 * 1024 * 1024;
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** A source whose file could not be read, with the reason and the next step. */
export interface Unread {
  readonly file: string;
  readonly why: string;
  readonly hint: string;
}

export interface ReadSources {
  readonly sources: readonly PolicySource[];
  readonly unread: readonly Unread[];
}

/** @throws FileError */
export function readConfigFile(file: string): TextFile {
  return { file, text: readText(file, MAX_CONFIG_BYTES) };
}

/** What to do about a configuration that cannot be read. */
export function configStep({ why }: FileError): string {
  if (why === 'not-permitted') return 'run it as the user that the proxy runs as, or name a configuration with -c FILE';
  return 'name a configuration with -c FILE, or make one: pinwarden init';
}

/** Every policy file that `config` names. A directory counts its `*.yaml` and `*.yml`, without names that start with a dot. */
export function readSources(config: Config): ReadSources {
  const sources: PolicySource[] = [];
  const unread: Unread[] = [];
  for (const { path, owner, mayMatch, mayNot } of config.policies) {
    try {
      const names = listDirectory(path);
      const files = names === null ? [path] : names.filter(isPolicyName).map((name) => join(path, name));
      for (const file of files) {
        const text = tryRead(file, config, unread);
        if (text !== null) sources.push({ path, owner, mayMatch, mayNot, file, text });
      }
    } catch (thrown) {
      unread.push(asUnread(path, thrown, config));
    }
  }
  return { sources, unread };
}

function isPolicyName(name: string): boolean {
  return !name.startsWith('.') && /\.ya?ml$/.test(name);
}

function tryRead(file: string, config: Config, unread: Unread[]): string | null {
  try {
    return readText(file, MAX_POLICY_BYTES);
  } catch (thrown) {
    unread.push(asUnread(file, thrown, config));
    return null;
  }
}

function asUnread(file: string, thrown: unknown, { file: configFile }: Config): Unread {
  const correct = `correct \`policies:\` in ${basename(configFile)}`;
  if (!(thrown instanceof FileError)) return { file, why: String(thrown), hint: correct };
  const hint = thrown.why === 'missing' ? `make it, or ${correct}` : STEPS[thrown.why];
  return { file, why: thrown.words, hint: hint ?? `correct the file, or ${correct}` };
}

const STEPS: Readonly<Partial<Record<FileProblem, string>>> = {
  'not-permitted': 'make it readable for the user that runs the proxy',
  'too-large': 'split it into several files',
};

/** Texts with the bounds that a configuration sets to their files. */
export function sourcesUnder(config: Config, texts: readonly TextFile[]): readonly PolicySource[] {
  return texts.map(({ file, text }): PolicySource => {
    const entry = config.policies.find(({ path }) => path === file || path === dirname(file));
    const bounds = entry ?? { path: file, owner: null, mayMatch: null, mayNot: [] };
    return { path: bounds.path, owner: bounds.owner, mayMatch: bounds.mayMatch, mayNot: bounds.mayNot, file, text };
  });
}

/** Names what was read: two reads with the same digest are the same. */
export function digestOf(files: readonly TextFile[], unread: readonly Unread[] = []): string {
  const hash = createHash('sha256');
  for (const { file, text } of files) hash.update(`${file}\0${text.length}\0`).update(text);
  for (const { file, why } of unread) hash.update(`${file}\0!${why}\0`);
  return hash.digest('hex');
}

/** Reads again until two reads in a row agree; after this many the last one is given up until the next look. */
const MAX_READS = 20;

/** Null: the files never came to rest. `pause` waits the given milliseconds. */
export async function readSettled<T>(
  read: () => { readonly digest: string; readonly value: T },
  pause: (durationMs: number) => Promise<void>,
): Promise<T | null> {
  let before = read();
  for (let reads = 1; reads < MAX_READS; reads += 1) {
    await pause(SETTLE_MS);
    const now = read();
    if (now.digest === before.digest) return now.value;
    before = now;
  }
  return null;
}

/** The directories whose changes matter: those of the files (CAs too), and policy directories themselves. `trust`: anchor files. */
export function directoriesOf(config: Config, trust: readonly TextFile[] = []): readonly string[] {
  const directories = [dirname(config.file), ...trust.map(({ file }) => dirname(file)), ...caDirectories(config.ca)];
  for (const { path } of config.policies) directories.push(path, dirname(path));
  return directories;
}
