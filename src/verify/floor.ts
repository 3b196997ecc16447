/** The floor and its one exception: whether a rule's `unsafeFloor` is in force. */
import type { Rule } from '../policy/policy.ts';

/** True until the exception ends. `nowMs`: milliseconds since the epoch. */
export function isFloorLowered(rule: Rule, nowMs: number): boolean {
  return rule.unsafeFloor !== null && nowMs < rule.unsafeFloor.untilMs;
}
