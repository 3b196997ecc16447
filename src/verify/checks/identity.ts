/** Place of the identity check. */
import type { Outcome } from '../../model/outcome.ts';
import type { Context } from '../context.ts';
import { fail } from './weigh.ts';

export function checkIdentity(_context: Context): Outcome {
  return fail('identity.mismatch', { why: 'not-built' });
}
