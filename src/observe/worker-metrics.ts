/**
 * What a worker counts, as typed methods: the only place that turns a verdict into label values.
 *
 * Does not: know the Prometheus client (metrics.ts does) or merge over workers (runtime/fleet-metrics.ts does).
 * The caller must: call `setRules` at start and after every reload, so that new policies start at 0 and old ones go.
 */

import { CODES, type Code, type Stage } from '../model/codes.ts';
import { CHECKS } from '../model/outcome.ts';
import { readTlsVersion, TLS_VERSIONS } from '../model/tls.ts';
import type { Rule } from '../policy/policy.ts';
import { blocks } from '../verify/judge.ts';
import { createExpiries } from './expiries.ts';
import { createFailingHosts, type FailingSeries } from './failing-hosts.ts';
import { createGroups, type Groups, MAX_GROUPS, NO_GROUP, OTHER_GROUP } from './groups.ts';
import { createMeters, type Meters, type Sample } from './metrics.ts';
import { type CloseEntry, type ConnectionSide, VERDICTS, type VerdictEntry } from './recorder.ts';
import { usedUnsafeTls } from './records.ts';

/** A snapshot of one worker, as it travels to the supervisor. */
export interface WorkerSnapshot {
  readonly samples: readonly Sample[];
  readonly failing: readonly FailingSeries[];
}

export interface Metrics {
  /** `clientGroups`: names of the configuration's client groups. */
  setRules(rules: readonly Rule[], clientGroups?: readonly string[]): Promise<void>;
  verdict(entry: VerdictEntry): void;
  close(entry: CloseEntry): void;
  connection(side: ConnectionSide): () => void;
  bytes(direction: 'up' | 'down', count: number): void;
  clientAlert(group: string | null, alert: string): void;
  minted(durationMs: number): void;
  judged(durationMs: number): void;
  resolved(durationMs: number): void;
  audited(kind: 'verdict' | 'close', written: boolean, count?: number): void;
  snapshot(nowMs: number): Promise<WorkerSnapshot>;
}

const CHECK_RESULTS = ['pass', 'fail', 'absent', 'skipped'] as const;
const PIN_REASONS = ['mismatch', 'denied', 'expired'] as const;
/** TLS 1.3 has no cipher suite that a rule would have to allow. */
const UNSAFE_TLS_VERSIONS = TLS_VERSIONS.filter((version) => version !== '1.3');
/** Alerts that say something about trust (RFC 8446 §6.2); a client may send any byte, so the rest are one label. */
const CLIENT_ALERTS: ReadonlySet<string> = new Set([
  'access_denied',
  'bad_certificate',
  'bad_certificate_status_response',
  'certificate_expired',
  'certificate_required',
  'certificate_revoked',
  'certificate_unknown',
  // Ours: gone after the handshake without an alert and without a byte.
  'closed',
  'decode_error',
  'decrypt_error',
  'handshake_failure',
  'illegal_parameter',
  'internal_error',
  'protocol_version',
  'unknown_ca',
  'unrecognized_name',
  'unsupported_certificate',
  'user_canceled',
]);

/** What clients send that do not know the CA: OpenSSL, Go, Java and Chromium, and those that just go. */
const DISTRUST = ['unknown_ca', 'bad_certificate', 'certificate_unknown', 'closed'] as const;
const MODES = ['terminate', 'bypass'] as const;
/** Stages at which it is the upstream that could not be reached. */
const UPSTREAM_STAGES: ReadonlySet<Stage> = new Set<Stage>(['resolve', 'dial', 'tls']);
/** Stages whose other failures are few and always shown. */
const OWN_STAGES: ReadonlySet<Stage> = new Set<Stage>(['request', 'limit', 'self']);

export function createMetrics(): Metrics {
  const meters = createMeters('worker');
  const failing = createFailingHosts();
  const expiries = createExpiries();
  let groups = createGroups([]);
  let clients: ReadonlySet<string> = new Set();
  for (const check of CHECKS) for (const result of CHECK_RESULTS) meters.add('checks', { check, result }, 0);
  for (const side of ['client', 'upstream']) meters.add('connections', { side }, 0);
  for (const direction of ['up', 'down']) meters.add('tunnelBytes', { direction }, 0);
  presetWords(meters);
  return {
    async setRules(rules, clientGroups = []) {
      groups = createGroups(rules);
      clients = new Set(clientGroups.slice(0, MAX_GROUPS));
      presetPolicies(meters, groups, rules);
      for (const client of [NO_GROUP, ...clients]) {
        for (const alert of DISTRUST) meters.add('clientAlerts', { client, alert }, 0);
      }
      expiries.keep(groups.labels);
      await meters.forget('policy', groups.labels);
      await meters.forget('client', new Set([NO_GROUP, OTHER_GROUP, ...clients]));
    },
    verdict(entry) {
      const policy = groups.label(entry.rule);
      if (policy === OTHER_GROUP) meters.add('droppedLabels');
      meters.add('verdicts', { policy, verdict: entry.verdict });
      countFindings(meters, policy, entry);
      const path = entry.report?.path ?? null;
      if (path !== null) expiries.saw(policy, path, entry.atMs);
      countTunnel(meters, entry);
      const version = usedUnsafeTls(entry) ? readTlsVersion(entry.evidence?.tlsVersion ?? null) : null;
      if (version !== null) meters.add('unsafeTls', { policy, version });
      if (entry.code !== null && entry.authority !== null && entry.verdict !== 'allow' && entry.verdict !== 'error') {
        failing.failed(policy, entry.code, entry.authority.host, entry.atMs);
      }
    },
    close(entry) {
      meters.observe('tunnelDuration', entry.durationMs / 1000, { mode: entry.mode ?? 'none', reason: entry.reason });
    },
    connection(side) {
      meters.add('connections', { side });
      let open = true;
      return () => {
        if (open) meters.add('connections', { side }, -1);
        open = false;
      };
    },
    bytes: (direction, count) => meters.add('tunnelBytes', { direction }, count),
    clientAlert(group, alert) {
      const client = group === null ? NO_GROUP : clients.has(group) ? group : OTHER_GROUP;
      meters.add('clientAlerts', { client, alert: CLIENT_ALERTS.has(alert) ? alert : 'other' });
    },
    minted: (durationMs) => meters.observe('minting', durationMs / 1000),
    judged: (durationMs) => meters.observe('judging', durationMs / 1000),
    resolved: (durationMs) => meters.observe('lookups', durationMs / 1000),
    audited: (kind, written, count = 1) => meters.add(written ? 'auditRecords' : 'auditLost', { kind }, count),
    async snapshot(nowMs) {
      meters.clear('upstreamCertExpiry');
      for (const [policy, expiresMs] of expiries.first(nowMs)) {
        meters.set('upstreamCertExpiry', expiresMs / 1000, { policy });
      }
      return { samples: await meters.snapshot(), failing: failing.series(nowMs) };
    },
  };
}

/** Words that hold for every policy. */
function presetWords(meters: Meters): void {
  for (const kind of ['verdict', 'close']) {
    meters.add('auditRecords', { kind }, 0);
    meters.add('auditLost', { kind }, 0);
  }
  for (const mode of MODES) for (const verdict of ['allow', 'alert']) meters.add('tunnels', { mode, verdict }, 0);
  for (const code of Object.keys(CODES) as Code[]) {
    const { stage, floor } = CODES[code];
    if (UPSTREAM_STAGES.has(stage) && !floor) meters.add('upstreamErrors', { reason: code }, 0);
    if (OWN_STAGES.has(stage)) meters.add('errors', { code }, 0);
  }
}

/** A missing series reads as "nothing happened yet" or as "broken"; a zero reads as zero. */
function presetPolicies(meters: Meters, groups: Groups, rules: readonly Rule[]): void {
  for (const policy of groups.labels) {
    for (const verdict of VERDICTS) meters.add('verdicts', { policy, verdict }, 0);
  }
  for (const rule of rules) {
    const policy = groups.label(rule);
    if (rule.pins.anyOf.length > 0) {
      for (const pin of ['primary', 'backup']) meters.add('pinHits', { policy, pin }, 0);
    }
    if (rule.pins.anyOf.length > 0 || rule.pins.noneOf.length > 0) {
      for (const reason of PIN_REASONS) meters.add('pinFailures', { policy, reason }, 0);
    }
    if (rule.unsafeTls !== null) {
      for (const version of UNSAFE_TLS_VERSIONS) meters.add('unsafeTls', { policy, version }, 0);
    }
  }
}

function countFindings(meters: Meters, policy: string, entry: VerdictEntry): void {
  const { report, verdict, code } = entry;
  const action = actionOf(entry);
  const codes = new Set((report?.findings ?? []).map((found) => found.code));
  if (code !== null && verdict === 'block') codes.add(code);
  for (const found of codes) {
    // What came after the verdict (another server name, a new policy) blocks whatever the rule made of the chain.
    meters.add('findings', { policy, code: found, action: found === code && verdict === 'block' ? verdict : action });
    if (found.startsWith('pin.')) meters.add('pinFailures', { policy, reason: found.slice('pin.'.length) });
  }
  if (report !== null) {
    for (const check of CHECKS) meters.add('checks', { check, result: report.outcomes[check].is });
    if (report.pinHit !== null) {
      const { pin } = report.pinHit;
      meters.add('pinHits', { policy, pin });
      meters.set('pinLastMatch', entry.atMs / 1000, { policy, pin });
    }
  }
  if (verdict === 'alert' && code !== null) meters.add('wouldBlock', { policy, code, set: 'active' });
  if (verdict === 'alert' || verdict === 'block')
    meters.set('lastEvent', entry.atMs / 1000, { policy, action: verdict });
}

/**
 * What the rule did about the findings of the report. Where the verdict is an error (the client went, or said nothing)
 * it is what the rule says: one that only alerts has blocked nothing.
 */
function actionOf({ verdict, report, rule }: VerdictEntry): 'alert' | 'block' {
  if (verdict === 'allow' || verdict === 'alert') return 'alert';
  if (report === null || rule === null) return 'block';
  return report.findings.some(({ code }) => blocks(code, rule, report.judgedAtMs)) ? 'block' : 'alert';
}

function countTunnel(meters: Meters, entry: VerdictEntry): void {
  const { verdict, mode, evidence, code } = entry;
  if (verdict === 'allow' || verdict === 'alert') meters.add('tunnels', { mode: mode ?? 'none', verdict });
  if (evidence !== null && evidence.assurance !== 'none') meters.observe('handshakes', evidence.handshakeMs / 1000);
  if (verdict !== 'error' || code === null) return;
  if (UPSTREAM_STAGES.has(CODES[code].stage)) meters.add('upstreamErrors', { reason: code });
  else meters.add('errors', { code });
}
