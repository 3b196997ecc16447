/** Place of the ct check. */
import type { Outcome } from '../../model/outcome.ts';
import type { PathContext } from '../context.ts';

export function checkCt(_context: PathContext): Outcome {
  return { is: 'absent', why: 'not-built' };
}
