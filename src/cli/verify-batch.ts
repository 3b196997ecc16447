/**
 * `verify --batch`: JSON lines in, JSON lines out, in order.
 *
 * Does: judge one line at a time in flat memory; a bad line is answered with its error and the next one is read. null
 * stands for an absent field, and `id` may be any JSON value of at most 64 levels. Certificates and CRLs that do not
 * parse are no bad line: they prove nothing, so what needs them fails.
 * Does not: stop at a bad line, guess at unknown fields, or fetch.
 */
import { resolve } from 'node:path';
import { FileError, readBytes } from '../host/files.ts';
import type { Outcomes } from '../model/outcome.ts';
import { type LogList, MAX_LOG_LIST_BYTES, parseLogList } from '../pki/ct/log-list.ts';
import type { PinGroups } from '../policy/pin-groups.ts';
import type { Rule } from '../policy/policy.ts';
import type { Io } from './io.ts';
import { readMoment } from './moment.ts';
import { type Answer, type Bench, type Case, judgeOffline, readAnchors, readHost } from './offline.ts';
import { FLOOR_ONLY, ruleOfValue } from './plain-rule.ts';

/** A CRL of 16 MiB in base64, and a chain beside it. */
export const MAX_LINE_BYTES = 24 * 1024 * 1024;

/** Log lists kept between lines; a run uses one or two. */
const MAX_LOG_LISTS = 16;

/** An id is a name or a small record of it. */
const MAX_ID_DEPTH = 64;

export interface BatchResult {
  readonly id: unknown;
  readonly verdict: 'allow' | 'alert' | 'block';
  readonly code: string | null;
  readonly codes: readonly string[];
  readonly path: readonly string[] | null;
  readonly outcomes: Outcomes;
}

export interface BatchSetting {
  readonly io: Io;
  readonly bench: Bench;
  readonly groups: PinGroups;
  /** Used when a line has no `at`. */
  readonly nowMs: number;
}

/** Exit code: 0, whatever the verdicts are. */
export async function runBatch(setting: BatchSetting): Promise<number> {
  const logLists = new Map<string, LogList>();
  for await (const line of boundedLines(setting.io.stdin, MAX_LINE_BYTES)) {
    if (line !== null && line.trim() === '') continue;
    const answer =
      line === null
        ? { id: null, error: `line longer than ${MAX_LINE_BYTES} bytes` }
        : answerLine(line, setting, logLists);
    setting.io.out(`${JSON.stringify(answer)}\n`);
  }
  return 0;
}

/** Lines without their end; null stands for one that was longer than `maxBytes`, which is not kept. */
export async function* boundedLines(
  input: AsyncIterable<Uint8Array | string>,
  maxBytes: number,
): AsyncGenerator<string | null, void> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  const take = (): string | null => {
    const line = bytes > maxBytes ? null : Buffer.concat(pieces, bytes).toString('utf8');
    pieces = [];
    bytes = 0;
    return line;
  };
  const keep = (piece: Uint8Array): void => {
    bytes += piece.length;
    if (bytes > maxBytes) pieces = [];
    else if (piece.length > 0) pieces.push(piece);
  };
  for await (const chunk of input) {
    let rest: Uint8Array = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      keep(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      yield take();
    }
    keep(rest);
  }
  if (bytes > 0) yield take();
}

/** Why a line cannot be judged. */
class BadLine extends Error {}

type Line = Readonly<Record<string, unknown>>;

const FIELDS: ReadonlySet<string> = new Set([
  'id',
  'chain',
  'host',
  'anchors',
  'anchorsArePublic',
  'at',
  'staple',
  'crls',
  'logList',
  'rule',
]);

function answerLine(
  text: string,
  setting: BatchSetting,
  logLists: Map<string, LogList>,
): BatchResult | { readonly id: unknown; readonly error: string } {
  let id: unknown = null;
  try {
    const line = readLine(text);
    id = readId(line);
    return printed(id, judgeOffline(readCase(line, setting, logLists), setting.bench));
  } catch (thrown) {
    if (thrown instanceof BadLine) return { id, error: thrown.message };
    // A bug of ours must neither end the run nor pass for a verdict.
    return { id, error: `internal failure: ${thrown instanceof Error ? thrown.message : 'unknown'}` };
  }
}

/** What one line of the answer says of a judgement. */
export function printed(id: unknown, { report, verdict }: Answer): BatchResult {
  return {
    id,
    verdict: verdict.verdict,
    code: verdict.code,
    codes: [...new Set(report.findings.map((entry) => entry.code))],
    path: report.path?.map((certificate) => certificate.der.sha256) ?? null,
    outcomes: report.outcomes,
  };
}

function readLine(text: string): Line {
  let value: unknown;
  try {
    // Some editors and shells begin a file with a byte order mark; RFC 8259 §8.1 allows to ignore it.
    value = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  } catch {
    throw new BadLine('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadLine('not a JSON object');
  return value as Line;
}

/** Any JSON value that can be written again: printing one that is nested some thousand times overflows the stack. */
function readId(line: Line): unknown {
  const id = line['id'] ?? null;
  if (isDeeper(id, MAX_ID_DEPTH)) throw new BadLine(`id: nested deeper than ${MAX_ID_DEPTH}`);
  return id;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function readCase(line: Line, { io, bench, groups, nowMs }: BatchSetting, logLists: Map<string, LogList>): Case {
  for (const key of Object.keys(line)) if (!FIELDS.has(key)) throw new BadLine(`${key.slice(0, 64)}: unknown field`);
  const authority = typeof line['host'] === 'string' ? readHost(line['host']) : null;
  if (authority === null) throw new BadLine('host: expected a name or an IP address');
  const chain = readBlobs(line['chain'], 'chain');
  if (chain === null) throw new BadLine('chain: expected a list of base64');
  const given = readBlobs(line['anchors'], 'anchors');
  const anchors = given === null ? null : readAnchors(given, bench);
  const rule = readRule(line['rule'], groups);
  const arePublic = readFlag(line['anchorsArePublic'], 'anchorsArePublic');
  if (rule.anchors !== 'public') {
    throw new BadLine('rule.anchors: a batch reads no trust store and no file; put the certificates into anchors');
  }
  // It replaces the global set, which `anchors` is, by the public one.
  const isPublicAsked = names(line['rule'], 'anchors') && !arePublic;
  return {
    authority,
    chain,
    anchors: isPublicAsked ? null : (anchors?.set ?? null),
    malformedAnchors: anchors?.malformed ?? 0,
    anchorsArePublic: arePublic,
    atMs: readAt(line['at'], nowMs),
    staple: isAbsent(line['staple']) ? null : readBlob(line['staple'], 'staple'),
    crls: readBlobs(line['crls'], 'crls') ?? [],
    logList: readLogList(line['logList'], io.cwd, logLists),
    rule,
  };
}

/** Whether a rule says this itself; its default says the same where it does not. */
function names(rule: unknown, field: string): boolean {
  return typeof rule === 'object' && rule !== null && Object.hasOwn(rule, field);
}

/** Many languages write null for what is not there. */
function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** Canonical base64 (RFC 4648 §4) only. Comparing is safe for 16 MiB, which overflow the stack of a regular expression. */
function readBlob(value: unknown, field: string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : null;
  if (bytes === null || bytes.toString('base64') !== value) throw new BadLine(`${field}: expected base64`);
  return bytes;
}

function readBlobs(value: unknown, field: string): Buffer[] | null {
  if (isAbsent(value)) return null;
  if (!Array.isArray(value)) throw new BadLine(`${field}: expected a list of base64`);
  return value.map((one, index) => readBlob(one, `${field}[${index}]`));
}

function readFlag(value: unknown, field: string): boolean {
  if (isAbsent(value)) return false;
  if (typeof value !== 'boolean') throw new BadLine(`${field}: expected true or false`);
  return value;
}

function readAt(value: unknown, nowMs: number): number {
  if (isAbsent(value)) return nowMs;
  const atMs = typeof value === 'string' ? readMoment(value) : null;
  if (atMs === null) throw new BadLine('at: expected an ISO 8601 time with a zone');
  return atMs;
}

function readRule(value: unknown, groups: PinGroups): Rule {
  const loaded = ruleOfValue(value ?? FLOOR_ONLY, 'rule', groups);
  if (loaded.ok) return loaded.value;
  throw new BadLine(`rule: ${loaded.mistakes.map((mistake) => mistake.message).join('; ')}`.slice(0, 1000));
}

function readLogList(value: unknown, cwd: string, known: Map<string, LogList>): LogList | null {
  if (isAbsent(value)) return null;
  if (typeof value !== 'string') throw new BadLine('logList: expected a path');
  const list = known.get(value);
  if (list !== undefined) return list;
  try {
    const parsed = parseLogList(readBytes(resolve(cwd, value), MAX_LOG_LIST_BYTES));
    if (!parsed.ok) throw new BadLine(`logList: ${parsed.why}`);
    if (known.size >= MAX_LOG_LISTS) known.clear();
    known.set(value, parsed.value);
    return parsed.value;
  } catch (thrown) {
    if (thrown instanceof FileError) throw new BadLine(`logList: ${thrown.message}`);
    throw thrown;
  }
}
