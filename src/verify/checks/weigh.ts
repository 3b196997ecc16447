/** What a rule's word makes of a check: the one place where `require`, `if-present` and `off` are told apart. */
import type { Code } from '../../model/codes.ts';
import { type Finding, finding } from '../../model/finding.ts';
import type { Facts, Outcome, Requirement } from '../../model/outcome.ts';

/**
 * `off`: not judged. `require`: absence fails with `onAbsent`. `if-present`: the outcome as it is.
 * `judge` is not called when the check is off.
 */
export function weigh(requirement: Requirement, judge: () => Outcome, onAbsent: (why: string) => Code): Outcome {
  if (requirement === 'off') return { is: 'skipped', why: 'off' };
  const outcome = judge();
  if (requirement === 'require' && outcome.is === 'absent') {
    return fail(onAbsent(outcome.why), { why: outcome.why, ...outcome.facts });
  }
  return outcome;
}

/** A failed outcome with one finding; `why` is the code's last part. */
export function fail(code: Code, facts: Facts = {}): Outcome {
  return failWith([finding(code, facts)]);
}

export function failWith(findings: readonly [Finding, ...Finding[]], facts?: Facts): Outcome {
  const why = findings[0].code.slice(findings[0].code.indexOf('.') + 1);
  return facts === undefined ? { is: 'fail', why, findings } : { is: 'fail', why, findings, facts };
}
