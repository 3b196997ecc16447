/**
 * The two audit lines of a tunnel, as flat records whose keys are the dotted names of ECS and OpenTelemetry. Pure.
 *
 * Does: choose the fields, cap and escape everything a peer chose.
 * Does not: chain, write or count (audit.ts and recorder.ts do).
 */
import { CODES } from '../model/codes.ts';
import type { Evidence } from '../model/evidence.ts';
import { CHECKS, type Facts } from '../model/outcome.ts';
import { clip } from '../model/text.ts';
import { readTlsVersion } from '../model/tls.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { needsUnsafeTls } from '../verify/floor.ts';
import type { Report } from '../verify/report.ts';
import type { CloseEntry, VerdictEntry } from './recorder.ts';

export type RecordValue = string | number | boolean | null | readonly string[] | Readonly<Record<string, unknown>>;
export type AuditRecord = Readonly<Record<string, RecordValue>>;

/** Facts and lists are bounded by their makers; this bounds what one line may hold whatever they do. */
const MAX_LIST = 32;

/** The `verdict` line. `worker` is the number of the writing worker, 1-based; `evidenceId` names the chain in the locker. */
export function verdictRecord(entry: VerdictEntry, worker: number, evidenceId: string | null = null): AuditRecord {
  const { rule, report, evidence, code, verdict } = entry;
  return {
    ...head(entry, 'verdict', worker),
    'event.outcome': verdict === 'allow' || verdict === 'alert' ? 'success' : 'failure',
    ...(code === null ? {} : { 'event.reason': CODES[code].says }),
    ...(evidence === null ? {} : connectionFields(evidence)),
    ...leafFields(report?.leaf ?? null),
    'pinwarden.owner': rule?.owner ?? null,
    'pinwarden.policy': rule?.metricsGroup ?? null,
    'pinwarden.mode': entry.mode,
    'pinwarden.verdict': verdict,
    'pinwarden.would_block': verdict === 'alert' || verdict === 'block',
    'pinwarden.code': code,
    'pinwarden.codes': codesOf(entry),
    'pinwarden.assurance': evidence?.assurance ?? 'none',
    'pinwarden.generation': entry.generation,
    ...(usedUnsafeTls(entry) ? { 'pinwarden.override': 'unsafeTls' } : {}),
    ...(evidenceId === null ? {} : { 'pinwarden.evidence': evidenceId }),
    ...(report === null ? {} : reportFields(report)),
    ...(evidence === null ? {} : { 'pinwarden.chain': evidence.chain.slice(0, MAX_LIST).map((der) => der.sha256) }),
    ...(Object.keys(entry.facts).length === 0 ? {} : { 'pinwarden.facts': capFacts(entry.facts) }),
  };
}

/** Bytes may flow, and only because the rule's `unsafeTls` lowers the TLS floor. */
export function usedUnsafeTls({ rule, evidence, verdict }: VerdictEntry): boolean {
  const isOpen = verdict === 'allow' || verdict === 'alert';
  return isOpen && rule !== null && evidence !== null && needsUnsafeTls(rule, evidence);
}

/** The `close` line. */
export function closeRecord(entry: CloseEntry, worker: number): AuditRecord {
  return {
    ...head(entry, 'close', worker),
    'event.outcome': entry.reason === 'error' ? 'failure' : 'success',
    'event.reason': entry.reason,
    // ECS counts event.duration in nanoseconds.
    'event.duration': Math.round(entry.durationMs * 1e6),
    'source.bytes': entry.bytesUp,
    'destination.bytes': entry.bytesDown,
    'pinwarden.policy': entry.rule?.metricsGroup ?? null,
    'pinwarden.mode': entry.mode,
    'pinwarden.code': entry.code,
    'pinwarden.bytes': entry.bytesUp + entry.bytesDown,
    'pinwarden.duration': Math.round(entry.durationMs) / 1000,
    'pinwarden.reason': entry.reason,
    ...(entry.clientAlert === undefined || entry.clientAlert === null
      ? {}
      : { 'pinwarden.client_alert': clip(entry.clientAlert) }),
  };
}

function head(entry: VerdictEntry | CloseEntry, action: string, worker: number): AuditRecord {
  const { client, authority, traceId, rule } = entry;
  return {
    '@timestamp': new Date(entry.atMs).toISOString(),
    'event.id': entry.eventId,
    'event.kind': 'event',
    'event.category': ['network'],
    'event.action': action,
    'source.address': client.address,
    'source.port': client.port,
    ...(client.user === null ? {} : { 'user.name': clip(client.user) }),
    ...(authority === null ? {} : { 'server.address': authority.host, 'server.port': authority.port }),
    ...(traceId === null ? {} : { 'trace.id': traceId }),
    'pinwarden.client': client.groups[0] ?? null,
    'pinwarden.rule': rule?.name ?? null,
    'pinwarden.worker': worker,
  };
}

function connectionFields(evidence: Evidence): AuditRecord {
  const { address, tlsVersion } = evidence;
  return {
    ...(address === null ? {} : { 'network.peer.address': address, 'network.peer.port': evidence.authority.port }),
    ...(tlsVersion === null
      ? {}
      : {
          'tls.version_protocol': 'tls',
          'tls.version': readTlsVersion(tlsVersion) ?? clip(tlsVersion),
          'tls.cipher': evidence.cipher,
          'tls.curve': evidence.group,
          'tls.next_protocol': evidence.alpn === null ? null : clip(evidence.alpn),
          'tls.resumed': evidence.resumed,
          'tls.client.server_name': evidence.serverName,
        }),
    'pinwarden.openssl': evidence.openssl,
    'pinwarden.handshake': Math.round(evidence.handshakeMs) / 1000,
  };
}

/** Of the certificate that was presented, whether its chain is valid or not: one issuer behind many hosts must show. */
function leafFields(leaf: Certificate | null): AuditRecord {
  if (leaf === null) return {};
  return {
    'tls.server.subject': clip(leaf.subject.text),
    'tls.server.issuer': clip(leaf.issuer.text),
    'tls.server.not_before': isoOrNull(leaf.notBeforeMs),
    'tls.server.not_after': isoOrNull(leaf.notAfterMs),
    'tls.server.hash.sha256': leaf.der.sha256.toUpperCase(),
  };
}

/** A certificate may name a year that Date cannot print. */
function isoOrNull(atMs: number): string | null {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function reportFields(report: Report): AuditRecord {
  const path = report.path ?? report.explanatoryPath;
  return {
    'pinwarden.checks': Object.fromEntries(CHECKS.map((check) => [check, report.outcomes[check].is])),
    'pinwarden.pins': (path ?? []).slice(0, MAX_LIST).map(({ spkiSha256 }) => `sha256/${spkiSha256}`),
    'pinwarden.pin': report.pinHit?.pin ?? null,
    'pinwarden.path': report.path === null ? null : report.path.map(({ subject }) => clip(subject.text)),
  };
}

function codesOf(entry: VerdictEntry): readonly string[] {
  const codes = new Set<string>((entry.report?.findings ?? []).map((found) => found.code));
  if (entry.code !== null) codes.add(entry.code);
  return [...codes].slice(0, MAX_LIST);
}

function capFacts(facts: Facts): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(facts)
      .slice(0, MAX_LIST)
      .map(([key, value]) => {
        if (typeof value === 'string') return [clip(key), clip(value)];
        if (typeof value === 'object') return [clip(key), value.slice(0, MAX_LIST).map((one) => clip(one))];
        return [clip(key), value];
      }),
  );
}
