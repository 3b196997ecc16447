/**
 * CT logs for tests: they sign what they are told, and list themselves in v3 JSON.
 *
 *   const log = testLog({ operator: 'One' });
 *   const leaf = inter.issueLeaf({ dns: ['a.test'], sctList: embeddedScts([log], atMs) });
 *   const list = parsedList([log], atMs);
 */
import { createHash, sign } from 'node:crypto';
import { type LogList, parseLogList } from '../../src/pki/ct/log-list.ts';
import { type SignedEntry, signedBytes } from '../../src/pki/ct/sct.ts';
import { generateKey, type KeyName, type KeyPair } from './keys.ts';
import type { Issued } from './test-ca.ts';

export interface TestLogSpec {
  readonly operator?: string;
  readonly name?: string;
  readonly key?: KeyName | KeyPair;
  /** Name of the state and when it began; null leaves it out. */
  readonly state?: readonly [name: string, since: string] | null;
  readonly interval?: readonly [start: string, end: string];
  readonly previousOperators?: readonly { readonly name: string; readonly end_time: string }[];
  readonly tiled?: boolean;
}

export interface SctSpec {
  /** CtExtensions, as the static CT API's leaf_index. */
  readonly extensions?: Buffer;
  readonly version?: number;
  readonly hash?: number;
  readonly algorithm?: number;
  /** Flips a bit of the signature. */
  readonly broken?: boolean;
}

export class TestLog {
  readonly spec: TestLogSpec;
  readonly key: KeyPair;
  /** base64 of the SHA-256 of the SPKI. */
  readonly logId: string;

  constructor(spec: TestLogSpec = {}) {
    this.spec = spec;
    this.key = typeof spec.key === 'object' ? spec.key : generateKey(spec.key);
    this.logId = createHash('sha256').update(this.key.spki).digest('base64');
  }

  /** One SCT in TLS form, without its length. */
  sct(entry: SignedEntry, timestampMs: number, spec: SctSpec = {}): Buffer {
    const extensions = spec.extensions ?? Buffer.alloc(0);
    const timestamp = BigInt(timestampMs);
    const signature = sign('sha256', signedBytes({ timestamp, extensions }, entry), this.key.privateKey);
    if (spec.broken === true) signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
    const stamp = Buffer.alloc(8);
    stamp.writeBigUInt64BE(timestamp);
    const isRsa = this.key.privateKey.asymmetricKeyType === 'rsa';
    return Buffer.concat([
      Buffer.from([spec.version ?? 0]),
      Buffer.from(this.logId, 'base64'),
      stamp,
      vector16(extensions),
      Buffer.from([spec.hash ?? 4, spec.algorithm ?? (isRsa ? 1 : 3)]),
      vector16(signature),
    ]);
  }

  /** The log in v3 JSON. */
  get json(): Readonly<Record<string, unknown>> {
    const { name, state = ['usable', '2020-01-01T00:00:00Z'], interval, previousOperators, tiled } = this.spec;
    const url = 'https://log.test/';
    return {
      description: name ?? `log of ${this.spec.operator ?? 'One'}`,
      log_id: this.logId,
      key: this.key.spki.toString('base64'),
      ...(tiled === true ? { submission_url: url, monitoring_url: url } : { url }),
      mmd: 86400,
      ...(state === null ? {} : { state: { [state[0]]: { timestamp: state[1] } } }),
      ...(interval === undefined
        ? {}
        : { temporal_interval: { start_inclusive: interval[0], end_exclusive: interval[1] } }),
      ...(previousOperators === undefined ? {} : { previous_operators: previousOperators }),
    };
  }
}

export function testLog(spec: TestLogSpec = {}): TestLog {
  return new TestLog(spec);
}

function vector16(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A SignedCertificateTimestampList. */
export function sctList(...scts: readonly Buffer[]): Buffer {
  return vector16(Buffer.concat(scts.map(vector16)));
}

/** For `sctList` of a certificate's spec: each log signs the precertificate at `timestampMs`. */
export function embeddedScts(
  logs: readonly TestLog[],
  timestampMs: number,
  spec: SctSpec = {},
): (precertTbs: Buffer, issuer: Issued) => Buffer {
  return (tbs, issuer) => {
    const issuerKeyHash = createHash('sha256').update(issuer.spki).digest();
    return sctList(...logs.map((log) => log.sct({ type: 'precert', issuerKeyHash, tbs }, timestampMs, spec)));
  };
}

/** Bytes of a v3 list, logs grouped by operator. */
export function listBytes(logs: readonly TestLog[], timestampMs: number): Buffer {
  const operators = Map.groupBy(logs, (log) => log.spec.operator ?? 'One');
  return Buffer.from(
    JSON.stringify({
      version: '1.0',
      log_list_timestamp: new Date(timestampMs).toISOString(),
      operators: [...operators].map(([name, own]) => ({
        name,
        email: [],
        logs: own.filter((log) => log.spec.tiled !== true).map((log) => log.json),
        tiled_logs: own.filter((log) => log.spec.tiled === true).map((log) => log.json),
      })),
    }),
  );
}

export function parsedList(logs: readonly TestLog[], timestampMs: number): LogList {
  const parsed = parseLogList(listBytes(logs, timestampMs));
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}
