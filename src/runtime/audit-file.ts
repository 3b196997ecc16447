/** Where a worker's audit lines go: one file for each worker, since a chain of hashes has one writer. */
import { join, parse } from 'node:path';

/** Worker 1 has the file that the configuration names; worker n has `name.n.ext` beside it. */
export function auditFileOf(file: string, worker: number): string {
  if (worker === 1) return file;
  const { dir, name, ext } = parse(file);
  return join(dir, `${name}.${worker}${ext}`);
}
