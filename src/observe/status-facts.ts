/**
 * What the status page says, read from the merged snapshot that /metrics prints. Pure: samples and time in, facts out.
 *
 * Does: put the policies that blocked or alerted first, and cut every list to what a page can show.
 * Does not: count anything by itself, or know hosts and clients: the samples hold none.
 */
import { type Code, headline, isCode } from '../model/codes.ts';
import { NO_GROUP } from './groups.ts';
import { INSTRUMENTS, type InstrumentName } from './instruments.ts';
import type { Labels, Sample } from './metrics.ts';
import { VERDICTS, type VerdictWord } from './recorder.ts';

/** Each condition of readiness by name, as /readyz shows it. */
export type ReadyChecks = Readonly<Record<string, boolean>>;

export type VerdictCounts = Readonly<Record<VerdictWord, number>>;

/** A bounded list, and how many are not in it. */
export interface Shown<Row> {
  readonly rows: readonly Row[];
  readonly more: number;
}

export interface CodeCount {
  readonly code: string;
  readonly count: number;
}

export interface PolicyRow {
  readonly policy: string;
  /** block, alert or _mixed; null: no rule stands behind it. */
  readonly onFailure: string | null;
  readonly verdicts: VerdictCounts;
  /** Seconds since the epoch; null: it never blocked or alerted. */
  readonly lastEvent: number | null;
  readonly codes: Shown<CodeCount>;
}

export interface FailingRow {
  readonly policy: string;
  readonly code: string;
  readonly hosts: number;
}

export interface PinCounts {
  readonly primary: number;
  readonly backup: number;
  readonly failures: readonly { readonly reason: string; readonly count: number }[];
}

export interface PinRow extends PinCounts {
  readonly policy: string;
  /** Seconds since the epoch. */
  readonly lastMatch: number | null;
}

export interface ExpiryRow {
  readonly what: 'pins' | 'CA' | 'upstream certificate';
  /** The policy or the CA's slot. */
  readonly whose: string;
  readonly instrument: InstrumentName;
  /** Seconds since the epoch. */
  readonly at: number;
}

export interface StatusFacts {
  readonly nowMs: number;
  readonly ready: ReadyChecks;
  readonly build: Labels;
  readonly selfTest: { readonly lastSuccess: number | null; readonly failures: number };
  readonly reload: {
    /** Null: none was recorded. */
    readonly successful: boolean | null;
    readonly lastSuccess: number | null;
    readonly held: number;
    readonly generation: number;
    readonly sha256: string;
    readonly rules: number;
  };
  readonly workers: { readonly serving: number; readonly restarts: number };
  readonly totals: VerdictCounts;
  readonly policies: Shown<PolicyRow>;
  readonly failing: Shown<FailingRow>;
  readonly pins: { readonly totals: PinCounts; readonly policies: Shown<PinRow> };
  readonly expiries: Shown<ExpiryRow>;
  /** Seconds; null: there is none. */
  readonly ages: { readonly logList: number | null; readonly publicAnchors: number | null };
  readonly open: { readonly client: number; readonly upstream: number };
  readonly tunnels: readonly { readonly mode: string; readonly count: number }[];
  readonly bytes: { readonly up: number; readonly down: number };
  readonly unreachable: Shown<CodeCount>;
  /** Clients that refused our certificate, by the alert that they sent. */
  readonly distrust: Shown<CodeCount>;
  readonly auditLost: number;
  /** Policies whose rule lowers the floor. */
  readonly lowered: Shown<string>;
}

/** A screen or two; whoever wants all of 200 groups has Grafana. */
const MAX_POLICIES = 25;
const MAX_ROWS = 12;
const MAX_EXPIRIES_EACH = 5;
const MAX_CODES = 3;

interface Series {
  readonly labels: Labels;
  readonly value: number;
}

type Read = (name: InstrumentName) => readonly Series[];

export function statusFacts(samples: readonly Sample[], ready: ReadyChecks, nowMs: number): StatusFacts {
  const byName = new Map(samples.map((sample) => [sample.name, sample.values]));
  const read: Read = (name) => byName.get(INSTRUMENTS[name].name) ?? [];
  return {
    nowMs,
    ready,
    build: read('buildInfo')[0]?.labels ?? {},
    selfTest: { lastSuccess: single(read('selftest')), failures: sum(read('selftestFailures')) },
    reload: reloadOf(read),
    workers: { serving: sum(read('workers')), restarts: sum(read('restarts')) },
    totals: verdictsOf(read('verdicts')),
    policies: policiesOf(read),
    failing: cut(
      read('failingHosts')
        .map(({ labels, value }) => ({ policy: labels['policy'] ?? '', code: labels['code'] ?? '', hosts: value }))
        .sort(
          (one, other) => other.hosts - one.hosts || byText(one.policy, other.policy) || byText(one.code, other.code),
        ),
      MAX_ROWS,
    ),
    pins: pinsOf(read),
    expiries: expiriesOf(read),
    ages: { logList: single(read('ctLogListAge')), publicAnchors: single(read('publicAnchorsAge')) },
    open: {
      client: sum(read('connections'), { side: 'client' }),
      upstream: sum(read('connections'), { side: 'upstream' }),
    },
    tunnels: counted(read('tunnels'), 'mode').map(({ code, count }) => ({ mode: code, count })),
    bytes: { up: sum(read('tunnelBytes'), { direction: 'up' }), down: sum(read('tunnelBytes'), { direction: 'down' }) },
    unreachable: cut(counted(read('upstreamErrors'), 'reason'), MAX_CODES),
    distrust: cut(counted(read('clientAlerts'), 'alert'), MAX_CODES),
    auditLost: sum(read('auditLost')),
    lowered: cut(
      [...new Set(read('overrideActive').map(({ labels }) => labels['policy'] ?? ''))].sort(byText),
      MAX_CODES,
    ),
  };
}

function reloadOf(read: Read): StatusFacts['reload'] {
  const successful = single(read('reloadSuccessful'));
  return {
    successful: successful === null ? null : successful === 1,
    lastSuccess: single(read('reloadSuccessAt')),
    held: sum(read('sourcesHeld')),
    generation: sum(read('generation')),
    sha256: read('configHash')[0]?.labels['sha256'] ?? '',
    rules: sum(read('policies')),
  };
}

/** What blocked stands before what alerted, before what failed, before the rest; among equals the latest, the busiest. */
function policiesOf(read: Read): Shown<PolicyRow> {
  const words = new Map(read('policyInfo').map(({ labels }) => [labels['policy'], labels['on_failure'] ?? null]));
  const findings = grouped(read('findings'));
  const lastEvents = grouped(read('lastEvent'));
  const rows = [...grouped(read('verdicts'))].map(([policy, series]): PolicyRow => {
    const times = (lastEvents.get(policy) ?? []).map(({ value }) => value);
    return {
      policy,
      onFailure: words.get(policy) ?? null,
      verdicts: verdictsOf(series),
      lastEvent: times.length === 0 ? null : Math.max(...times),
      codes: cut(byRank(counted(findings.get(policy) ?? [], 'code')), MAX_CODES),
    };
  });
  rows.sort(
    (one, other) =>
      weight(other.verdicts) - weight(one.verdicts) ||
      (other.lastEvent ?? 0) - (one.lastEvent ?? 0) ||
      other.verdicts.allow - one.verdicts.allow ||
      byText(one.policy, other.policy),
  );
  return cut(
    rows.filter(({ policy, verdicts }) => policy !== NO_GROUP || VERDICTS.some((word) => verdicts[word] > 0)),
    MAX_POLICIES,
  );
}

function weight({ block, alert, error }: VerdictCounts): number {
  if (block > 0) return 3;
  if (alert > 0) return 2;
  return error > 0 ? 1 : 0;
}

function pinsOf(read: Read): StatusFacts['pins'] {
  const hits = grouped(read('pinHits'));
  const failures = grouped(read('pinFailures'));
  const matches = grouped(read('pinLastMatch'));
  const rows = [...new Set([...hits.keys(), ...failures.keys()])].map((policy): PinRow => {
    const own = hits.get(policy) ?? [];
    const times = (matches.get(policy) ?? []).map(({ value }) => value);
    return {
      policy,
      primary: sum(own, { pin: 'primary' }),
      backup: sum(own, { pin: 'backup' }),
      failures: reasons(failures.get(policy) ?? []),
      lastMatch: times.length === 0 ? null : Math.max(...times),
    };
  });
  const failed = (row: PinRow): number => row.failures.reduce((total, { count }) => total + count, 0);
  rows.sort(
    (one, other) =>
      failed(other) - failed(one) ||
      other.backup - one.backup ||
      other.primary - one.primary ||
      byText(one.policy, other.policy),
  );
  const totals = {
    primary: sum(read('pinHits'), { pin: 'primary' }),
    backup: sum(read('pinHits'), { pin: 'backup' }),
    failures: reasons(read('pinFailures')),
  };
  return { totals, policies: cut(rows, MAX_ROWS) };
}

function reasons(series: readonly Series[]): PinRow['failures'] {
  return counted(series, 'reason').map(({ code, count }) => ({ reason: code, count }));
}

/** The first of each kind, so that a thousand upstream certificates do not hide the CA that ends. */
function expiriesOf(read: Read): Shown<ExpiryRow> {
  const rows = (instrument: InstrumentName, what: ExpiryRow['what'], label: string): Shown<ExpiryRow> => {
    const all = read(instrument).map(({ labels, value }) => ({
      what,
      whose: labels[label] ?? '',
      instrument,
      at: value,
    }));
    return cut(all.sort(byEnd), MAX_EXPIRIES_EACH);
  };
  const kinds = [
    rows('pinExpiry', 'pins', 'policy'),
    rows('caExpiry', 'CA', 'slot'),
    rows('upstreamCertExpiry', 'upstream certificate', 'policy'),
  ];
  return { rows: kinds.flatMap((kind) => kind.rows).sort(byEnd), more: kinds.reduce((sum, { more }) => sum + more, 0) };
}

function byEnd(one: ExpiryRow, other: ExpiryRow): number {
  return one.at - other.at || byText(one.whose, other.whose);
}

function verdictsOf(series: readonly Series[]): VerdictCounts {
  const count = (verdict: VerdictWord): number => sum(series, { verdict });
  return { allow: count('allow'), alert: count('alert'), block: count('block'), error: count('error') };
}

function grouped(series: readonly Series[]): Map<string, Series[]> {
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const { policy = '' } = one.labels;
    const group = groups.get(policy);
    if (group === undefined) groups.set(policy, [one]);
    else group.push(one);
  }
  return groups;
}

/** The values of `label` that were counted at all, most first. */
function counted(series: readonly Series[], label: string): readonly CodeCount[] {
  const counts = new Map<string, number>();
  for (const { labels, value } of series) {
    const code = labels[label] ?? '';
    if (value > 0) counts.set(code, (counts.get(code) ?? 0) + value);
  }
  return [...counts]
    .map(([code, count]) => ({ code, count }))
    .sort((one, other) => other.count - one.count || byText(one.code, other.code));
}

/** The code that is the headline of a verdict stands first; the others stay as they are. */
function byRank(codes: readonly CodeCount[]): readonly CodeCount[] {
  const first: Code | null = headline(codes.map(({ code }) => code).filter(isCode));
  return [...codes.filter(({ code }) => code === first), ...codes.filter(({ code }) => code !== first)];
}

function sum(series: readonly Series[], wanted: Labels = {}): number {
  const fits = ({ labels }: Series): boolean => Object.entries(wanted).every(([key, value]) => labels[key] === value);
  return series.filter(fits).reduce((total, { value }) => total + value, 0);
}

function single(series: readonly Series[]): number | null {
  return series[0]?.value ?? null;
}

function cut<Row>(rows: readonly Row[], max: number): Shown<Row> {
  return { rows: rows.slice(0, max), more: Math.max(0, rows.length - max) };
}

function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
