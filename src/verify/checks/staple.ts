/** Place of the staple check. */
import type { Outcome } from '../../model/outcome.ts';
import type { PathContext } from '../context.ts';

export function checkStaple(_context: PathContext): Outcome {
  return { is: 'absent', why: 'not-built' };
}
