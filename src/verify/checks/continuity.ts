/**
 * Key continuity: is this a key that the host was seen with before? The place of the check; the memory of hosts is not
 * part of the trust snapshot yet, so the answer is absence, which `require` turns into a failure.
 */
import type { Outcome } from '../../model/outcome.ts';

export function checkContinuity(): Outcome {
  return { is: 'absent', why: 'no-memory' };
}
