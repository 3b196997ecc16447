/**
 * Which rule decides for an authority and a client.
 *
 * Order: exact host > `*` > longest `**` > unmatched; on the same host a rule for one of the client's groups beats a rule
 * for all, and between groups the first one in `clients:`; only then a pattern with the port beats one without.
 * `except:` takes hosts out of a rule.
 *
 * The caller must: hand in the canonical authority (wire/authority.ts) and the names of all groups the client is in.
 */
import type { Authority } from '../model/authority.ts';
import type { Entry, HostPattern, Policy, Rule, Slot } from './policy.ts';

export type Decision =
  | {
      readonly kind: 'rule';
      readonly rule: Rule;
      /** The pattern that led here; null for the rule `unmatched`. */
      readonly pattern: HostPattern | null;
      /** One clause for people. */
      readonly why: string;
    }
  | { readonly kind: 'deny' };

/** O(labels of the host). Never throws. */
export function lookup(policy: Policy, authority: Authority, clientNames: readonly string[]): Decision {
  const entry = policy.table.find(authority, (...slots) => entryFor(policy, slots, authority, clientNames));
  if (entry !== undefined) {
    return { kind: 'rule', rule: entry.rule, pattern: entry.pattern, why: whyMatched(entry) };
  }
  return policy.unmatched.action === 'deny'
    ? { kind: 'deny' }
    : { kind: 'rule', rule: policy.unmatched.rule, pattern: null, why: 'no rule matches, so `unmatched` decides' };
}

/** Whether the port may be asked for: `egress.ports` has it, or the very pattern that decides names it. */
export function isPortOpen(decision: Decision, { port }: Authority, egressPorts: readonly number[]): boolean {
  return egressPorts.includes(port) || (decision.kind === 'rule' && decision.pattern?.port === port);
}

/** `slots`: what the host has for the port, then for every port; the earlier one wins between equals. */
function entryFor(
  policy: Policy,
  slots: readonly (Slot | undefined)[],
  authority: Authority,
  clientNames: readonly string[],
): Entry | undefined {
  let best: Entry | undefined;
  let bestPosition = Number.POSITIVE_INFINITY;
  for (const slot of slots) {
    for (const name of (slot?.byClient ?? null) === null ? [] : clientNames) {
      const entry = slot?.byClient?.get(name);
      const position = policy.clientOrder.get(name) ?? Number.MAX_SAFE_INTEGER;
      if (entry !== undefined && position < bestPosition && !excepts(policy, entry.rule, authority)) {
        best = entry;
        bestPosition = position;
      }
    }
  }
  if (best !== undefined) {
    return best;
  }
  for (const slot of slots) {
    const entry = slot?.forAll ?? null;
    if (entry !== null && !excepts(policy, entry.rule, authority)) {
      return entry;
    }
  }
  return undefined;
}

function excepts(policy: Policy, rule: Rule, authority: Authority): boolean {
  return rule.except.length > 0 && policy.excepts.get(rule)?.covers(authority) === true;
}

const KIND_WORDS = { exact: 'exact host', one: 'one label under', deep: 'any depth under' } as const;

function whyMatched(entry: Entry): string {
  const { pattern, rule } = entry;
  const port = pattern.port === null ? '' : `, port ${pattern.port}`;
  const clients = rule.clients.length === 0 ? '' : `, for clients ${rule.clients.join(', ')}`;
  return `${pattern.text}: ${KIND_WORDS[pattern.kind]} ${pattern.host}${port}${clients}`;
}
