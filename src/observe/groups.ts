/**
 * The `policy` label: a rule's metrics group, at most 200 of them, the rest under `_other`. A host is never a label,
 * because a client chooses it.
 */
import type { Rule } from '../policy/policy.ts';

/** 200 groups with some 15 series each stay near the 2,000 series that a scrape can carry without a noticeable stall. */
export const MAX_GROUPS = 200;
export const OTHER_GROUP = '_other';
/** What was refused before a rule was found. */
export const NO_GROUP = '_none';

export interface Groups {
  /** Every label that can occur. */
  readonly labels: ReadonlySet<string>;
  label(rule: Rule | null): string;
}

/** The first `MAX_GROUPS` groups in the order of `rules` keep their names. */
export function createGroups(rules: Iterable<Pick<Rule, 'metricsGroup'>>): Groups {
  const named = new Set<string>();
  let overflow = false;
  for (const { metricsGroup } of rules) {
    if (named.has(metricsGroup)) continue;
    if (named.size < MAX_GROUPS) named.add(metricsGroup);
    else overflow = true;
  }
  const labels = new Set([...named, NO_GROUP, ...(overflow ? [OTHER_GROUP] : [])]);
  return {
    labels,
    label(rule) {
      if (rule === null) return NO_GROUP;
      return named.has(rule.metricsGroup) ? rule.metricsGroup : OTHER_GROUP;
    },
  };
}
