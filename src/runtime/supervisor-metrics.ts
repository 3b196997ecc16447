/** What the supervisor counts: configuration, CA, anchors, workers. The words come from the generation, never from peers. */
import { countDistinct, type FailingSeries } from '../observe/failing-hosts.ts';
import { createGroups } from '../observe/groups.ts';
import { createMeters, type Sample } from '../observe/metrics.ts';
import type { Policy, Rule } from '../policy/policy.ts';
import { FETCH_RESULTS, type FetchResult, type FetchStatus, URL_STATES } from './fetcher.ts';
import type { Wanted } from './messages.ts';
import type { SightCounts } from './sight.ts';
import type { EndReason } from './worker-slot.ts';

export interface Versions {
  readonly version: string;
  readonly node: string;
  readonly openssl: string;
}

export interface GenerationFacts {
  readonly number: number;
  readonly sha256: string;
  readonly policy: Policy;
}

export interface SupervisorMetrics extends SightCounts {
  /** A generation serves. Answers the labels that policies have now. */
  generation(facts: GenerationFacts): ReadonlySet<string>;
  /** A look at the files ended: was everything in them taken? */
  reloaded(result: 'accepted' | 'partly' | 'refused', held: number, nowMs: number): void;
  /** When the CA that signs ends, and the one that waits; null: none does. Milliseconds since the epoch. */
  ca(signsUntilMs: number, waitingUntilMs: number | null): void;
  /** `ctLogListMs` null: there is no list. */
  ages(ages: { readonly publicAnchorsMs: number | null; readonly ctLogListMs: number | null }): void;
  /** Exceptions end by themselves: what is in force at `nowMs`. */
  overrides(nowMs: number): void;
  workers(serving: number): void;
  restarted(reason: EndReason): void;
  /** The self-test blocked its rogue endpoint, or did not. */
  selfTested(blocked: boolean, nowMs: number): void;
  /** A fetch in the background has ended. */
  fetched(kind: Wanted['kind'], result: FetchResult): void;
  /** What is followed for the background, and what it has brought. */
  following(status: FetchStatus): void;
  failing(parts: readonly (readonly FailingSeries[])[]): void;
  /** Exhibits in the locker, and who watches. */
  sight(exhibits: number, watchers: number): void;
  snapshot(): Promise<readonly Sample[]>;
}

export function createSupervisorMetrics(versions: Versions): SupervisorMetrics {
  const meters = createMeters('supervisor');
  meters.set('buildInfo', 1, { ...versions });
  meters.clear('ctLogListAge');
  meters.clear('fetchedCrlAge');
  let lowered: readonly Exception[] = [];
  preset(meters);
  return {
    generation(facts) {
      const shown = showGeneration(meters, facts);
      lowered = shown.lowered;
      return shown.labels;
    },
    reloaded(result, held, nowMs) {
      meters.add('reloads', { result });
      meters.set('reloadSuccessful', result === 'accepted' ? 1 : 0);
      if (result === 'accepted') meters.set('reloadSuccessAt', nowMs / 1000);
      meters.set('sourcesHeld', held);
    },
    ca: (signsUntilMs, waitingUntilMs) => showCas(meters, signsUntilMs, waitingUntilMs),
    ages({ publicAnchorsMs, ctLogListMs }) {
      if (publicAnchorsMs === null) meters.clear('publicAnchorsAge');
      else meters.set('publicAnchorsAge', publicAnchorsMs / 1000);
      if (ctLogListMs === null) meters.clear('ctLogListAge');
      else meters.set('ctLogListAge', ctLogListMs / 1000);
    },
    overrides(nowMs) {
      meters.clear('overrideActive');
      for (const { policy, untilMs } of lowered) {
        if (nowMs < untilMs) meters.set('overrideActive', 1, { policy });
      }
    },
    workers: (serving) => meters.set('workers', serving),
    restarted: (reason) => meters.add('restarts', { reason }),
    selfTested(blocked, nowMs) {
      if (blocked) meters.set('selftest', nowMs / 1000);
      else meters.add('selftestFailures');
    },
    fetched: (kind, result) => meters.add('fetches', { kind, result }),
    following({ urls, oldestCrlMs }) {
      for (const kind of FETCHED_KINDS) {
        for (const state of URL_STATES) meters.set('fetchUrls', urls[kind][state], { kind, state });
      }
      if (oldestCrlMs === null) meters.clear('fetchedCrlAge');
      else meters.set('fetchedCrlAge', oldestCrlMs / 1000);
    },
    failing(parts) {
      meters.clear('failingHosts');
      for (const { policy, code, hosts } of countDistinct(parts)) meters.set('failingHosts', hosts, { policy, code });
    },
    sight(exhibits, watchers) {
      meters.set('evidenceKept', exhibits);
      meters.set('watchers', watchers);
    },
    evidenceLost: (at, count) => meters.add('evidenceLost', { at }, count),
    eventsDropped: (at, count) => meters.add('eventsDropped', { at }, count),
    snapshot: () => meters.snapshot(),
  };
}

const FETCHED_KINDS = ['crl', 'issuer'] as const satisfies readonly Wanted['kind'][];

/** Series that are there before their first event, so that `increase()` sees it. */
function preset(meters: ReturnType<typeof createMeters>): void {
  for (const reason of ['crash', 'stall', 'refused']) meters.add('restarts', { reason }, 0);
  for (const result of ['accepted', 'partly', 'refused']) meters.add('reloads', { result }, 0);
  for (const kind of FETCHED_KINDS) {
    for (const result of FETCH_RESULTS) meters.add('fetches', { kind, result }, 0);
    for (const state of URL_STATES) meters.set('fetchUrls', 0, { kind, state });
  }
  for (const at of ['worker', 'locker']) meters.add('evidenceLost', { at }, 0);
  for (const at of ['worker', 'subscriber']) meters.add('eventsDropped', { at }, 0);
}

/** The modes that a rule can have. */
const RULE_MODES = ['terminate', 'bypass'] as const;

interface Exception {
  readonly policy: string;
  readonly untilMs: number;
}

/** Answers the labels that policies have now, and what lowers safety for a while. */
function showGeneration(
  meters: ReturnType<typeof createMeters>,
  { number, sha256, policy }: GenerationFacts,
): { readonly labels: ReadonlySet<string>; readonly lowered: readonly Exception[] } {
  meters.set('generation', number);
  meters.clear('configHash');
  meters.set('configHash', 1, { sha256 });
  const rules = policy.unmatched.action === 'judge' ? [policy.unmatched.rule, ...policy.rules] : policy.rules;
  const groups = createGroups(rules);
  for (const name of ['policyInfo', 'policies', 'pinExpiry'] as const) meters.clear(name);
  const expiries = new Map<string, number>();
  const words = new Map<string, Words>();
  for (const mode of RULE_MODES) meters.set('policies', 0, { mode });
  // As the log and the first screen count: what holds for hosts that no rule names is none.
  for (const { mode } of policy.rules) meters.add('policies', { mode });
  for (const rule of rules) {
    const label = groups.label(rule);
    words.set(label, shared(words.get(label), wordsOf(rule)));
    const expiresMs = firstExpiry(rule);
    if (expiresMs !== null) expiries.set(label, Math.min(expiresMs, expiries.get(label) ?? expiresMs));
  }
  for (const [policy, shown] of words) meters.set('policyInfo', 1, { policy, ...shown });
  for (const [label, expiresMs] of expiries) meters.set('pinExpiry', expiresMs / 1000, { policy: label });
  const lowered = rules.flatMap((rule) =>
    [rule.unsafeFloor, rule.unsafeTls]
      .filter((exception) => exception !== null)
      .map(({ untilMs }) => ({ policy: groups.label(rule), untilMs })),
  );
  return { labels: groups.labels, lowered };
}

function showCas(meters: ReturnType<typeof createMeters>, signsUntilMs: number, waitingUntilMs: number | null): void {
  meters.clear('caExpiry');
  meters.set('caExpiry', signsUntilMs / 1000, { slot: 'current' });
  if (waitingUntilMs !== null) meters.set('caExpiry', waitingUntilMs / 1000, { slot: 'next' });
}

type Words = Readonly<Record<'owner' | 'mode' | 'on_failure', string>>;

/** A group has one series, so that other metrics can be joined with it: words that its rules do not share are this. */
const MIXED = '_mixed';

function wordsOf({ owner, mode, onFailure }: Rule): Words {
  return { owner: owner ?? '', mode, on_failure: onFailure };
}

function shared(one: Words | undefined, other: Words): Words {
  if (one === undefined) return other;
  const word = (key: keyof Words): string => (one[key] === other[key] ? one[key] : MIXED);
  return { owner: word('owner'), mode: word('mode'), on_failure: word('on_failure') };
}

function firstExpiry(rule: Rule): number | null {
  const dates = rule.pins.anyOf.flatMap(({ expiresMs }) => (expiresMs === null ? [] : [expiresMs]));
  return dates.length === 0 ? null : Math.min(...dates);
}
