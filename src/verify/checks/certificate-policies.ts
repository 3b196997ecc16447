/**
 * Certificate policies: is the path valid for one of the policies that the rule asks for (RFC 5280 §6.1.1 (c), (e))?
 *
 * They say under which rules a CA issued (for example 2.23.140.1.2.2: the organisation was validated). Whether policies
 * forbid a path by themselves is another question, which the floor answers (`chain.policy`).
 */
import type { Outcome } from '../../model/outcome.ts';
import { holdsOneOf } from '../../pki/path/policies.ts';
import type { Certificate } from '../../pki/x509/certificate.ts';
import type { Rule } from '../../policy/policy.ts';
import { fail } from './weigh.ts';

/** Policies named in facts; a real certificate has a handful. */
const MAX_NAMED = 16;

/** `found` null: there is no verified path, so no policy holds. */
export interface PoliciesQuestion {
  readonly rule: Rule;
  readonly found: { readonly path: readonly Certificate[] } | null;
}

export function checkCertificatePolicies({ rule, found }: PoliciesQuestion): Outcome {
  const asked = rule.certificatePolicies;
  if (asked.length === 0) return { is: 'skipped', why: 'off' };
  if (found !== null && holdsOneOf(found.path, new Set(asked))) return { is: 'pass' };
  const asserted = (found?.path[0]?.extensions.certificatePolicies ?? []).map(({ oid }) => oid);
  return fail('certificate-policy.missing', {
    expected: asked.slice(0, MAX_NAMED),
    asserted: asserted.slice(0, MAX_NAMED),
  });
}
