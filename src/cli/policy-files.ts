/**
 * What `check` and `explain` look at: the configuration, the policy files that it names and the shipped groups, read
 * and compiled by the very code of the proxy.
 */
import { relative, resolve } from 'node:path';
import { FileError } from '../host/files.ts';
import type { Gaps } from '../policy/assemble.ts';
import type { Config } from '../policy/config.ts';
import { createFileMemory } from '../policy/file-memory.ts';
import { loadPolicy, readConfig, type TextFile } from '../policy/load.ts';
import { type Mistake, wholeFileMistake } from '../policy/mistakes.ts';
import type { Place, Policy } from '../policy/policy.ts';
import { surveyPolicy } from '../policy/survey.ts';
import type { Named } from '../runtime/generation-name.ts';
import { configStep, readConfigFile, readSources } from '../runtime/sources.ts';
import { shippedGroups } from '../runtime/supervisor-start.ts';
import type { Io } from './io.ts';

export const DEFAULT_CONFIG = 'config/pinwarden.yaml';

export interface Files {
  readonly config: Config | null;
  readonly policy: Policy | null;
  readonly mistakes: readonly Mistake[];
  /** Absolute path → text, to quote lines from. */
  readonly texts: ReadonlyMap<string, string>;
  readonly policyFiles: number;
  /** What is left of broken files, to look for more mistakes; null: nothing is broken, or nothing is left. */
  readonly remains: FilesRemains | null;
  /** What the generation would be made of; null when it cannot be. */
  readonly named: Named | null;
}

export interface FilesRemains {
  readonly config: Config;
  /** Null: not even that can be told which rules there are. */
  readonly policy: Policy | null;
  readonly gaps: Gaps;
}

/** Never throws for a file that cannot be read: that is a mistake of the file as a whole. */
export function loadFiles(configPath: string, io: Io): Files {
  const texts = new Map<string, string>();
  const nothing = { config: null, policy: null, texts, policyFiles: 0, remains: null, named: null };
  const file = resolve(io.cwd, configPath);
  let configFile: TextFile;
  try {
    configFile = readConfigFile(file);
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    return {
      ...nothing,
      mistakes: [wholeFileMistake(file, thrown.words, configStep(thrown))],
    };
  }
  texts.set(file, configFile.text);
  const { loaded: config, remains } = readConfig(configFile.text, file);
  const known = config.ok ? config.value : (remains?.config ?? null);
  const { sources, unread } = known === null ? { sources: [], unread: [] } : readSources(known);
  const groups = shippedGroups();
  for (const source of [...sources, ...groups]) {
    texts.set(source.file, source.text);
  }
  const unreads = unread.map((path) => wholeFileMistake(path.file, path.why, path.hint));
  const memory = createFileMemory();
  if (config.ok) {
    const policy = loadPolicy(sources, config.value, groups, memory);
    if (policy.ok && unread.length === 0) {
      const found = { config: config.value, policy: policy.value, policyFiles: sources.length, remains: null, texts };
      return { ...found, mistakes: [...config.warnings, ...policy.warnings], named: { configFile, sources } };
    }
  }
  const read = config.ok
    ? { config: config.value, mistakes: config.warnings }
    : { ...nothing, mistakes: config.mistakes };
  if (known === null) return { ...nothing, mistakes: [...read.mistakes, ...unreads] };
  const gaps = { config: !config.ok, hasClients: remains?.hasClients ?? true };
  const survey = surveyPolicy(sources, known, gaps, groups, memory);
  return {
    ...nothing,
    config: read.config,
    mistakes: [...read.mistakes, ...unreads, ...survey.mistakes],
    policyFiles: sources.length,
    remains: { config: known, policy: survey.policy, gaps: survey.gaps },
  };
}

/** A path as the reader would type it. */
export function shorten(file: string, cwd: string): string {
  const short = relative(cwd, file);
  return short.startsWith('..') ? file : short;
}

export function shortPlace(place: Place, cwd: string): Place {
  return { ...place, file: shorten(place.file, cwd) };
}
