/**
 * One policy file on its own: text to rules, without a look at other files. A broken file is known to be broken here,
 * so its owner's last good text can stand in for it.
 */
import { readUntil } from './dates.ts';
import { issuesToMistakes, withoutFaults } from './issues.ts';
import { backtick, byPlace, type Loaded, type Mistake, withoutEchoes } from './mistakes.ts';
import { Notes } from './notes.ts';
import { compileGroups, type PinGroups } from './pin-groups.ts';
import type { AnchorsChoice, Rule, Weakens } from './policy.ts';
import { policyJsonSchema } from './reference.ts';
import { compileRule, type Surroundings } from './rules.ts';
import { checkShape, type PolicyHeadShape, plainRuleSchema, policyHeadSchema, ruleSchema } from './schema.ts';
import { atOnce, type Slices } from './slices.ts';
import type { PolicySource } from './sources.ts';
import { readYamlInSlices, type YamlFile } from './yaml.ts';

export interface PolicyFile {
  readonly source: PolicySource;
  readonly rules: readonly Rule[];
  readonly weakens: readonly Weakens[];
}

/** The name that `unmatched:` of pinwarden.yaml answers to. */
export const UNMATCHED = 'unmatched';

/** `anchors`: what a rule has that names none. Never throws. A mistake in one rule does not hide those in others. */
export function readPolicyFile(
  source: PolicySource,
  shippedGroups: PinGroups,
  anchors: AnchorsChoice,
): Loaded<PolicyFile> {
  return atOnce(readPolicyFileInSlices(source, shippedGroups, anchors));
}

export function* readPolicyFileInSlices(
  source: PolicySource,
  shippedGroups: PinGroups,
  anchors: AnchorsChoice,
): Slices<Loaded<PolicyFile>> {
  const read = yield* readYamlInSlices(source.text, source.file);
  const yaml = read.ok ? read.value : read.partial;
  if (yaml === null) {
    return { ok: false, mistakes: read.ok ? [] : read.mistakes };
  }
  const mistakes: Mistake[] = [];
  const notes = new Notes(yaml);
  const head = readHead(yaml, mistakes);
  const around: Surroundings = {
    notes,
    groups: collectGroups(head, shippedGroups, yaml, notes),
    usedGroups: new Set(),
    shared: new Map(),
    defaults: head?.defaults ?? {},
    anchors,
    owner: source.owner,
    mayMatch: source.mayMatch,
    mayNot: source.mayNot,
    purpose: 'policy',
  };
  const rules: Rule[] = [];
  for (const [index, rule] of (head?.rules ?? []).entries()) {
    rules.push(readRule(rule, index, around, yaml, mistakes));
    yield;
  }
  const isWhole = read.ok && mistakes.length === 0;
  if (isWhole) {
    warnOfUnusedGroups(head?.pinGroups ?? {}, around);
  }
  const weakens = readWeakens(head?.weakens ?? [], source, notes);
  return isWhole && !notes.failed
    ? { ok: true, value: { source, rules, weakens }, warnings: notes.mistakes }
    : {
        ok: false,
        mistakes: withoutEchoes(read.ok ? [] : read.mistakes, [...mistakes, ...notes.mistakes]).toSorted(byPlace),
      };
}

/** All but the rules; null when nothing sensible is left without the keys that are wrong. */
function readHead(yaml: YamlFile, mistakes: Mistake[]): PolicyHeadShape | null {
  const shape = checkShape(policyHeadSchema, yaml.value);
  if (shape.ok) {
    return shape.value;
  }
  mistakes.push(...issuesToMistakes(shape.issues, yaml, policyJsonSchema()));
  const rest = { ...withoutFaults(yaml.value, shape.issues), version: 1 };
  const again = checkShape(policyHeadSchema, rest);
  return again.ok ? again.value : null;
}

/** Shipped groups and those of the file; null when those of the file cannot be read. */
function collectGroups(
  head: PolicyHeadShape | null,
  shipped: PinGroups,
  yaml: YamlFile,
  notes: Notes,
): PinGroups | null {
  if (head?.pinGroups === undefined && hasKey(yaml.value, 'pinGroups')) {
    return null;
  }
  const groups = new Map(shipped);
  for (const [name, group] of compileGroups(head?.pinGroups ?? {}, ['pinGroups'], notes)) {
    groups.set(name, group);
  }
  return groups;
}

function hasKey(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

function readRule(value: unknown, index: number, around: Surroundings, yaml: YamlFile, mistakes: Mistake[]): Rule {
  const path = ['rules', index];
  const shape = checkShape(ruleSchema, value);
  if (shape.ok) {
    if (shape.value.name === UNMATCHED) {
      around.notes.error([...path, 'name'], `the name ${backtick(UNMATCHED)} is taken`, 'choose another name');
    }
    return compileRule(shape.value, path, around);
  }
  const prefixed = shape.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
  mistakes.push(...issuesToMistakes(prefixed, yaml, policyJsonSchema()));
  // What is left of the rule is only compiled for its mistakes.
  const rest = checkShape(plainRuleSchema, withoutFaults(value, shape.issues));
  const fields = rest.ok ? rest.value : {};
  return compileRule({ ...fields, name: fields.name ?? '' }, path, { ...around, purpose: 'judge' });
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
