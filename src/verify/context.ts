/** What every check is given: the evidence, the rule, the trust snapshot and the two times. Plain data, no behaviour. */
import type { Evidence } from '../model/evidence.ts';
import type { FoundPath } from '../pki/path/builder.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import type { Rule } from '../policy/policy.ts';
import type { Trust } from './trust.ts';

export interface Context {
  readonly evidence: Evidence;
  readonly rule: Rule;
  readonly trust: Trust;
  /** Now, milliseconds since the epoch: denials, pin expiry, CRLs and the age of lists are judged at this time. */
  readonly nowMs: number;
  /** When the chain was seen: validity periods, staples and timestamps are judged at this time. */
  readonly seenAtMs: number;
  readonly leaf: Certificate;
}

/** A context with one valid path. */
export interface PathContext extends Context {
  readonly found: FoundPath;
}
