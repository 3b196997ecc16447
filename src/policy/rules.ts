/**
 * One rule from its YAML shape to the frozen Rule: defaults filled in, hosts canonical, every field with its place.
 *
 * Does: everything that one rule, the defaults of its file and its groups decide; the bounds of its owner.
 * Does not: compare rules with each other (assemble.ts) or with the clock (lint.ts).
 */

import { parseCidr } from '../model/ip.ts';
import { OPTIONAL_CHECKS, type OptionalCheck, type Requirement } from '../model/outcome.ts';
import { isOid } from '../pki/der/oid.ts';
import type { Forbidden } from './config.ts';
import { readUntil } from './dates.ts';
import { liesWithin, parsePattern } from './hosts.ts';
import { backtick, listWords } from './mistakes.ts';
import type { Notes } from './notes.ts';
import { resolveFrom } from './paths.ts';
import { compileReference, isWholeReference, type PinGroups } from './pin-groups.ts';
import type { AnchorFiles, AnchorsChoice, HostPattern, Pin, Place, Rule, UnsafeFloor } from './policy.ts';
import type { PinReferenceShape, PlainRuleShape, PolicyShape } from './schema.ts';
import { compileTls, compileUnsafeTls } from './tls.ts';
import type { YamlPath } from './yaml.ts';

/** What a rule is compiled in. */
export interface Surroundings {
  readonly notes: Notes;
  /** null: `pinGroups` is faulty, so no name can be called unknown. */
  readonly groups: PinGroups | null;
  /** Collects the groups that rules name. */
  readonly usedGroups: Set<string>;
  readonly defaults: NonNullable<PolicyShape['defaults']>;
  /** `anchors:` of pinwarden.yaml, for a rule that names none. */
  readonly anchors: AnchorsChoice;
  readonly owner: string | null;
  readonly mayMatch: readonly HostPattern[] | null;
  readonly mayNot: readonly Forbidden[];
  /** Fields that were written and are not whole: no demand follows from their absence. */
  readonly lost: ReadonlySet<string>;
  /** Parts that many rules have in common are held once: checks, pins of groups, places of defaults. */
  readonly shared: Map<string, object>;
  /** `policy`: the demands on files that will be deployed (a backup for every enforcing pin set). `judge`: one rule for one question. */
  readonly purpose: 'policy' | 'judge';
}

/** What holds when neither rule nor `defaults` say anything; schema.ts shows the same to people. */
export const DEFAULT_CHECKS: Readonly<Record<OptionalCheck, Requirement>> = Object.freeze({
  publicRoot: 'off',
  ct: 'if-present',
  staple: 'if-present',
  crl: 'if-present',
  lifetime: 'off',
  continuity: 'off',
});

/** Keys that an enforcing pin set must have: one in use and one to rotate to (RFC 7469 §4.3). */
const MIN_ENFORCED_KEYS = 2;

const UNSAFE_KEYS = ['unsafeFloor', 'unsafeTls'] as const;

const NOTHING: readonly never[] = Object.freeze([]);
const NO_PINS: Rule['pins'] = Object.freeze({ anyOf: NOTHING, noneOf: NOTHING });

type Shared = keyof NonNullable<PolicyShape['defaults']>;

/** Always answers a rule; it is only worth something when `notes` has no error. */
export function compileRule(shape: PlainRuleShape & { name: string }, path: YamlPath, around: Surroundings): Rule {
  const { notes, defaults } = around;
  // A plain object: 100,000 objects without prototype would be hash tables of some hundred bytes each.
  const origins: Record<string, Place> = {};
  for (const key of Object.keys(shape)) {
    if (key !== 'checks') {
      origins[key] = notes.place([...path, key], 'key');
    }
  }
  for (const key of Object.keys(defaults) as Shared[]) {
    if (key !== 'checks' && shape[key] === undefined) {
      origins[key] = defaultsPlace(key, around);
    }
  }
  const errorsBefore = notes.errors;
  const pins = compilePins(shape, path, around);
  const hasWholePins = notes.errors === errorsBefore && arePinsWhole(shape, around);
  const mode = shape.mode ?? defaults.mode ?? 'terminate';
  const tls = compileTls(shape.tls, defaults);
  const hasPins = pins.anyOf.length + pins.noneOf.length > 0;
  const rule: Rule = Object.freeze({
    name: shape.name,
    owner: around.owner,
    place: notes.place(path),
    match: patterns(shape.match ?? [], [...path, 'match'], notes),
    except: shape.except === undefined ? NOTHING : patterns(shape.except, [...path, 'except'], notes),
    clients: compileClients(shape.clients ?? defaults.clients),
    mode,
    reason: shape.reason ?? null,
    onFailure: shape.onFailure ?? defaults.onFailure ?? 'block',
    pins,
    checks: compileChecks(shape, path, around, origins),
    certificatePolicies: oids(shape.certificatePolicies ?? NOTHING, [...path, 'certificatePolicies'], notes),
    anchors: chooseAnchors(shape, path, around),
    plaintext: shape.plaintext ?? defaults.plaintext ?? (hasPins ? 'block' : 'allow'),
    allowPrivate:
      shape.allowPrivate === undefined ? NOTHING : cidrs(shape.allowPrivate, [...path, 'allowPrivate'], notes),
    metricsGroup: shape.metricsGroup ?? defaults.metricsGroup ?? shape.name,
    unsafeFloor: compileUnsafeFloor(shape.unsafeFloor, [...path, 'unsafeFloor'], notes),
    tls,
    unsafeTls: compileUnsafeTls(shape.unsafeTls, tls, [...path, 'unsafeTls'], notes),
    answer: shape.answer ?? defaults.answer ?? 'before-hello',
    origins: Object.freeze(origins),
  });
  checkConsistency(rule, path, around);
  if (around.purpose === 'policy' && hasWholePins && !around.lost.has('onFailure')) {
    checkBackup(rule, path, notes);
  }
  checkBounds(rule, path, around);
  return rule;
}

function chooseAnchors(shape: PlainRuleShape, path: YamlPath, around: Surroundings): AnchorsChoice {
  const { anchors: own } = shape;
  if (own !== undefined) {
    return compileAnchors(own, [...path, 'anchors'], around.notes);
  }
  const { anchors: inherited } = around.defaults;
  if (inherited === undefined || typeof inherited === 'string') {
    return inherited ?? around.anchors;
  }
  const place = ['defaults', 'anchors'];
  return share(around.shared, 'defaults.anchors files', () => compileAnchors(inherited, place, around.notes));
}

export function compileAnchors(choice: readonly string[], path: YamlPath, notes: Notes): AnchorFiles;
export function compileAnchors(
  choice: 'public' | 'system' | readonly string[],
  path: YamlPath,
  notes: Notes,
): AnchorsChoice;
/** Choices of files become absolute. */
export function compileAnchors(
  choice: 'public' | 'system' | readonly string[],
  path: YamlPath,
  notes: Notes,
): AnchorsChoice {
  if (typeof choice === 'string') {
    return choice;
  }
  const files = Object.freeze(choice.map((file) => resolveFrom(notes.file, file)));
  return Object.freeze({ files, places: Object.freeze(choice.map((_, index) => notes.place([...path, index]))) });
}

/** Host patterns in canonical form; wrong ones are noted and left out. */
export function patterns(texts: readonly string[], path: YamlPath, notes: Notes): readonly HostPattern[] {
  const compiled: HostPattern[] = [];
  for (const [index, text] of texts.entries()) {
    const parsed = parsePattern(text);
    if (parsed.ok) {
      compiled.push(Object.freeze({ ...parsed.value, text, place: notes.place([...path, index]) }));
    } else {
      notes.error([...path, index], parsed.why, parsed.hint);
    }
  }
  return Object.freeze(compiled);
}

/** `address/prefix` texts that are ranges; others are noted and left out. */
export function cidrs(texts: readonly string[], path: YamlPath, notes: Notes): readonly string[] {
  const good = texts.filter((text, index) => {
    const isRange = parseCidr(text) !== null;
    if (!isRange) {
      const hint = 'write a range such as 10.4.0.0/16, with zeros behind the prefix, or one address';
      notes.error([...path, index], `${backtick(text)} is not an address range`, hint);
    }
    return isRange;
  });
  return Object.freeze(good);
}

/** Dotted OIDs, each once; others are noted and left out. */
function oids(texts: readonly string[], path: YamlPath, notes: Notes): readonly string[] {
  if (texts.length === 0) {
    return NOTHING;
  }
  const good = texts.filter((text, index) => {
    const isGood = isOid(text);
    if (!isGood) {
      const hint = 'write it in dotted decimal and in quotes, such as `"2.23.140.1.2.2"`';
      notes.error([...path, index], `${backtick(text)} is not an object identifier`, hint);
    }
    return isGood;
  });
  return Object.freeze([...new Set(good)]);
}

function compileClients(names: readonly string[] | undefined): readonly string[] {
  return names === undefined || names.length === 0 ? NOTHING : Object.freeze([...names]);
}

/** False: keys may be missing that the file names. */
export function arePinsWhole({ pins }: PlainRuleShape, { lost, groups }: Surroundings): boolean {
  const references = [...(pins?.anyOf ?? []), ...(pins?.noneOf ?? [])];
  return !lost.has('pins') && references.every((reference) => isWholeReference(reference, groups));
}

function compilePins(shape: PlainRuleShape, path: YamlPath, around: Surroundings): Rule['pins'] {
  if (shape.pins === undefined) {
    return NO_PINS;
  }
  const read = (references: readonly PinReferenceShape[], key: 'anyOf' | 'noneOf'): readonly Pin[] =>
    sharedPins(
      references.flatMap((reference, index) =>
        around.lost.has('pins') && (reference.leaf ?? reference.ca ?? reference.any) === undefined
          ? NOTHING
          : compileReference(reference, [...path, 'pins', key, index], around.groups, around.usedGroups, around.notes),
      ),
      references,
      around,
    );
  return Object.freeze({
    anyOf: read(shape.pins.anyOf ?? [], 'anyOf'),
    noneOf: read(shape.pins.noneOf ?? [], 'noneOf'),
  });
}

/** A list that only comes from groups is the same for every rule that names the same groups. */
function sharedPins(
  pins: readonly Pin[],
  references: readonly PinReferenceShape[],
  around: Surroundings,
): readonly Pin[] {
  return pins.length === 0 || pins.some(({ group }) => group === null)
    ? Object.freeze(pins)
    : share(around.shared, JSON.stringify(references), () => Object.freeze(pins));
}

function compileChecks(
  shape: PlainRuleShape,
  path: YamlPath,
  around: Surroundings,
  origins: Record<string, Place>,
): Rule['checks'] {
  if (shape.checks === undefined && around.defaults.checks === undefined) {
    return DEFAULT_CHECKS;
  }
  const checks: Record<OptionalCheck, Requirement> = { ...DEFAULT_CHECKS };
  for (const check of OPTIONAL_CHECKS) {
    const own = shape.checks?.[check];
    const inherited = around.defaults.checks?.[check];
    if (own !== undefined || inherited !== undefined) {
      checks[check] = own ?? inherited ?? checks[check];
      origins[`checks.${check}`] =
        own === undefined
          ? defaultsPlace(`checks.${check}`, around)
          : around.notes.place([...path, 'checks', check], 'key');
    }
  }
  return share(around.shared, Object.values(checks).join(' '), () => Object.freeze(checks));
}

/** Where a default was written; one value for all rules that take it. */
function defaultsPlace(key: string, around: Surroundings): Place {
  const path = ['defaults', ...key.split('.')];
  return share(around.shared, path.join('.'), () => around.notes.place(path, 'key'));
}

/** The value that was made first under a key. */
function share<T extends object>(shared: Map<string, object>, key: string, make: () => T): T {
  const known = shared.get(key) as T | undefined;
  const value = known ?? make();
  if (known === undefined) {
    shared.set(key, value);
  }
  return value;
}

function compileUnsafeFloor(shape: PlainRuleShape['unsafeFloor'], path: YamlPath, notes: Notes): UnsafeFloor | null {
  if (shape === undefined) {
    return null;
  }
  const untilMs = readUntil(shape.until, [...path, 'until'], notes);
  return Object.freeze({ action: shape.action, reason: shape.reason, untilMs });
}

function checkConsistency(rule: Rule, path: YamlPath, { notes, lost }: Surroundings): void {
  if (rule.mode !== 'bypass') {
    return;
  }
  if (rule.reason === null && !lost.has('reason')) {
    notes.error(path, '`mode: bypass` without a reason', 'add `reason:` and say why this host is not judged');
  }
  if (rule.pins.anyOf.length + rule.pins.noneOf.length > 0) {
    notes.error(
      [...path, 'pins'],
      'a bypassed host is not judged, so its pins mean nothing',
      'remove `pins:` or the bypass',
      'key',
    );
  }
  if (rule.certificatePolicies.length > 0) {
    const hint = 'remove `certificatePolicies:` or the bypass';
    notes.error([...path, 'certificatePolicies'], 'a bypassed host is not judged by its policies', hint, 'key');
  }
  if (rule.unsafeFloor !== null) {
    notes.error([...path, 'unsafeFloor'], 'a bypassed host has no floor to lower', 'remove `unsafeFloor:`', 'key');
  }
  if (rule.unsafeTls !== null) {
    const hint = 'remove `unsafeTls:`';
    notes.error([...path, 'unsafeTls'], 'a bypassed host speaks TLS with its client, not with us', hint, 'key');
  }
}

function checkBackup(rule: Rule, path: YamlPath, notes: Notes): void {
  const keys = new Set(rule.pins.anyOf.map((pin) => pin.spkiSha256));
  if (rule.onFailure === 'block' && keys.size > 0 && keys.size < MIN_ENFORCED_KEYS) {
    notes.error(
      [...path, 'pins'],
      'a rule that blocks has a single key: the next rotation would break the host',
      'add a backup key (`backup: true`) or a CA group, or say `onFailure: alert`',
      'key',
    );
  }
}

function checkBounds(rule: Rule, path: YamlPath, around: Surroundings): void {
  const { notes, mayMatch, mayNot, owner } = around;
  const who = `owner ${backtick(owner ?? '')}`;
  for (const pattern of mayMatch === null ? [] : rule.match) {
    if (!mayMatch?.some((outer) => liesWithin(pattern, outer))) {
      const bounds = listWords((mayMatch ?? []).map((outer) => outer.text));
      notes.error(
        [...path, 'match', rule.match.indexOf(pattern)],
        `${backtick(pattern.text)} is outside what ${who} may match`,
        `stay within ${bounds}, or widen \`mayMatch\` in pinwarden.yaml`,
      );
    }
  }
  if (mayNot.includes('bypass') && rule.mode === 'bypass') {
    notes.error(path, `${who} may not say \`mode: bypass\``, 'ask whoever owns pinwarden.yaml');
  }
  for (const key of UNSAFE_KEYS) {
    if (mayNot.includes('unsafe') && rule[key] !== null) {
      notes.error([...path, key], `${who} may not use unsafe keys`, 'ask whoever owns pinwarden.yaml', 'key');
    }
  }
}
