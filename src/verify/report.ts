/** What examine says and judge decides on: every check's outcome, all findings, the path that satisfied the rule. */
import type { Code } from '../model/codes.ts';
import type { Finding } from '../model/finding.ts';
import type { Outcomes } from '../model/outcome.ts';
import type { Certificate } from '../pki/x509/certificate.ts';

export interface Report {
  /** The `nowMs` that was given to examine, milliseconds since the epoch: the time at which pins and exceptions are judged. */
  readonly judgedAtMs: number;
  readonly outcomes: Outcomes;
  /** All findings, most specific first. Empty: nothing is wrong. */
  readonly findings: readonly Finding[];
  readonly headline: Code | null;
  /** The leaf that was presented, as far as it can be read; null too where no chain is looked at. */
  readonly leaf: Certificate | null;
  /** The verified path that the outcomes speak of, leaf first, anchor last; null when there is none. */
  readonly path: readonly Certificate[] | null;
  /** The nearest miss, for the explanation only: to a root that is not configured, or one that did not validate. Never allows. */
  readonly explanatoryPath: readonly Certificate[] | null;
  /** The pin that matched: `primary` or `backup`; null when the rule has no pins or none matched. */
  readonly pinHit: {
    readonly pin: 'primary' | 'backup';
    readonly name: string | null;
    readonly spkiSha256: string;
  } | null;
}
