/**
 * The shape of a v3 log list, decoded by hand: each function takes one JSON value and the path to it and answers a
 * typed value or refuses the whole list. Fields that judging does not need (email, url, mmd, …) are not read.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import type { Parsed } from '../x509/certificate.ts';
import { type CtLog, LOG_STATES, type LogAlgorithm, type LogState } from './log.ts';

/** Bounds of one list; list 80.14 has 8 operators, 75 logs and no name above 40 characters. */
const MAX_OPERATORS = 256;
const MAX_LOGS = 4096;
const MAX_PREVIOUS_OPERATORS = 16;
const MAX_TEXT = 256;
/** Characters of base64: an RSA-8192 SPKI has 1,070 bytes. */
const MAX_KEY_TEXT = 2048;
/** RFC 6962 §2.1.4: RSA with at least 2048 bits. Above 8192 a verification costs more than a log is worth. */
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
const MAX_RSA_EXPONENT = 2n ** 32n - 1n;

export interface DecodedLogList {
  readonly version: string;
  readonly timestampMs: number;
  readonly logs: readonly CtLog[];
}

class Refused extends Error {}

/** Decodes what JSON.parse gave. */
export function decodeLogList(json: unknown): Parsed<DecodedLogList> {
  try {
    const root = object(json, 'list');
    const version = text(root['version'], 'version');
    const timestampMs = moment(root['log_list_timestamp'], 'log_list_timestamp');
    const logs: CtLog[] = [];
    for (const [index, one] of list(root['operators'], 'operators', MAX_OPERATORS).entries()) {
      logs.push(...operatorLogs(one, `operators[${index}]`));
      if (logs.length > MAX_LOGS) throw new Refused(`operators: more than ${MAX_LOGS} logs`);
    }
    return { ok: true, value: { version, timestampMs, logs } };
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown;
    return { ok: false, why: thrown.message, offset: 0 };
  }
}

function operatorLogs(json: unknown, at: string): CtLog[] {
  const operator = object(json, at);
  const name = text(operator['name'], `${at}.name`);
  const logs = list(operator['logs'], `${at}.logs`, MAX_LOGS);
  const tiled = operator['tiled_logs'] === undefined ? [] : list(operator['tiled_logs'], `${at}.tiled_logs`, MAX_LOGS);
  return [
    ...logs.map((one, index) => decodeLog(one, `${at}.logs[${index}]`, name, 'rfc6962')),
    ...tiled.map((one, index) => decodeLog(one, `${at}.tiled_logs[${index}]`, name, 'tiled')),
  ];
}

function decodeLog(json: unknown, at: string, operator: string, kind: CtLog['kind']): CtLog {
  const log = object(json, at);
  const spki = base64(log['key'], `${at}.key`);
  const { key, algorithm } = logKey(spki, `${at}.key`);
  const logId = createHash('sha256').update(spki).digest('base64');
  if (log['log_id'] !== logId) throw new Refused(`${at}.log_id: not the SHA-256 of the key`);
  const description = log['description'] === undefined ? logId : text(log['description'], `${at}.description`);
  const state = decodeState(log['state'], `${at}.state`);
  const interval = decodeInterval(log['temporal_interval'], `${at}.temporal_interval`);
  const previousOperators = decodePrevious(log['previous_operators'], `${at}.previous_operators`);
  return Object.freeze({
    logId,
    description,
    spki,
    key,
    algorithm,
    kind,
    ...state,
    interval,
    operator,
    previousOperators,
  });
}

function logKey(spki: Buffer, at: string): { key: KeyObject; algorithm: LogAlgorithm } {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    throw new Refused(`${at}: not a public key`);
  }
  const details = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && details.namedCurve === 'prime256v1') return { key, algorithm: 'ecdsa-p256' };
  const bits = details.modulusLength ?? 0;
  const sound = bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS && (details.publicExponent ?? 0n) <= MAX_RSA_EXPONENT;
  if (key.asymmetricKeyType === 'rsa' && sound) return { key, algorithm: 'rsa' };
  throw new Refused(`${at}: neither P-256 nor RSA of ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits`);
}

function decodeState(json: unknown, at: string): { state: LogState; stateSinceMs: number } {
  if (json === undefined) return { state: 'unstated', stateSinceMs: 0 };
  const entries = Object.entries(object(json, at));
  const [name, value] = entries[0] ?? ['', undefined];
  const state = LOG_STATES.find((known) => known === name);
  if (entries.length !== 1 || state === undefined) throw new Refused(`${at}: not exactly one known state`);
  return { state, stateSinceMs: moment(object(value, `${at}.${state}`)['timestamp'], `${at}.${state}.timestamp`) };
}

function decodeInterval(json: unknown, at: string): CtLog['interval'] {
  if (json === undefined) return null;
  const interval = object(json, at);
  const startMs = moment(interval['start_inclusive'], `${at}.start_inclusive`);
  const endMs = moment(interval['end_exclusive'], `${at}.end_exclusive`);
  if (endMs <= startMs) throw new Refused(`${at}: ends before it starts`);
  return Object.freeze({ startMs, endMs });
}

function decodePrevious(json: unknown, at: string): CtLog['previousOperators'] {
  if (json === undefined) return [];
  const previous = list(json, at, MAX_PREVIOUS_OPERATORS).map((one, index) => {
    const entry = object(one, `${at}[${index}]`);
    const name = text(entry['name'], `${at}[${index}].name`);
    return Object.freeze({ name, endMs: moment(entry['end_time'], `${at}[${index}].end_time`) });
  });
  return Object.freeze(previous.sort((a, b) => a.endMs - b.endMs));
}

function object(json: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Refused(`${at}: not an object`);
  return json as Record<string, unknown>;
}

function list(json: unknown, at: string, max: number): readonly unknown[] {
  if (!Array.isArray(json)) throw new Refused(`${at}: not a list`);
  if (json.length > max) throw new Refused(`${at}: more than ${max} entries`);
  return json;
}

function text(json: unknown, at: string): string {
  if (typeof json !== 'string' || json === '' || json.length > MAX_TEXT) {
    throw new Refused(`${at}: not a text of 1 to ${MAX_TEXT} characters`);
  }
  return json;
}

function base64(json: unknown, at: string): Buffer {
  if (typeof json !== 'string' || json.length > MAX_KEY_TEXT) throw new Refused(`${at}: not base64`);
  const bytes = Buffer.from(json, 'base64');
  if (bytes.length === 0 || bytes.toString('base64') !== json) throw new Refused(`${at}: not base64`);
  return bytes;
}

/** RFC 3339 in UTC, with or without fractions of a second; answers milliseconds since the epoch. */
function moment(json: unknown, at: string): number {
  const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;
  const ms = typeof json === 'string' && json.length < 40 && form.test(json) ? Date.parse(json) : Number.NaN;
  if (Number.isNaN(ms)) throw new Refused(`${at}: not a time in UTC`);
  return ms;
}
