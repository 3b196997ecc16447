/**
 * What `check` and `explain` look at: the configuration, the policy files that it names and the shipped groups, read
 * and compiled by the very code of the proxy.
 */
import { relative, resolve } from 'node:path';
import { FileError } from '../host/files.ts';
import type { Config } from '../policy/config.ts';
import { loadPolicy, policyMistakes, readConfig, type TextFile } from '../policy/load.ts';
import type { Mistake } from '../policy/mistakes.ts';
import type { Place, Policy } from '../policy/policy.ts';
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
  /** What the generation would be made of; null when it cannot be. */
  readonly named: Named | null;
}

/** Never throws for a file that cannot be read: that is a mistake at its first line. */
export function loadFiles(configPath: string, io: Io): Files {
  const texts = new Map<string, string>();
  const nothing = { config: null, policy: null, texts, policyFiles: 0, named: null };
  const file = resolve(io.cwd, configPath);
  let configFile: TextFile;
  try {
    configFile = readConfigFile(file);
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    return {
      ...nothing,
      mistakes: [unreadable(file, thrown.message.slice(thrown.file.length + 2), configStep(thrown))],
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
  const unreads = unread.map((path) => unreadable(path.file, path.why, 'make it readable, or correct `policies:`'));
  if (!config.ok) {
    const more = remains === null ? [] : policyMistakes(sources, remains, groups);
    return { ...nothing, mistakes: [...config.mistakes, ...unreads, ...more] };
  }
  const policy = loadPolicy(sources, config.value, groups);
  const mistakes = [...unreads, ...config.warnings, ...(policy.ok ? policy.warnings : policy.mistakes)];
  const whole = policy.ok && unread.length === 0 ? policy.value : null;
  const named = whole === null ? null : { configFile, sources };
  return { config: config.value, policy: whole, mistakes, texts, policyFiles: sources.length, named };
}

function unreadable(file: string, message: string, hint: string): Mistake {
  return { place: { file, line: 1, column: 1 }, message, hint, severity: 'error' };
}

/** A path as the reader would type it. */
export function shorten(file: string, cwd: string): string {
  const short = relative(cwd, file);
  return short.startsWith('..') ? file : short;
}

export function shortPlace(place: Place, cwd: string): Place {
  return { ...place, file: shorten(place.file, cwd) };
}
