/**
 * Judge: a report and a rule become a permit or a refusal.
 *
 * The floor blocks always, unless the rule's `unsafeFloor` is in force; everything above it does what `onFailure` says.
 * `unsafeFloor` is about certificates: the floor of TLS versions and ciphers has a word of its own, `unsafeTls`.
 * Once all pins of a rule have expired with `onExpiry: alert`, a mismatch only alerts.
 * The caller must: hand in the report that `examine` made of this Evidence; any other is answered by a Problem.
 */
import { CODES, type Code, headline } from '../model/codes.ts';
import type { Evidence } from '../model/evidence.ts';
import { Problem } from '../model/problem.ts';
import type { Rule } from '../policy/policy.ts';
import { pinsEnforce } from './checks/pins.ts';
import { isReportOf } from './examine.ts';
import { isFloorLowered } from './floor.ts';
import { type Permit, takeMint } from './permit.ts';
import type { Report } from './report.ts';

export type Verdict =
  | {
      readonly kind: 'permit';
      readonly permit: Permit;
      readonly verdict: 'allow' | 'alert';
      /** The headline of what is only alerted; null: nothing is wrong. */
      readonly code: Code | null;
    }
  | { readonly kind: 'refusal'; readonly verdict: 'block'; readonly code: Code };

const mint = takeMint();

export function judge(report: Report, rule: Rule, evidence: Evidence): Verdict {
  if (!isReportOf(report, rule, evidence)) throw new Problem('internal.failure', 'self', { why: 'report-of-another' });
  const blocking = report.findings.map((entry) => entry.code).filter((code) => blocks(code, rule, report.judgedAtMs));
  const reason = headline(blocking);
  if (reason !== null) return Object.freeze({ kind: 'refusal', verdict: 'block', code: reason });
  const verdict = report.findings.length === 0 ? 'allow' : 'alert';
  return Object.freeze({ kind: 'permit', permit: mint(evidence), verdict, code: report.headline });
}

/** What the rule does about one code at `nowMs`. */
export function blocks(code: Code, rule: Rule, nowMs: number): boolean {
  // Their words are `plaintext`, `tls` and `unsafeTls`, not `onFailure` or `unsafeFloor`.
  if (code === 'plaintext.denied' || code === 'tls.version') return true;
  if (CODES[code].floor) return !isFloorLowered(rule, nowMs);
  if (CODES[code].stage === 'pins' && !pinsEnforce(rule, nowMs)) return false;
  return rule.onFailure === 'block';
}
