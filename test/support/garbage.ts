/** Collects what nobody holds any more, so that a test can see by a WeakRef that something was let go of. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new TypeError('this engine has no gc()');
  collect();
}
