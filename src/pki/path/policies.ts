/**
 * Certificate policies over one path (RFC 5280 §6.1).
 *
 * Does: answers whether the policies of a path allow it at all (initial set {anyPolicy}: explicit policy, mappings,
 * inhibitAnyPolicy), and whether it is valid for one of the policies that a rule asks for (initial-explicit-policy).
 * Does not: list the policies that hold. Two answers are enough, and a tree can be thrown away for them: it is empty
 * exactly when its deepest level is, so one level is kept, as the policies that the next certificate may assert, each
 * with whether it goes back to a policy that was asked for. That is linear in the size of the certificates; the tree of
 * §6.1.2 is exponential in their number (the reason for RFC 9618).
 * The caller must: give the whole path with the anchor last. An anchor that carries policy extensions binds the path as
 * RFC 5937 allows; one that carries none does not.
 */
import { OID } from '../der/oid.ts';
import type { Certificate } from '../x509/certificate.ts';

const ANY_POLICY = OID.anyPolicy;

/**
 * What the next certificate may assert → whether a policy of the anchor's domain that was asked for is behind it. Policies
 * are asked for in the anchor's domain (§6.1.5 (g) (iii)): below a mapping another one stands for them.
 */
type Level = ReadonlyMap<string, boolean>;

interface State {
  /** The deepest level; null: the valid policy tree is empty. */
  expected: Level | null;
  explicit: number;
  mapping: number;
  inhibitAny: number;
  readonly isAsked: (policy: string) => boolean;
}

export type PolicyFault = 'no-valid-policy' | 'mapping-of-any-policy';

const NOTHING_ASKED: ReadonlySet<string> = new Set();

/** Null: the policies allow the path. With user-initial-policy-set {anyPolicy}, and nothing explicit at the start. */
export function judgePolicies(path: readonly Certificate[]): PolicyFault | null {
  return walk(path, NOTHING_ASKED).fault;
}

/**
 * True when the path is valid with `asked` as user-initial-policy-set and initial-explicit-policy set (RFC 5280 §6.1.1
 * (c), (e)): one of these policies holds for the leaf, in the terms of the anchor. anyPolicy in `asked`: some policy does.
 */
export function holdsOneOf(path: readonly Certificate[], asked: ReadonlySet<string>): boolean {
  const { fault, holds } = walk(path, asked);
  return fault === null && holds;
}

/** RFC 5280 §6.1 (d), (e), (f), §6.1.4 (a), (b), (h) to (j) and §6.1.5 (a), (b), (g). */
function walk(
  path: readonly Certificate[],
  asked: ReadonlySet<string>,
): { readonly fault: PolicyFault | null; readonly holds: boolean } {
  const isAsked = asked.has(ANY_POLICY) ? () => true : (policy: string) => asked.has(policy);
  const state: State = {
    expected: new Map([[ANY_POLICY, true]]),
    explicit: path.length + 1,
    mapping: path.length + 1,
    inhibitAny: path.length + 1,
    isAsked,
  };
  for (let index = path.length - 1; index >= 0; index--) {
    const certificate = path[index]!;
    const isAnchor = index === path.length - 1 && index > 0;
    const isLeaf = index === 0;
    const valid = validPolicies(certificate, state, { isAnchor, isLeaf });
    state.expected = valid;
    if (state.explicit === 0 && valid === null) return { fault: 'no-valid-policy', holds: false };
    if (isLeaf) break;
    const fault = applyMappings(certificate, state);
    if (fault !== null) return { fault, holds: false };
    countDown(certificate, state);
  }
  // §6.1.5 (g) (iii): anyPolicy at the last level stands for every policy that was asked for.
  const holds = [...(state.expected ?? [])].some(([, goesBack]) => goesBack);
  return { fault: wrapUp(path[0], state), holds };
}

/** The valid policies of this certificate's level (§6.1.3 (d), (e)); null when the tree becomes empty. */
function validPolicies(
  certificate: Certificate,
  state: State,
  place: { readonly isAnchor: boolean; readonly isLeaf: boolean },
): Level | null {
  const asserted = certificate.extensions.certificatePolicies;
  if (asserted === undefined) return place.isAnchor ? state.expected : null;
  if (state.expected === null) return null;
  const before = state.expected;
  const valid = new Map<string, boolean>();
  let assertsAny = false;
  for (const { oid } of asserted) {
    if (oid === ANY_POLICY) {
      assertsAny = true;
      continue;
    }
    // (d) (1) (ii) comes into play only when nothing matched in (i): a policy that a mapping leads to is not a new one.
    const goesBack = before.get(oid) ?? (before.has(ANY_POLICY) ? state.isAsked(oid) : null);
    if (goesBack !== null) valid.set(oid, goesBack);
  }
  if (assertsAny && (state.inhibitAny > 0 || (!place.isLeaf && certificate.selfIssued))) {
    for (const [oid, goesBack] of before) valid.set(oid, goesBack);
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
  const next = new Map<string, boolean>();
  for (const [oid, goesBack] of valid) if (!targets.has(oid)) next.set(oid, goesBack);
  if (state.mapping > 0) {
    for (const [issuer, subjects] of targets) {
      const goesBack = valid.get(issuer) ?? (valid.has(ANY_POLICY) ? state.isAsked(issuer) : null);
      if (goesBack === null) continue;
      for (const subject of subjects) next.set(subject, goesBack || next.get(subject) === true);
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
