/**
 * Which hosts failed lately: "one host fails" is a rotation, "many hosts fail" is somebody in the middle. Bounded in
 * series and in hosts for each, so that a client that asks for random names cannot grow it.
 */

/** How long a failure counts. */
const WINDOW_MS = 600_000;
/** More than this many hosts is "many"; the exact number says nothing more. */
const MAX_HOSTS = 64;
/** 200 metrics groups with a handful of codes each. */
const MAX_SERIES = 1000;

export interface FailingSeries {
  readonly policy: string;
  readonly code: string;
  /** Host → when it last failed, milliseconds since the epoch. */
  readonly hosts: readonly (readonly [string, number])[];
}

export interface FailingHosts {
  failed(policy: string, code: string, host: string, nowMs: number): void;
  series(nowMs: number): readonly FailingSeries[];
}

export function createFailingHosts(): FailingHosts {
  const seen = new Map<string, { policy: string; code: string; hosts: Map<string, number> }>();
  const prune = (nowMs: number): void => {
    for (const [key, { hosts }] of seen) {
      for (const [host, atMs] of hosts) if (nowMs - atMs > WINDOW_MS) hosts.delete(host);
      if (hosts.size === 0) seen.delete(key);
    }
  };
  return {
    failed(policy, code, host, nowMs) {
      const key = `${policy} ${code}`;
      if (!seen.has(key) && seen.size >= MAX_SERIES) prune(nowMs);
      if (!seen.has(key) && seen.size >= MAX_SERIES) return;
      const entry = seen.get(key) ?? { policy, code, hosts: new Map<string, number>() };
      seen.set(key, entry);
      // Re-inserted, so that the oldest stands first and is the one that goes.
      entry.hosts.delete(host);
      if (entry.hosts.size >= MAX_HOSTS) {
        const oldest = entry.hosts.keys().next();
        if (oldest.done !== true) entry.hosts.delete(oldest.value);
      }
      entry.hosts.set(host, nowMs);
    },
    series(nowMs) {
      prune(nowMs);
      return [...seen.values()].map(({ policy, code, hosts }) => ({ policy, code, hosts: [...hosts] }));
    },
  };
}

/** Distinct hosts over several workers, for each series that any of them has. */
export function countDistinct(
  parts: readonly (readonly FailingSeries[])[],
): readonly { readonly policy: string; readonly code: string; readonly hosts: number }[] {
  const union = new Map<string, { policy: string; code: string; hosts: Set<string> }>();
  for (const { policy, code, hosts } of parts.flat()) {
    const key = `${policy} ${code}`;
    const entry = union.get(key) ?? { policy, code, hosts: new Set<string>() };
    union.set(key, entry);
    for (const [host] of hosts) entry.hosts.add(host);
  }
  return [...union.values()].map(({ policy, code, hosts }) => ({
    policy,
    code,
    hosts: Math.min(hosts.size, MAX_HOSTS),
  }));
}
