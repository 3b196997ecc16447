/**
 * Files to frozen values: the entry point of the policy room.
 *
 * Does: texts in, `Config` or `Policy` out, or every mistake of all files at once, each with its place.
 * Does not: read files or the clock; what depends on today is in lint.ts and weakening.ts.
 * The caller must: hand in absolute paths, and keep the last good generation when a load is refused. To keep a broken
 * file's last good text and take the others, ask `readPolicyFile` for each file first.
 */
import { createHash } from 'node:crypto';
import { assembleInSlices } from './assemble.ts';
import { compileConfig } from './compile-config.ts';
import type { Config } from './config.ts';
import { configSchema } from './config-schema.ts';
import { createFileMemory, type FileMemory } from './file-memory.ts';
import { type Issue, issuesToMistakes, keysAt, valueAt } from './issues.ts';
import { byPlace, compareText, type Loaded, type Mistake, withoutEchoes } from './mistakes.ts';
import { loadShippedGroups, type PinGroup, type PinGroups } from './pin-groups.ts';
import type { Policy } from './policy.ts';
import type { PolicyFile } from './policy-file.ts';
import { configJsonSchema } from './reference.ts';
import { lostFields, salvage, withVersion } from './salvage.ts';
import { checkShape } from './schema.ts';
import { atOnce, type Slices } from './slices.ts';
import type { PolicySource, TextFile } from './sources.ts';
import { readYaml, type YamlFile } from './yaml.ts';

export type { PolicySource, TextFile } from './sources.ts';

/** `file` is the absolute path of `text`; relative paths in it are resolved against its directory. Never throws. */
export function loadConfig(text: string, file: string): Loaded<Config> {
  return readConfig(text, file).loaded;
}

/** What is left of a broken configuration, only to look for more mistakes in it and in the policies that it names. */
export interface Remains {
  /** `clients` has every group that is named, though its ranges may be missing. */
  readonly config: Config;
  /** False: `clients` cannot be read, so no group can be called unknown. */
  readonly hasClients: boolean;
}

/** `remains`: null when the configuration is right, or when nothing is left of it. */
export function readConfig(
  text: string,
  file: string,
): { readonly loaded: Loaded<Config>; readonly remains: Remains | null } {
  const read = readYaml(text, file);
  const yaml = read.ok ? read.value : read.partial;
  if (yaml === null) {
    return { loaded: { ok: false, mistakes: read.ok ? [] : read.mistakes }, remains: null };
  }
  const shape = checkShape(configSchema, yaml.value);
  const issues = shape.ok ? [] : shape.issues;
  const mistakes = shape.ok ? [] : issuesToMistakes(issues, yaml, configJsonSchema());
  // What is left without the wrong values is only compiled for its mistakes.
  const left = shape.ok ? null : salvage((value) => checkShape(configSchema, value), withVersion(yaml.value));
  const value = shape.ok ? shape.value : (left?.value ?? null);
  const compiled = value === null ? null : compileConfig(value, yaml, { issues, shifts: left?.shifts ?? new Map() });
  const config = compiled?.loaded ?? null;
  if (read.ok && config?.ok === true && mistakes.length === 0) {
    return { loaded: config, remains: null };
  }
  const found = config === null ? [] : config.ok ? config.warnings : config.mistakes;
  const said = withoutEchoes(read.ok ? [] : read.mistakes, [...mistakes, ...found]).toSorted(byPlace);
  const remains = compiled === null ? null : remainsOf(compiled.config, yaml, issues);
  return { loaded: { ok: false, mistakes: said }, remains };
}

function remainsOf(config: Config, yaml: YamlFile, issues: readonly Issue[]): Remains {
  const written = valueAt(yaml.value, ['clients']);
  const isMap = typeof written === 'object' && written !== null && !Array.isArray(written);
  const hasClients = isMap || !lostFields(issues, [], keysAt(configJsonSchema(), [])).has('clients');
  const known = new Set(config.clients.map(({ name }) => name));
  const others = isMap ? Object.keys(written).filter((name) => !known.has(name)) : [];
  const clients = [...config.clients, ...others.map((name) => ({ name, ranges: [] }))];
  return { config: { ...config, clients }, hasClients };
}

/**
 * `shippedGroups`: the files of config/groups, for names with `@`. The order of `sources` does not change the answer.
 * `memory` saves reading files again that did not change. Never throws.
 */
export function loadPolicy(
  sources: readonly PolicySource[],
  config: Config,
  shippedGroups: readonly TextFile[] = [],
  memory: FileMemory = createFileMemory(),
): Loaded<Policy> {
  return atOnce(loadPolicyInSlices(sources, config, shippedGroups, memory));
}

/** The same with chances to pause; between two of them at most one file is composed (0.3 s for a MiB). */
export function* loadPolicyInSlices(
  sources: readonly PolicySource[],
  config: Config,
  shippedGroups: readonly TextFile[],
  memory: FileMemory,
): Slices<Loaded<Policy>> {
  const groupsSha256 = textsSha256(shippedGroups);
  const groups = loadGroups(shippedGroups);
  if (!groups.ok) {
    return groups;
  }
  const files: PolicyFile[] = [];
  const mistakes: Mistake[] = [];
  const warnings: Mistake[] = [];
  for (const source of sources.toSorted((left, right) => compareText(left.file, right.file))) {
    const file = yield* memory.read(source, groups.value, groupsSha256, config.anchors);
    if (file.ok) {
      files.push(file.value);
      warnings.push(...file.warnings);
    } else {
      mistakes.push(...file.mistakes);
    }
  }
  memory.turn();
  yield;
  // Assembled even when a file is broken: mistakes between the others are worth knowing in the same run.
  const policy = yield* assembleInSlices(files, config);
  if (policy.ok && mistakes.length === 0) {
    return { ok: true, value: policy.value, warnings: [...warnings, ...policy.warnings].toSorted(byPlace) };
  }
  const found = [...mistakes, ...warnings, ...(policy.ok ? policy.warnings : policy.mistakes)];
  return { ok: false, mistakes: found.toSorted(byPlace) };
}

/** All shipped groups by name with `@` in front. */
export function loadGroups(files: readonly TextFile[]): Loaded<PinGroups> {
  const groups = new Map<string, PinGroup>();
  const warnings: Mistake[] = [];
  for (const { file, text } of files) {
    const loaded = loadShippedGroups(text, file);
    if (!loaded.ok) {
      return loaded;
    }
    warnings.push(...loaded.warnings);
    for (const [name, group] of loaded.value) {
      groups.set(name, group);
    }
  }
  return { ok: true, value: groups, warnings };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Names a set of files by their texts. */
export function textsSha256(files: readonly TextFile[]): string {
  return digest(
    files
      .map(({ text }) => digest(text))
      .toSorted(compareText)
      .join('\n'),
  );
}
