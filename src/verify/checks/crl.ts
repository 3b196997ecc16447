/** Place of the crl check. */
import type { Outcome } from '../../model/outcome.ts';
import type { PathContext } from '../context.ts';

export function checkCrl(_context: PathContext): Outcome {
  return { is: 'absent', why: 'not-built' };
}
