/** Files as the policy room receives them: text and what is known about it. Whoever reads them is elsewhere. */
import type { Forbidden } from './config.ts';
import type { HostPattern } from './policy.ts';

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
