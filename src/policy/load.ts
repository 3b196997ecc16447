/**
 * Files to frozen values: the entry point of the policy room.
 *
 * Does: texts in, `Config` or `Policy` out, or every mistake with its place.
 * Does not: read files or the clock (host/files.ts and lint.ts' caller do).
 * The caller must: hand in absolute paths, and keep the last good generation when a load is refused.
 */
import type { Config, Forbidden } from './config.ts';
import type { Loaded } from './mistakes.ts';
import type { HostPattern, Policy } from './policy.ts';

/** A file's text with its absolute path. */
export interface TextFile {
  readonly file: string;
  readonly text: string;
}

/** One policy file, with what its entry of `policies:` says about it. */
export interface PolicySource extends TextFile {
  /** The entry of `policies:` that the file was found under. */
  readonly path: string;
  readonly owner: string | null;
  readonly mayMatch: readonly HostPattern[] | null;
  readonly mayNot: readonly Forbidden[];
}

/** `file` is the absolute path of `text`; relative paths in it are resolved against its directory. */
export function loadConfig(_text: string, _file: string): Loaded<Config> {
  throw new Error('not written yet');
}

/** `shippedGroups`: the files of config/groups, for names with `@`. Order of `sources` does not change the answer. */
export function loadPolicy(
  _sources: readonly PolicySource[],
  _config: Config,
  _shippedGroups: readonly TextFile[] = [],
): Loaded<Policy> {
  throw new Error('not written yet');
}
