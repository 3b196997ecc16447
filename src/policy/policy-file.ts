/**
 * One policy file on its own: text to rules, without a look at other files. A broken file is known to be broken here,
 * so its owner's last good text can stand in for it.
 */
import { issuesToMistakes } from './issues.ts';
import { backtick, type Loaded } from './mistakes.ts';
import { Notes } from './notes.ts';
import { compileGroups, type PinGroups } from './pin-groups.ts';
import type { AnchorsChoice, Rule, Weakens } from './policy.ts';
import { policyJsonSchema } from './reference.ts';
import { compileRule, readUntil, type Surroundings } from './rules.ts';
import { checkShape, policySchema } from './schema.ts';
import type { PolicySource } from './sources.ts';
import { readYaml } from './yaml.ts';

export interface PolicyFile {
  readonly source: PolicySource;
  readonly rules: readonly Rule[];
  readonly weakens: readonly Weakens[];
}

/** The name that `unmatched:` of pinwarden.yaml answers to. */
export const UNMATCHED = 'unmatched';

/** Never throws. */
export function readPolicyFile(
  source: PolicySource,
  shippedGroups: PinGroups,
  anchors: AnchorsChoice,
): Loaded<PolicyFile> {
  const yaml = readYaml(source.text, source.file);
  if (!yaml.ok) {
    return yaml;
  }
  const shape = checkShape(policySchema, yaml.value.value);
  if (!shape.ok) {
    return { ok: false, mistakes: issuesToMistakes(shape.issues, yaml.value, policyJsonSchema()) };
  }
  const notes = new Notes(yaml.value);
  const groups = new Map(shippedGroups);
  const own = compileGroups(shape.value.pinGroups ?? {}, ['pinGroups'], notes);
  for (const [name, group] of own) {
    groups.set(name, group);
  }
  const around: Surroundings = {
    notes,
    groups,
    usedGroups: new Set(),
    defaults: shape.value.defaults ?? {},
    anchors,
    owner: source.owner,
    mayMatch: source.mayMatch,
    mayNot: source.mayNot,
    purpose: 'policy',
  };
  const rules = shape.value.rules.map((rule, index) => {
    if (rule.name === UNMATCHED) {
      notes.error(['rules', index, 'name'], `the name ${backtick(UNMATCHED)} is taken`, 'choose another name');
    }
    return compileRule(rule, ['rules', index], around);
  });
  for (const name of own.keys()) {
    if (!around.usedGroups.has(name)) {
      notes.warn(['pinGroups', name], `no rule uses the pin group ${backtick(name)}`, 'remove it, or use it', 'key');
    }
  }
  const weakens = (shape.value.weakens ?? []).map((entry, index): Weakens => {
    const path = ['weakens', index];
    return Object.freeze({
      rule: entry.rule,
      reason: entry.reason,
      untilMs: readUntil(entry.until, [...path, 'until'], notes),
      owner: source.owner,
      place: notes.place(path),
    });
  });
  return notes.failed
    ? { ok: false, mistakes: notes.mistakes }
    : { ok: true, value: { source, rules, weakens }, warnings: notes.mistakes };
}
