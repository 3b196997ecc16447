/**
 * Paths in configuration files: relative to the file that holds them, absolute after.
 * Only the functions of node:path that ask nothing of the process are used.
 */
import { dirname, isAbsolute, join, normalize } from 'node:path';

/** `base` is the absolute path of the file in which `path` was written. */
export function resolveFrom(base: string, path: string): string {
  return isAbsolute(path) ? normalize(path) : join(dirname(base), path);
}
