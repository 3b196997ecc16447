/** The floor and its exceptions: whether a rule's `unsafeFloor` is in force, and what its `unsafeTls` allows. */
import type { Evidence } from '../model/evidence.ts';
import { meetsTlsFloor, type TlsFloor } from '../model/tls.ts';
import { isInForce, type Rule } from '../policy/policy.ts';

/** True until the exception ends. `nowMs`: milliseconds since the epoch. */
export function isFloorLowered(rule: Rule, nowMs: number): boolean {
  return isInForce(rule.unsafeFloor, nowMs);
}

/** When the next exception of these rules ends, milliseconds since the epoch; Infinity: none is in force at `nowMs`. */
export function nextEndMs(rules: readonly Rule[], nowMs: number): number {
  let endMs = Number.POSITIVE_INFINITY;
  for (const { unsafeFloor, unsafeTls } of rules) {
    for (const exception of [unsafeFloor, unsafeTls]) {
      if (isInForce(exception, nowMs)) endMs = Math.min(endMs, exception.untilMs);
    }
  }
  return endMs;
}

/** What an upstream must speak at `nowMs`, milliseconds since the epoch: what `unsafeTls` says until it ends, else `tls`. */
export function tlsFloorOf({ tls, unsafeTls }: Rule, nowMs: number): TlsFloor {
  if (isInForce(unsafeTls, nowMs)) return { minVersion: unsafeTls.minVersion, ciphers: unsafeTls.ciphers };
  return { minVersion: tls.minVersion, ciphers: 'default' };
}

/** True for a connection that would be refused but for `unsafeTls`. */
export function needsUnsafeTls({ tls, unsafeTls }: Rule, evidence: Evidence): boolean {
  if (unsafeTls === null || evidence.tlsVersion === null) return false;
  return !meetsTlsFloor(evidence, { minVersion: tls.minVersion, ciphers: 'default' });
}
