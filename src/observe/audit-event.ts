/**
 * One line of an audit file, read back: the typed values that events, watch and why speak of. Pure.
 *
 * Does: take any text for input, and cap and escape every string again, so that a line that somebody wrote into the
 * file cannot colour a terminal or forge another line.
 * Does not: check the chain of hashes (audit.ts does).
 */
import { type Code, isCode } from '../model/codes.ts';
import { clip } from '../model/text.ts';
import { VERDICTS, type VerdictWord } from './recorder.ts';

interface Common {
  readonly eventId: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Address of the client. */
  readonly client: string;
  readonly clientGroup: string | null;
  readonly user: string | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly rule: string | null;
  readonly policy: string | null;
  readonly mode: string | null;
  readonly code: Code | null;
  readonly worker: number | null;
  /** The line as it stands in the file: for machines, not for terminals. */
  readonly record: Readonly<Record<string, unknown>>;
}

export interface VerdictLine extends Common {
  readonly kind: 'verdict';
  readonly verdict: VerdictWord;
  readonly codes: readonly Code[];
  readonly owner: string | null;
  readonly generation: number | null;
  /** The dialled address. */
  readonly address: string | null;
  readonly tlsVersion: string | null;
  readonly cipher: string | null;
  readonly group: string | null;
  readonly alpn: string | null;
  readonly assurance: string | null;
  readonly openssl: string | null;
  /** Of the presented leaf, whether its chain is valid or not. */
  readonly subject: string | null;
  readonly issuer: string | null;
  readonly notBefore: string | null;
  readonly notAfter: string | null;
  /** `sha256/…` of the path or, without one, of the nearest miss; leaf first. */
  readonly keys: readonly string[];
  /** Subjects of the verified path, leaf first; null: there is none. */
  readonly path: readonly string[] | null;
  /** SHA-256 of what was presented, hex. */
  readonly chain: readonly string[];
  /** Check → pass, fail, absent or skipped. */
  readonly checks: Readonly<Record<string, string>>;
  /** Which pin matched. */
  readonly pin: string | null;
  /** Id in the evidence locker. */
  readonly evidence: string | null;
  readonly facts: Readonly<Record<string, string>>;
}

export interface CloseLine extends Common {
  readonly kind: 'close';
  readonly reason: string | null;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly durationMs: number;
  /** TLS alert by which the client refused our certificate; `closed`: it went without a word. */
  readonly clientAlert: string | null;
}

export type AuditEvent = VerdictLine | CloseLine;

/** No list of an audit line is longer. */
const MAX_LIST = 32;

/** Null: not a verdict or close line (a gap, or no line of ours). */
export function readAuditLine(text: string): AuditEvent | null {
  try {
    return readAuditRecord(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The same for a record that has been parsed from JSON. */
export function readAuditRecord(value: unknown): AuditEvent | null {
  if (!isRecord(value)) return null;
  const common = readCommon(value);
  if (common === null) return null;
  switch (value['event.action']) {
    case 'verdict':
      return readVerdict(value, common);
    case 'close':
      return readClose(value, common);
    default:
      return null;
  }
}

type Raw = Readonly<Record<string, unknown>>;

function readCommon(value: Raw): Common | null {
  const eventId = text(value['event.id']);
  const atMs = Date.parse(text(value['@timestamp']) ?? '');
  if (eventId === null || Number.isNaN(atMs)) return null;
  return {
    eventId,
    atMs,
    client: text(value['source.address']) ?? '?',
    clientGroup: text(value['pinwarden.client']),
    user: text(value['user.name']),
    host: text(value['server.address']),
    port: number(value['server.port']),
    rule: text(value['pinwarden.rule']),
    policy: text(value['pinwarden.policy']),
    mode: text(value['pinwarden.mode']),
    code: code(value['pinwarden.code']),
    worker: number(value['pinwarden.worker']),
    record: value,
  };
}

function readVerdict(value: Raw, common: Common): VerdictLine | null {
  const verdict = VERDICTS.find((word) => word === value['pinwarden.verdict']);
  if (verdict === undefined) return null;
  return {
    ...common,
    kind: 'verdict',
    verdict,
    codes: texts(value['pinwarden.codes']).filter(isCode),
    owner: text(value['pinwarden.owner']),
    generation: number(value['pinwarden.generation']),
    address: text(value['network.peer.address']),
    tlsVersion: text(value['tls.version']),
    cipher: text(value['tls.cipher']),
    group: text(value['tls.curve']),
    alpn: text(value['tls.next_protocol']),
    assurance: text(value['pinwarden.assurance']),
    openssl: text(value['pinwarden.openssl']),
    subject: text(value['tls.server.subject']),
    issuer: text(value['tls.server.issuer']),
    notBefore: text(value['tls.server.not_before']),
    notAfter: text(value['tls.server.not_after']),
    keys: texts(value['pinwarden.pins']),
    path: Array.isArray(value['pinwarden.path']) ? texts(value['pinwarden.path']) : null,
    chain: texts(value['pinwarden.chain']),
    checks: words(value['pinwarden.checks']),
    pin: text(value['pinwarden.pin']),
    evidence: text(value['pinwarden.evidence']),
    facts: words(value['pinwarden.facts']),
  };
}

function readClose(value: Raw, common: Common): CloseLine {
  return {
    ...common,
    kind: 'close',
    reason: text(value['pinwarden.reason']),
    bytesUp: number(value['source.bytes']) ?? 0,
    bytesDown: number(value['destination.bytes']) ?? 0,
    durationMs: (number(value['pinwarden.duration']) ?? 0) * 1000,
    clientAlert: text(value['pinwarden.client_alert']),
  };
}

function isRecord(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? clip(value) : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function code(value: unknown): Code | null {
  return typeof value === 'string' && isCode(value) ? value : null;
}

function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_LIST).flatMap((one: unknown) => text(one) ?? []);
}

/** Small maps of words: checks and facts. */
function words(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {};
  const entries = Object.entries(value).slice(0, MAX_LIST);
  return Object.fromEntries(entries.map(([key, one]) => [clip(key), printed(one)]));
}

function printed(value: unknown): string {
  return Array.isArray(value) ? texts(value).join(', ') : clip(String(value));
}
