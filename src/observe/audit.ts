/**
 * The audit file of one worker: NDJSON, each line naming the SHA-256 of the line before it, so that a line that was
 * cut out, changed or reordered shows.
 *
 * Does: write verdict lines synchronously, before the tunnel carries a byte; batch close lines; count what is lost and
 * leave a `gap` line where it was lost; take back what was written only in part, so that every line parses; go on with
 * the chain of the file it finds.
 * Does not: survive power loss (no fsync a line), rotate, or decide what a line holds (records.ts does).
 * The caller must: give the file to one process only, call `flush` every now and then (an idle proxy learns by it that
 * there is room again), dial nothing while `blocked`, and call `end` before it exits.
 */
import { hash } from 'node:crypto';
import type { AppendFile } from '../host/files.ts';
import { Problem } from '../model/problem.ts';
import type { AuditRecord } from './records.ts';

export type RecordKind = 'verdict' | 'close';

export interface Audit {
  /** The last line could not be written and `onFull` is `block`: nothing that needs a record may begin. */
  readonly blocked: boolean;
  /** @throws Problem `audit.full` when the line could not be written and `onFull` is `block`. */
  verdict(record: AuditRecord): void;
  /** Queued; written with the next verdict or flush. */
  close(record: AuditRecord): void;
  /** Writes what is queued, or tries whether there is room again. A failure is counted, never thrown. */
  flush(): void;
  /** Moves to another file (after rotation); the chain goes on in it. */
  reopen(file: AppendFile): void;
  end(): void;
}

export interface AuditOptions {
  readonly file: AppendFile;
  readonly onFull: 'block' | 'count';
  /** Told of every line written or lost. */
  readonly counted: (kind: RecordKind, written: boolean, count: number) => void;
  /** Told, for the operator, that lines begin to be lost and why, and that they are written again. */
  readonly complain: (message: string) => void;
  /** Told when `blocked` turns. */
  readonly turned?: () => void;
  readonly now: () => number;
}

/** Close lines that wait: with lines of about 600 bytes, some 1.2 MiB at worst; beyond it they are counted as lost. */
const MAX_QUEUED = 2048;
/** A disk at its edge fails and works in turns: it is spoken of once in a minute. */
const COMPLAIN_EVERY_MS = 60_000;
/** Enough to find the last line: records are bounded to a few KiB. */
const TAIL_BYTES = 64 * 1024;
/** A line is a few KiB at most: with less room the disk still counts as full, or it would work and fail in turns. */
const ROOM_BYTES = 8192;
/** It stands in the file for a moment only; what a crash leaves of it begins like a record that was cut, and is taken back. */
const FILLER = Buffer.from('{'.padEnd(ROOM_BYTES));
/** What the first line of all names as the line before it. */
export const CHAIN_START = '0'.repeat(64);

interface Queued {
  readonly kind: RecordKind;
  readonly record: AuditRecord;
}

interface Chain {
  prev: string;
  seq: number;
  /** The file ends in the middle of a line. */
  torn: boolean;
}

export function openAudit(options: AuditOptions): Audit {
  const writer = createWriter(options);
  let queue: Queued[] = [];
  const take = (): Queued[] => {
    const items = queue;
    queue = [];
    return items;
  };
  return {
    get blocked() {
      return writer.isFull() && options.onFull === 'block';
    },
    verdict(record) {
      const written = writer.write([...take(), { kind: 'verdict', record }]);
      if (!written && options.onFull === 'block') throw new Problem('audit.full', 'self');
    },
    close(record) {
      if (queue.length < MAX_QUEUED) queue.push({ kind: 'close', record });
      else writer.lose([{ kind: 'close', record }]);
    },
    flush() {
      if (queue.length > 0 || writer.isFull()) writer.write(take());
    },
    reopen(next) {
      if (queue.length > 0) writer.write(take());
      writer.moveTo(next);
    },
    end() {
      if (queue.length > 0) writer.write(take());
      writer.end();
    },
  };
}

/** The file, its chain and what was lost on the way to it. */
function createWriter(options: AuditOptions) {
  let file = options.file;
  let lost = 0;
  let isFull = false;
  const chain = readChain(file);
  if (chain.torn && takeBackPiece(file)) {
    chain.torn = false;
    lost = 1;
  }
  const complaint = createComplaint(options);

  const turn = (full: boolean): void => {
    if (full === isFull) return;
    isFull = full;
    if (options.onFull === 'block') options.turned?.();
  };
  const lose = (items: readonly Queued[]): void => {
    for (const { kind } of items) options.counted(kind, false, 1);
    lost += items.length;
  };
  const fail = (items: readonly Queued[], why: string): false => {
    lose(items);
    complaint.losing(why);
    turn(true);
    return false;
  };
  return {
    isFull: () => isFull,
    lose,
    /** True when everything was written. What was not is counted as lost. */
    write(items: readonly Queued[]): boolean {
      if (isFull && options.onFull === 'block') {
        const why = tryRoom(file);
        if (why !== null) return fail(items, why);
      }
      const lines = print(items, lost, chain, options.now());
      const { writtenBytes, why } = tryAppend(file, Buffer.concat(lines.map(({ bytes }) => bytes)));
      let end = 0;
      for (const line of lines) {
        const begin = end;
        end += line.bytes.length;
        if (end > writtenBytes) {
          chain.torn = !takeBack(file, writtenBytes - begin) || (begin === 0 && chain.torn);
          return fail(items.slice(Math.max(0, lines.indexOf(line) - (lines.length - items.length))), why);
        }
        chain.prev = line.sha256;
        chain.seq = line.seq;
        chain.torn = false;
        if (line.kind === null) lost = 0;
        else options.counted(line.kind, true, 1);
      }
      complaint.written();
      turn(false);
      return true;
    },
    moveTo(next: AppendFile): void {
      file.close();
      file = next;
      chain.torn = endsTorn(next.tail(1)) && !takeBackPiece(next);
    },
    end: () => file.close(),
  };
}

interface Line {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly seq: number;
  /** Null: the gap line. */
  readonly kind: RecordKind | null;
}

/** Chains and prints; the chain itself is moved only when the bytes are in the file. */
function print(items: readonly Queued[], lost: number, chain: Readonly<Chain>, nowMs: number): readonly Line[] {
  const lines: Line[] = [];
  let { prev, seq } = chain;
  const add = (record: AuditRecord, kind: RecordKind | null): void => {
    seq += 1;
    // As the last fields, written as text: a copy of the record would cost more than printing it.
    const text = `${JSON.stringify(record).slice(0, -1)},"pinwarden.seq":${seq},"pinwarden.prev":"${prev}"}`;
    prev = hash('sha256', text, 'hex');
    const opening = chain.torn && lines.length === 0 ? '\n' : '';
    lines.push({ bytes: Buffer.from(`${opening}${text}\n`), sha256: prev, seq, kind });
  };
  if (lost > 0 || chain.torn) {
    add({ '@timestamp': new Date(nowMs).toISOString(), 'event.action': 'gap', 'pinwarden.lost': lost }, null);
  }
  for (const { record, kind } of items) add(record, kind);
  return lines;
}

function tryAppend(file: AppendFile, bytes: Buffer): { readonly writtenBytes: number; readonly why: string } {
  try {
    return { writtenBytes: file.append(bytes), why: 'only a part could be written' };
  } catch (thrown) {
    // Full, read-only, gone: all the same to the caller, who counts and may refuse.
    return { writtenBytes: 0, why: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** True when the last `count` bytes are gone again. */
function takeBack(file: AppendFile, count: number): boolean {
  try {
    if (count > 0) file.takeBack(count);
    return true;
  } catch {
    return false;
  }
}

/** Null: there is room for the next lines. Else why there is none. */
function tryRoom(file: AppendFile): string | null {
  const { writtenBytes, why } = tryAppend(file, FILLER);
  const isGone = takeBack(file, writtenBytes);
  return writtenBytes === FILLER.length && isGone ? null : why;
}

/** Cuts off the record that a crash or a full disk left unfinished at the end; what is none of ours stays. */
function takeBackPiece(file: AppendFile): boolean {
  const tail = file.tail(TAIL_BYTES);
  const piece = tail.subarray(tail.lastIndexOf(0x0a) + 1);
  const isOurs = piece[0] === 0x7b && parseLine(piece.toString('utf8')) === null;
  return isOurs && takeBack(file, piece.length);
}

/** Says the first loss and the end of it, not each. */
function createComplaint({ onFull, complain, now }: AuditOptions) {
  let saidMs = Number.NEGATIVE_INFINITY;
  let isOpen = false;
  return {
    losing(why: string): void {
      // In either direction: a clock that was set back must not keep it silent.
      if (isOpen || Math.abs(now() - saidMs) < COMPLAIN_EVERY_MS) return;
      isOpen = true;
      saidMs = now();
      const effect = onFull === 'block' ? 'connections are refused' : 'connections go on unrecorded';
      complain(`audit lines are lost (${why}): ${effect}; make room, or move the files away and send SIGHUP`);
    },
    written(): void {
      if (isOpen) complain('audit lines are written again; a gap line says how many are missing');
      isOpen = false;
    },
  };
}

function endsTorn(tail: Buffer): boolean {
  return tail.length > 0 && tail.at(-1) !== 0x0a;
}

function readChain(file: AppendFile): Chain {
  const tail = file.tail(TAIL_BYTES);
  const lines = tail.toString('utf8').split('\n');
  // The last piece is empty in a whole file, and the torn line otherwise; one that lacks only its end is a record.
  const last = lines.at(-1) ?? '';
  const text = parseLine(last) === null ? lines.at(-2) : last;
  if (text === undefined) return { prev: CHAIN_START, seq: 0, torn: endsTorn(tail) };
  const prev = hash('sha256', text, 'hex');
  return { prev, seq: sequenceOf(text), torn: endsTorn(tail) };
}

function sequenceOf(text: string): number {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return 0;
    const seq: unknown = Reflect.get(value, 'pinwarden.seq');
    return typeof seq === 'number' && Number.isSafeInteger(seq) && seq > 0 ? seq : 0;
  } catch {
    return 0;
  }
}

/** Where a chain breaks, for `verifyChain`. `line` is 1-based. */
export type ChainCheck =
  | { readonly ok: true; readonly lines: number; readonly gaps: number; readonly last: string }
  | { readonly ok: false; readonly line: number; readonly why: string };

/** Checks an audit text: every line parses and names the one before it; a torn line must be followed by a gap line. */
export function verifyChain(text: string, first: string = CHAIN_START): ChainCheck {
  let prev = first;
  let gaps = 0;
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const [index, line] of lines.entries()) {
    const record = parseLine(line);
    if (record === null) {
      if (parseLine(lines[index + 1] ?? '')?.['event.action'] === 'gap') continue;
      return { ok: false, line: index + 1, why: 'not a record' };
    }
    if (record['pinwarden.prev'] !== prev)
      return { ok: false, line: index + 1, why: 'does not follow the line before' };
    if (record['event.action'] === 'gap') gaps += 1;
    prev = hash('sha256', line, 'hex');
  }
  return { ok: true, lines: lines.length, gaps, last: prev };
}

function parseLine(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}
