/**
 * One rule on its own, as `verify --rule` and `verify --batch` take it: a plain value to a compiled Rule.
 *
 * Does: the same schema and compiler as for policy files; without `match`, without a demand for backup pins.
 * Does not: resolve files; anchors of a rule are handed in beside it.
 */
import { issuesToMistakes } from '../policy/issues.ts';
import type { Loaded } from '../policy/mistakes.ts';
import { Notes } from '../policy/notes.ts';
import type { PinGroups } from '../policy/pin-groups.ts';
import type { Rule } from '../policy/policy.ts';
import { compileRule } from '../policy/rules.ts';
import { checkShape, jsonSchema, plainRuleSchema } from '../policy/schema.ts';
import type { YamlFile } from '../policy/yaml.ts';

/** A rule that blocks on every failure and asks for nothing above the floor: what `verify` uses without `--rule`. */
export const FLOOR_ONLY: Readonly<Record<string, unknown>> = Object.freeze({
  checks: Object.freeze({
    publicRoot: 'off',
    ct: 'off',
    staple: 'off',
    crl: 'off',
    lifetime: 'off',
    continuity: 'off',
  }),
});

/** Compiles a value that did not come from a YAML file; every mistake is at `file`. */
export function ruleOfValue(value: unknown, file: string, groups: PinGroups): Loaded<Rule> {
  return ruleOfYaml({ file, value, place: () => ({ file, line: 1, column: 1 }) }, groups);
}

export function ruleOfYaml(yaml: YamlFile, groups: PinGroups): Loaded<Rule> {
  const shape = checkShape(plainRuleSchema, yaml.value);
  if (!shape.ok) {
    return { ok: false, mistakes: issuesToMistakes(shape.issues, yaml, jsonSchema(plainRuleSchema)) };
  }
  const notes = new Notes(yaml);
  const rule = compileRule({ ...shape.value, name: shape.value.name ?? 'rule' }, [], {
    notes,
    groups,
    usedGroups: new Set(),
    shared: new Map(),
    defaults: {},
    anchors: 'public',
    owner: null,
    mayMatch: null,
    mayNot: [],
    lost: new Set(),
    purpose: 'judge',
  });
  return notes.failed ? { ok: false, mistakes: notes.mistakes } : { ok: true, value: rule, warnings: notes.mistakes };
}
