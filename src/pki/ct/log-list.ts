/**
 * CT log lists, version 3 JSON: which logs count, in what state, run by whom and when.
 *
 * Does: decode strictly (unknown states, wrong types and log ids that are not the hash of the key refuse the list),
 * drop the mimic logs, verify the detached signature, refuse rollback, tell the age.
 * Does not: fetch. No list is shipped or downloaded: Google serves its list for Chrome only, has frozen the copy that
 * others get and put logs with published keys into it (acceptable use policy of 2026-01-22).
 * The caller must: hand over the file as it was read, and the signature key that the operator configured.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { Parsed } from '../x509/certificate.ts';
import type { CtLog } from './log.ts';
import { decodeLogList } from './log-list-decode.ts';

export interface LogList {
  readonly version: string;
  /** `log_list_timestamp`, milliseconds since the epoch. */
  readonly timestampMs: number;
  /** By `logId`. Without the logs of `refused`. */
  readonly logs: ReadonlyMap<string, CtLog>;
  /** Ids of mimic logs that the file held. */
  readonly refused: readonly string[];
  /** Lower-case hex over the bytes of the file. */
  readonly sha256: string;
}

/** Largest file that is read. The largest list seen (80.14 of 2026-01-02, 75 logs) has 53,543 bytes. */
export const MAX_LOG_LIST_BYTES = 1024 * 1024;

/** After this a list is stale: Chrome's own bound (70 days = 10 weeks). Milliseconds. */
export const DEFAULT_MAX_LOG_LIST_AGE_MS = 70 * 86_400_000;

/** A list may lead our clock by this much before it counts as stale. Milliseconds. */
export const LOG_LIST_SKEW_MS = 86_400_000;

/**
 * Logs whose private keys are published: put into the frozen list as usable in order to break those who enforce with
 * it. Anybody can mint their SCTs, so they never count, whatever a list says.
 */
export const MIMIC_LOG_IDS: ReadonlySet<string> = new Set([
  '9EGV1vAOLbVUNcrdV3iS5T4VrUFwWPh44U/2uRh0FYk=',
  'si9+3rWvav5QPeBAgbLXTBJThJL+3yyypSZQPO9TztI=',
]);

/** Decodes the bytes of a v3 list. `why` names the place in the JSON; `offset` is 0 (JSON has no stable offsets). */
export function parseLogList(bytes: Uint8Array): Parsed<LogList> {
  if (bytes.length > MAX_LOG_LIST_BYTES) return refusal(`longer than ${MAX_LOG_LIST_BYTES} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return refusal('not JSON in UTF-8');
  }
  const decoded = decodeLogList(json);
  if (!decoded.ok) return decoded;
  const logs = new Map<string, CtLog>();
  const refused: string[] = [];
  for (const log of decoded.value.logs) {
    if (logs.has(log.logId)) return refusal(`log ${log.logId} is listed twice`);
    if (MIMIC_LOG_IDS.has(log.logId)) refused.push(log.logId);
    else logs.set(log.logId, log);
  }
  const { version, timestampMs } = decoded.value;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { ok: true, value: Object.freeze({ version, timestampMs, logs, refused: Object.freeze(refused), sha256 }) };
}

function refusal(why: string): Parsed<never> {
  return { ok: false, why, offset: 0 };
}

/** Smallest RSA key that may sign a list, in bits; Google's has 4096. */
const MIN_LIST_KEY_BITS = 2048;

/**
 * Detached signature over the file: RSASSA-PKCS1-v1_5 or ECDSA, with SHA-256.
 * @param publicKeyPem SubjectPublicKeyInfo in PEM that the operator configured.
 */
export function verifyLogListSignature(
  bytes: Uint8Array,
  signature: Uint8Array,
  publicKeyPem: string,
): 'verified' | 'failed' | 'unusable-key' {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: publicKeyPem, format: 'pem' });
  } catch {
    return 'unusable-key';
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  const usable = key.asymmetricKeyType === 'ec' || (key.asymmetricKeyType === 'rsa' && bits >= MIN_LIST_KEY_BITS);
  if (!usable) return 'unusable-key';
  return verify('sha256', bytes, key, signature) ? 'verified' : 'failed';
}

export type LogListAnswer =
  | { readonly is: 'accepted'; readonly list: LogList }
  | { readonly is: 'refused'; readonly why: 'malformed' | 'signature' | 'rollback'; readonly detail: string };

/** What the control plane holds of a list: the file, and its signature when the operator configured a key. */
export interface LogListFiles {
  readonly bytes: Uint8Array;
  /** null: the operator configured no signature key. */
  readonly signed: { readonly signature: Uint8Array; readonly publicKeyPem: string } | null;
  /** The list in use; null: none yet. A replacement may not be older. */
  readonly held: Pick<LogList, 'timestampMs'> | null;
}

/** Signature first, then the content, then rollback: a list older than the one in use is never taken. */
export function acceptLogList(files: LogListFiles): LogListAnswer {
  if (files.signed !== null) {
    const answer = verifyLogListSignature(files.bytes, files.signed.signature, files.signed.publicKeyPem);
    if (answer !== 'verified') return { is: 'refused', why: 'signature', detail: answer };
  }
  const parsed = parseLogList(files.bytes);
  if (!parsed.ok) return { is: 'refused', why: 'malformed', detail: parsed.why };
  if (files.held !== null && parsed.value.timestampMs < files.held.timestampMs) {
    const detail = `${isoText(parsed.value.timestampMs)} is before ${isoText(files.held.timestampMs)}`;
    return { is: 'refused', why: 'rollback', detail };
  }
  return { is: 'accepted', list: parsed.value };
}

function isoText(ms: number): string {
  return new Date(ms).toISOString();
}

/** Whether the list may still be used. One from the future beyond the skew is as unusable as an old one. */
export function logListAge(
  list: LogList,
  nowMs: number,
  maxAgeMs: number = DEFAULT_MAX_LOG_LIST_AGE_MS,
): 'fresh' | 'stale' {
  const ageMs = nowMs - list.timestampMs;
  return ageMs < maxAgeMs && ageMs >= -LOG_LIST_SKEW_MS ? 'fresh' : 'stale';
}
