/**
 * Pins: references of rules (`leaf`, `ca`, `any`) to keys, groups of the file and shipped `@groups`.
 *
 * Does: turns each into pins with scope, name, expiry and place.
 * Does not: judge expiry or dead pins (lint.ts) or match (pki/pins/match.ts).
 */

import { convertPin, parsePin } from '../pki/pins/parse.ts';
import { parseDate } from './dates.ts';
import { issuesToMistakes } from './issues.ts';
import { backtick, closest, type Loaded } from './mistakes.ts';
import { Notes } from './notes.ts';
import type { Pin, PinScope, Place } from './policy.ts';
import { groupsJsonSchema } from './reference.ts';
import { checkShape, groupsSchema, type PinGroupShape, type PinReferenceShape } from './schema.ts';
import { readYaml, type YamlPath } from './yaml.ts';

/** A key of a group, before a rule gives it a scope. */
export type GroupPin = Omit<Pin, 'scope'>;

export interface PinGroup {
  readonly name: string;
  readonly pins: readonly GroupPin[];
  /** False: some of it is wrong, so nothing follows from what is missing. */
  readonly isWhole: boolean;
  readonly place: Place;
}

export type PinGroups = ReadonlyMap<string, PinGroup>;

/** The groups of one file, by name; mistakes go to `notes`. `broken`: names of groups that the schema refused in part. */
export function compileGroups(
  shape: Readonly<Record<string, PinGroupShape>>,
  base: YamlPath,
  notes: Notes,
  broken: ReadonlySet<string> = new Set(),
): Map<string, PinGroup> {
  const groups = new Map<string, PinGroup>();
  for (const [name, group] of Object.entries(shape)) {
    const path = [...base, name];
    const errorsBefore = notes.errors;
    const expiresMs = group.expires === undefined ? null : parseDate(group.expires);
    if (group.expires !== undefined && expiresMs === null) {
      notes.error(
        [...path, 'expires'],
        `${backtick(group.expires)} is not a date`,
        'write a day in UTC such as `2027-06-01`',
      );
    }
    if (group.onExpiry !== undefined && group.expires === undefined && !broken.has(name)) {
      notes.error(
        [...path, 'onExpiry'],
        '`onExpiry` without `expires` does nothing',
        'add `expires:` or remove it',
        'key',
      );
    }
    const seen = new Set<string>();
    const pins: GroupPin[] = [];
    for (const [index, pin] of group.pins.entries()) {
      const place = [...path, 'pins', index, 'key'];
      const spkiSha256 = readKey(pin.key, place, notes);
      if (spkiSha256 === null) {
        continue;
      }
      if (seen.has(spkiSha256)) {
        notes.error(place, 'the same key is in the group twice', 'keep one of them');
      }
      seen.add(spkiSha256);
      pins.push(
        Object.freeze({
          spkiSha256,
          name: pin.name ?? null,
          backup: pin.backup ?? false,
          group: name,
          expiresMs,
          onExpiry: group.onExpiry ?? 'block',
          place: notes.place(place),
        }),
      );
    }
    const isWhole = !broken.has(name) && notes.errors === errorsBefore;
    groups.set(name, Object.freeze({ name, pins: Object.freeze(pins), isWhole, place: notes.place(path, 'key') }));
  }
  return groups;
}

/** A file of config/groups: its groups by name with `@` in front. */
export function loadShippedGroups(text: string, file: string): Loaded<PinGroups> {
  const yaml = readYaml(text, file);
  if (!yaml.ok) {
    return yaml;
  }
  const shape = checkShape(groupsSchema, yaml.value.value);
  if (!shape.ok) {
    return { ok: false, mistakes: issuesToMistakes(shape.issues, yaml.value, groupsJsonSchema()) };
  }
  const notes = new Notes(yaml.value);
  const groups = new Map<string, PinGroup>();
  for (const group of compileGroups(shape.value.pinGroups, ['pinGroups'], notes).values()) {
    const name = `@${group.name}`;
    groups.set(name, { ...group, name, pins: group.pins.map((pin) => Object.freeze({ ...pin, group: name })) });
  }
  return notes.failed ? { ok: false, mistakes: notes.mistakes } : { ok: true, value: groups, warnings: notes.mistakes };
}

/** One entry of `anyOf` or `noneOf` as pins; empty when it is wrong. `used` collects the groups that rules name. */
export function compileReference(
  reference: PinReferenceShape,
  path: YamlPath,
  groups: PinGroups | null,
  used: Set<string>,
  notes: Notes,
): readonly Pin[] {
  const scopes = (['leaf', 'ca', 'any'] as const).filter((scope) => reference[scope] !== undefined);
  const [scope, second] = scopes;
  if (scope === undefined || second !== undefined) {
    notes.error(path, 'a pin has exactly one of `leaf`, `ca` and `any`', 'write one entry for each');
    return [];
  }
  const text = reference[scope] ?? '';
  const at = [...path, scope];
  if (looksLikeKey(text, groups)) {
    const spkiSha256 = readKey(text, at, notes);
    return spkiSha256 === null ? [] : [inlinePin(spkiSha256, scope, reference, notes.place(at))];
  }
  for (const key of ['name', 'backup'] as const) {
    if (reference[key] !== undefined) {
      notes.error([...path, key], `${backtick(key)} belongs to a key, not to a group`, 'write it in the group', 'key');
    }
  }
  if (groups === null) {
    return [];
  }
  const group = groups.get(text);
  if (group === undefined) {
    const meant = closest(text, groups.keys());
    const hint =
      meant === null
        ? 'define it under `pinGroups:`, or name a shipped group with `@`'
        : `did you mean ${backtick(meant)}?`;
    notes.error(at, `there is no pin group ${backtick(text)}`, hint);
    return [];
  }
  used.add(text);
  return group.pins.map((pin) => Object.freeze({ ...pin, scope }));
}

/** Everything that cannot be a group's name was meant as a key, and gets the parser's reason; a digest in hexadecimal too. */
function looksLikeKey(text: string, groups: PinGroups | null): boolean {
  return groups?.has(text) !== true && (!/^@?[a-z0-9-]{1,64}$/.test(text) || /^[0-9a-f]{64}$/.test(text));
}

/** Whether the group that a pin names, if it names one, is known with all its keys. */
export function isWholeReference(reference: PinReferenceShape, groups: PinGroups | null): boolean {
  const text = reference.leaf ?? reference.ca ?? reference.any ?? '';
  return looksLikeKey(text, groups) || groups?.get(text)?.isWhole === true;
}

function inlinePin(spkiSha256: string, scope: PinScope, reference: PinReferenceShape, place: Place): Pin {
  return Object.freeze({
    spkiSha256,
    scope,
    name: reference.name ?? null,
    backup: reference.backup ?? false,
    group: null,
    expiresMs: null,
    onExpiry: 'block',
    place,
  });
}

function readKey(text: string, path: YamlPath, notes: Notes): string | null {
  const parsed = parsePin(text);
  if (!parsed.ok) {
    const converted = convertPin(text);
    const hint =
      converted === null
        ? 'write `sha256/…=` as printed by `pinwarden pins FILE.pem`'
        : `if it stands for the key that is meant, write ${backtick(converted)}; \`pinwarden pins FILE.pem\` prints pins`;
    notes.error(path, `${backtick(text)} is not a pin: ${parsed.why}`, hint);
    return null;
  }
  return parsed.value;
}
