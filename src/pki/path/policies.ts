/**
 * Certificate policies over one path (RFC 5280 §6.1, with the initial policy set {anyPolicy}).
 *
 * Does: answers whether the policies of a path allow it: explicit policy, mappings, inhibitAnyPolicy.
 * Does not: report which policies hold; nobody asks. With anyPolicy as the initial set only one thing matters, whether
 * the valid policy tree is empty. A tree is empty exactly when its deepest level is, so one level is kept, as the set of
 * policies that the next certificate may assert. That is linear in the size of the certificates; the tree of §6.1.2 is
 * exponential in their number (the reason for RFC 9618).
 * The caller must: give the whole path with the anchor last. An anchor that carries policy extensions binds the path as
 * RFC 5937 allows; one that carries none does not.
 */
import type { Certificate } from '../x509/certificate.ts';

const ANY_POLICY = '2.5.29.32.0';

interface State {
  /** Expected policies of the deepest level; null: the valid policy tree is empty. */
  expected: ReadonlySet<string> | null;
  explicit: number;
  mapping: number;
  inhibitAny: number;
}

export type PolicyFault = 'no-valid-policy' | 'mapping-of-any-policy';

/** RFC 5280 §6.1 (d), (e), (f), §6.1.4 (a), (b), (h) to (j) and §6.1.5 (a), (b), (g). Null: the policies allow the path. */
export function judgePolicies(path: readonly Certificate[]): PolicyFault | null {
  const state: State = {
    expected: new Set([ANY_POLICY]),
    explicit: path.length + 1,
    mapping: path.length + 1,
    inhibitAny: path.length + 1,
  };
  for (let index = path.length - 1; index >= 0; index--) {
    const certificate = path[index]!;
    const isAnchor = index === path.length - 1 && index > 0;
    const isLeaf = index === 0;
    const valid = validPolicies(certificate, state, { isAnchor, isLeaf });
    state.expected = valid;
    if (state.explicit === 0 && valid === null) return 'no-valid-policy';
    if (isLeaf) break;
    const fault = applyMappings(certificate, state);
    if (fault !== null) return fault;
    countDown(certificate, state);
  }
  return wrapUp(path[0], state);
}

/** The valid policies of this certificate's level (§6.1.3 (d), (e)); null when the tree becomes empty. */
function validPolicies(
  certificate: Certificate,
  state: State,
  place: { readonly isAnchor: boolean; readonly isLeaf: boolean },
): ReadonlySet<string> | null {
  const asserted = certificate.extensions.certificatePolicies;
  if (asserted === undefined) return place.isAnchor ? state.expected : null;
  if (state.expected === null) return null;
  const before = state.expected;
  const valid = new Set<string>();
  let assertsAny = false;
  for (const { oid } of asserted) {
    if (oid === ANY_POLICY) assertsAny = true;
    else if (before.has(oid) || before.has(ANY_POLICY)) valid.add(oid);
  }
  if (assertsAny && (state.inhibitAny > 0 || (!place.isLeaf && certificate.selfIssued))) {
    for (const oid of before) valid.add(oid);
  }
  return valid.size === 0 ? null : valid;
}

/** §6.1.4 (a) and (b): what the next certificate may assert. */
function applyMappings(certificate: Certificate, state: State): PolicyFault | null {
  const mappings = certificate.extensions.policyMappings;
  if (mappings === undefined) return null;
  const targets = new Map<string, string[]>();
  for (const { issuer, subject } of mappings) {
    if (issuer === ANY_POLICY || subject === ANY_POLICY) return 'mapping-of-any-policy';
    const list = targets.get(issuer);
    if (list === undefined) targets.set(issuer, [subject]);
    else list.push(subject);
  }
  if (state.expected === null) return null;
  const valid = state.expected;
  const next = new Set<string>();
  for (const oid of valid) if (!targets.has(oid)) next.add(oid);
  if (state.mapping > 0) {
    for (const [issuer, subjects] of targets) {
      if (!valid.has(issuer) && !valid.has(ANY_POLICY)) continue;
      for (const subject of subjects) next.add(subject);
    }
  }
  state.expected = next.size === 0 ? null : next;
  return null;
}

/** §6.1.4 (h), (i), (j). */
function countDown(certificate: Certificate, state: State): void {
  if (!certificate.selfIssued) {
    state.explicit = Math.max(0, state.explicit - 1);
    state.mapping = Math.max(0, state.mapping - 1);
    state.inhibitAny = Math.max(0, state.inhibitAny - 1);
  }
  const { policyConstraints, inhibitAnyPolicy } = certificate.extensions;
  state.explicit = Math.min(state.explicit, policyConstraints?.requireExplicit ?? state.explicit);
  state.mapping = Math.min(state.mapping, policyConstraints?.inhibitMapping ?? state.mapping);
  state.inhibitAny = Math.min(state.inhibitAny, inhibitAnyPolicy ?? state.inhibitAny);
}

/** §6.1.5 (a), (b), (g). The decrement counts for the leaf even when it is self-issued. */
function wrapUp(leaf: Certificate | undefined, state: State): PolicyFault | null {
  const demanded = leaf?.extensions.policyConstraints?.requireExplicit === 0;
  const explicit = demanded ? 0 : Math.max(0, state.explicit - 1);
  return explicit === 0 && state.expected === null ? 'no-valid-policy' : null;
}
