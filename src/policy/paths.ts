/**
 * Paths in configuration files: relative to the file that holds them, absolute after.
 * Only the functions of node:path that ask nothing of the process are used.
 */
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';

/** `base` is the absolute path of the file in which `path` was written. */
export function resolveFrom(base: string, path: string): string {
  return isAbsolute(path) ? normalize(path) : join(dirname(base), path);
}

/** The file of the same name with `prefix` before it, in the same directory. */
export function beside(file: string, prefix: string): string {
  return join(dirname(file), `${prefix}${basename(file)}`);
}
