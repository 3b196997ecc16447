/**
 * How many timestamps are enough: the policies of Chrome and Apple, and one of the operator's own.
 *
 * Does: count verified SCTs by log and operator against a profile. Extra SCTs never hurt.
 * Does not: verify signatures, read lists, or decide whether CT applies; see compliance.ts.
 * The caller must: pass only SCTs whose signature verified, with the log that signed.
 *
 * Sources: Chrome, ct_policy.md of 2026-07-22 (SCTs of OCSP responses no longer count there, since Chrome 148); Apple,
 * support.apple.com/103214.
 */
import type { CtLog } from './log.ts';

export type CtProfile =
  | { readonly name: 'chrome' }
  | { readonly name: 'apple' }
  | {
      readonly name: 'custom';
      /** Distinct logs for a leaf that lives for up to `lifetimeDays`; one more for a leaf that lives longer. */
      readonly minScts: number;
      readonly minOperators: number;
      /** null: lifetime does not matter. */
      readonly lifetimeDays: number | null;
    };

export type Delivery = 'embedded' | 'ocsp';

/** An SCT whose signature verified. */
export interface VerifiedSct {
  readonly log: CtLog;
  readonly timestampMs: number;
  readonly delivery: Delivery;
}

export type QuotaResult =
  | { readonly is: 'compliant' }
  | { readonly is: 'not-enough-scts'; readonly have: number; readonly need: number }
  | { readonly is: 'not-diverse'; readonly have: number; readonly need: number };

const DAY_MS = 86_400_000;
/** Both policies ask for a third log above this lifetime. */
const LONG_LIVED_DAYS = 180;

/** Lifetime in days of 86,400 s; any excess counts as a further day. */
export function lifetimeDays(leaf: { readonly notBeforeMs: number; readonly notAfterMs: number }): number {
  return Math.ceil((leaf.notAfterMs - leaf.notBeforeMs) / DAY_MS);
}

/** Who ran the log at `atMs` (milliseconds since the epoch). */
export function operatorAt(log: Pick<CtLog, 'operator' | 'previousOperators'>, atMs: number): string {
  return log.previousOperators.find((previous) => atMs < previous.endMs)?.name ?? log.operator;
}

/** Whether SCTs of the log count now, whenever they were made. */
export function isCurrent(log: Pick<CtLog, 'state'>): boolean {
  return log.state === 'usable' || log.state === 'qualified' || log.state === 'readonly';
}

/** Counts `scts` for a leaf of `days` (see lifetimeDays) against `profile`. */
export function judgeQuota(scts: readonly VerifiedSct[], days: number, profile: CtProfile): QuotaResult {
  switch (profile.name) {
    case 'chrome':
      return judgeCount(embeddedOf(scts), { logs: days > LONG_LIVED_DAYS ? 3 : 2, operators: 2 });
    case 'apple':
      return judgeApple(scts, days);
    case 'custom': {
      const more = profile.lifetimeDays !== null && days > profile.lifetimeDays ? 1 : 0;
      return judgeCount(scts, { logs: profile.minScts + more, operators: profile.minOperators });
    }
  }
}

function embeddedOf(scts: readonly VerifiedSct[]): readonly VerifiedSct[] {
  return scts.filter((sct) => sct.delivery === 'embedded');
}

/** At least `logs` distinct logs of `operators` distinct operators; `countable` sees to it that one log is current. */
function judgeCount(scts: readonly VerifiedSct[], need: { logs: number; operators: number }): QuotaResult {
  const counted = perLog(countable(scts));
  if (counted.length < need.logs) return { is: 'not-enough-scts', have: counted.length, need: need.logs };
  const operators = byOperator(counted).size;
  if (operators < need.operators) return { is: 'not-diverse', have: operators, need: need.operators };
  return { is: 'compliant' };
}

/**
 * Apple: embedded SCTs, of which one operator gives at most one (two for a long-lived leaf), one log being current; or
 * two SCTs of current logs of different operators, one of them delivered by OCSP.
 */
function judgeApple(scts: readonly VerifiedSct[], days: number): QuotaResult {
  const isLong = days > LONG_LIVED_DAYS;
  const need = isLong ? 3 : 2;
  const counted = perLog(countable(embeddedOf(scts)));
  let have = 0;
  for (const logs of byOperator(counted).values()) have += Math.min(logs, isLong ? 2 : 1);
  if (have >= need) return { is: 'compliant' };
  const live = scts.filter((sct) => isCurrent(sct.log));
  if (live.some((sct) => sct.delivery === 'ocsp') && byOperator(perLog(live)).size >= 2) return { is: 'compliant' };
  return counted.length < need
    ? { is: 'not-enough-scts', have: counted.length, need }
    : { is: 'not-diverse', have, need };
}

/**
 * SCTs of current logs, and embedded ones of logs retired later. A retired log could still sign with an old date, so
 * the earliest timestamp of the current logs must also be before the retirement. Without a current log nothing counts.
 */
export function countable(scts: readonly VerifiedSct[]): readonly VerifiedSct[] {
  const earliestMs = Math.min(...scts.filter((sct) => isCurrent(sct.log)).map((sct) => sct.timestampMs));
  return scts.filter((sct) => {
    if (isCurrent(sct.log)) return true;
    const { state, stateSinceMs } = sct.log;
    const isEarlier = sct.timestampMs < stateSinceMs && earliestMs < stateSinceMs;
    return state === 'retired' && sct.delivery === 'embedded' && isEarlier;
  });
}

/** One SCT for each log: the earliest. */
function perLog(scts: readonly VerifiedSct[]): readonly VerifiedSct[] {
  const logs = new Map<string, VerifiedSct>();
  for (const sct of scts) {
    const known = logs.get(sct.log.logId);
    if (known === undefined || sct.timestampMs < known.timestampMs) logs.set(sct.log.logId, sct);
  }
  return [...logs.values()];
}

/** How many of the SCTs each operator gave. */
function byOperator(scts: readonly VerifiedSct[]): ReadonlyMap<string, number> {
  const operators = new Map<string, number>();
  for (const sct of scts) {
    const name = operatorAt(sct.log, sct.timestampMs);
    operators.set(name, (operators.get(name) ?? 0) + 1);
  }
  return operators;
}
