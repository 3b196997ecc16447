/**
 * What expires next on the upstream side: for each policy the first end of validity on the verified paths that it saw
 * lately. No host is remembered, so that a client that asks for many names cannot grow it.
 *
 * Does: keep two spans of time and answer the earlier end of both, so that a renewal shows after one to two spans.
 * Does not: speak of paths that did not validate, or of anchors (they are the operator's own choice).
 */

/** Long enough for hosts that are asked for now and then; short against warnings that come days ahead. */
const SPAN_MS = 3 * 3_600_000;

interface Ends {
  readonly notAfterMs: number;
}

export interface Expiries {
  /** A verified path, leaf first, anchor last. */
  saw(policy: string, path: readonly Ends[], nowMs: number): void;
  /** Drops the policies that are no more. */
  keep(policies: ReadonlySet<string>): void;
  /** Policy → first end, milliseconds since the epoch. */
  first(nowMs: number): ReadonlyMap<string, number>;
}

export function createExpiries(): Expiries {
  let startedMs = 0;
  let now = new Map<string, number>();
  let before = new Map<string, number>();
  const turn = (nowMs: number): void => {
    const ageMs = nowMs - startedMs;
    if (ageMs < SPAN_MS) return;
    before = ageMs < 2 * SPAN_MS ? now : new Map();
    now = new Map();
    startedMs = nowMs;
  };
  return {
    saw(policy, path, nowMs) {
      turn(nowMs);
      // A path of one certificate is its own anchor, and yet what the upstream shows.
      const judged = path.length > 1 ? path.slice(0, -1) : path;
      const endMs = Math.min(...judged.map(({ notAfterMs }) => notAfterMs));
      if (Number.isFinite(endMs)) now.set(policy, Math.min(endMs, now.get(policy) ?? endMs));
    },
    keep(policies) {
      for (const seen of [now, before]) {
        for (const policy of seen.keys()) if (!policies.has(policy)) seen.delete(policy);
      }
    },
    first(nowMs) {
      turn(nowMs);
      const first = new Map(before);
      for (const [policy, endMs] of now) first.set(policy, Math.min(endMs, first.get(policy) ?? endMs));
      return first;
    },
  };
}
