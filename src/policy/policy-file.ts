/**
 * One policy file on its own: text to rules, without a look at other files. A broken file is known to be broken here,
 * so its owner's last good text can stand in for it.
 */
import { readUntil } from './dates.ts';
import { type Issue, issuesToMistakes, keysAt, valueAt } from './issues.ts';
import { backtick, byPlace, type Loaded, type Mistake, withoutEchoes } from './mistakes.ts';
import { Notes } from './notes.ts';
import { compileGroups, type PinGroups } from './pin-groups.ts';
import type { AnchorsChoice, Place, Rule, Weakens } from './policy.ts';
import { policyJsonSchema } from './reference.ts';
import { arePinsWhole, compileRule, type Surroundings } from './rules.ts';
import { lostFields, salvage, withVersion } from './salvage.ts';
import {
  checkShape,
  headWithoutRulesSchema,
  type PolicyHeadShape,
  plainRuleSchema,
  policyHeadSchema,
  ruleSchema,
} from './schema.ts';
import { atOnce, type Slices } from './slices.ts';
import type { PolicySource } from './sources.ts';
import { MAX_MISTAKES, readYamlInSlices, type YamlFile } from './yaml.ts';

export interface PolicyFile {
  readonly source: PolicySource;
  readonly rules: readonly Rule[];
  readonly weakens: readonly Weakens[];
}

/** The name that `unmatched:` of pinwarden.yaml answers to. */
export const UNMATCHED = 'unmatched';

/** What is left of a broken file, only to look for more mistakes in it. */
export interface PolicyRemains extends PolicyFile {
  /** Rules that are not as they were meant, by their place → the fields that are lost. */
  readonly faulty: ReadonlyMap<Place, ReadonlySet<string>>;
}

/** `remains`: null when the text is no YAML. */
export type ReadPolicyFile =
  | Extract<Loaded<PolicyFile>, { readonly ok: true }>
  | (Extract<Loaded<PolicyFile>, { readonly ok: false }> & { readonly remains: PolicyRemains | null });

/** `anchors`: what a rule has that names none. Never throws. A mistake in one rule does not hide those in others. */
export function readPolicyFile(source: PolicySource, shippedGroups: PinGroups, anchors: AnchorsChoice): ReadPolicyFile {
  return atOnce(readPolicyFileInSlices(source, shippedGroups, anchors));
}

export function* readPolicyFileInSlices(
  source: PolicySource,
  shippedGroups: PinGroups,
  anchors: AnchorsChoice,
): Slices<ReadPolicyFile> {
  const read = yield* readYamlInSlices(source.text, source.file);
  const yaml = read.ok ? read.value : read.partial;
  if (yaml === null) {
    return { ok: false, mistakes: read.ok ? [] : read.mistakes, remains: null };
  }
  const mistakes: Mistake[] = [];
  const notes = new Notes(yaml);
  const head = readHead(yaml, mistakes, notes);
  const around: Surroundings = {
    notes,
    groups: collectGroups(head, shippedGroups, yaml, notes),
    usedGroups: new Set(),
    shared: new Map(),
    defaults: head.shape?.defaults ?? {},
    anchors,
    owner: source.owner,
    mayMatch: source.mayMatch,
    mayNot: source.mayNot,
    lost: lostDefaults(head),
    purpose: 'policy',
  };
  const rules: Rule[] = [];
  const faulty = new Map<Place, ReadonlySet<string>>();
  for (const [index, value] of (head.shape?.rules ?? []).entries()) {
    const { rule, lost } = readRule(value, index, around, yaml, mistakes);
    rules.push(rule);
    if (lost !== null || !read.ok) faulty.set(rule.place, lost ?? new Set());
    // Nobody reads more, and a hostile file could hold half a million: the other rules are left unread.
    if (mistakes.length >= MAX_MISTAKES) break;
    yield;
  }
  const isWhole = read.ok && mistakes.length === 0;
  if (isWhole) {
    warnOfUnusedGroups(head.shape?.pinGroups ?? {}, around);
  }
  const weakens = readWeakens(head.shape?.weakens ?? [], source, notes);
  const file: PolicyFile = { source, rules, weakens };
  return isWhole && !notes.failed
    ? { ok: true, value: file, warnings: notes.mistakes }
    : {
        ok: false,
        mistakes: withoutEchoes(read.ok ? [] : read.mistakes, [...mistakes, ...notes.mistakes]).toSorted(byPlace),
        remains: { ...file, faulty },
      };
}

interface Head {
  /** Null: nothing sensible is left. */
  readonly shape: (Omit<PolicyHeadShape, 'rules'> & { readonly rules?: readonly unknown[] | undefined }) | null;
  readonly issues: readonly Issue[];
}

/** All but the rules; of a wrong one what is left of it. */
function readHead(yaml: YamlFile, mistakes: Mistake[], notes: Notes): Head {
  const shape = checkShape(policyHeadSchema, yaml.value);
  if (shape.ok) {
    return { shape: shape.value, issues: [] };
  }
  const { issues } = shape;
  mistakes.push(...issuesToMistakes(issues, yaml, policyJsonSchema()));
  const left = salvage((value) => checkShape(headWithoutRulesSchema, value), withVersion(yaml.value));
  if (left !== null) notes.shift([], left.shifts);
  return { shape: left?.value ?? null, issues };
}

function lostDefaults({ shape, issues }: Head): ReadonlySet<string> {
  if (issues.length === 0) return new Set();
  const schema = policyJsonSchema();
  const fields = keysAt(schema, ['defaults']);
  const areGone = shape?.defaults === undefined && lostFields(issues, [], keysAt(schema, [])).has('defaults');
  return areGone ? new Set(fields) : lostFields(issues, ['defaults'], fields);
}

/** Shipped groups and those of the file; null when those of the file cannot be read. */
function collectGroups({ shape, issues }: Head, shipped: PinGroups, yaml: YamlFile, notes: Notes): PinGroups | null {
  const written = valueAt(yaml.value, ['pinGroups']);
  const isLost = issues.length > 0 && lostFields(issues, [], keysAt(policyJsonSchema(), [])).has('pinGroups');
  if (isLost && (typeof written !== 'object' || written === null || Array.isArray(written))) {
    return null;
  }
  const groups = new Map(shipped);
  const broken = lostFields(issues, ['pinGroups'], []);
  for (const [name, group] of compileGroups(shape?.pinGroups ?? {}, ['pinGroups'], notes, broken)) {
    groups.set(name, group);
  }
  // A group of which nothing is left is there nevertheless.
  for (const name of Object.keys(written ?? {}).filter((one) => !groups.has(one))) {
    const place = notes.place(['pinGroups', name], 'key');
    groups.set(name, Object.freeze({ name, pins: Object.freeze([]), isWhole: false, place }));
  }
  return groups;
}

/** `lost`: null when the rule is as it was meant. */
interface ReadRule {
  readonly rule: Rule;
  readonly lost: ReadonlySet<string> | null;
}

function readRule(value: unknown, index: number, around: Surroundings, yaml: YamlFile, mistakes: Mistake[]): ReadRule {
  const path = ['rules', index];
  const { notes } = around;
  const errorsBefore = notes.errors;
  const shape = checkShape(ruleSchema, value);
  if (shape.ok) {
    if (shape.value.name === UNMATCHED) {
      notes.error([...path, 'name'], `the name ${backtick(UNMATCHED)} is taken`, 'choose another name');
    }
    const own: Surroundings = { ...around, lost: inherited(around.lost, shape.value) };
    const rule = compileRule(shape.value, path, own);
    const isWhole = notes.errors === errorsBefore && own.lost.size === 0 && arePinsWhole(shape.value, own);
    return { rule, lost: isWhole ? null : own.lost };
  }
  const prefixed = shape.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
  mistakes.push(...issuesToMistakes(prefixed, yaml, policyJsonSchema()));
  // What is left of the rule is only compiled for its mistakes.
  const left = salvage((rest) => checkShape(plainRuleSchema, rest), value);
  if (left !== null) notes.shift(path, left.shifts);
  const fields = left?.value ?? {};
  const missing = lostFields(shape.issues, [], keysAt(policyJsonSchema(), path));
  const lost = new Set([...missing, ...inherited(around.lost, fields)]);
  return { rule: compileRule({ ...fields, name: fields.name ?? '' }, path, { ...around, lost }), lost };
}

/** What a rule would have had from `defaults`. */
function inherited(lost: ReadonlySet<string>, fields: object): ReadonlySet<string> {
  return lost.size === 0 ? lost : new Set([...lost].filter((key) => !Object.hasOwn(fields, key)));
}

function warnOfUnusedGroups(groups: Readonly<Record<string, unknown>>, around: Surroundings): void {
  for (const name of Object.keys(groups)) {
    if (!around.usedGroups.has(name)) {
      const message = `no rule uses the pin group ${backtick(name)}`;
      around.notes.warn(['pinGroups', name], message, 'remove it, or use it', 'key');
    }
  }
}

function readWeakens(
  entries: NonNullable<PolicyHeadShape['weakens']>,
  source: PolicySource,
  notes: Notes,
): readonly Weakens[] {
  return entries.map((entry, index) => {
    const path = ['weakens', index];
    return Object.freeze({
      rule: entry.rule,
      reason: entry.reason,
      untilMs: readUntil(entry.until, [...path, 'until'], notes),
      owner: source.owner,
      place: notes.place(path),
    });
  });
}
