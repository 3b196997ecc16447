/**
 * Reads audit files back: those of all workers and what rotation left beside them, as one stream in the order of time.
 *
 * Does: find the first line of a period by halving (lines are in the order of time), read in bounded pieces, merge.
 * Does not: hold a file in memory, or judge its chain of hashes.
 * The caller must: stop the iteration (`break`, `return`) or run it to its end, so that the files are closed.
 */
import { basename, dirname, join, parse } from 'node:path';
import { FileError, listDirectory, openRead, type ReadFile } from '../host/files.ts';
import { type AuditEvent, readAuditLine } from './audit-event.ts';

const PIECE_BYTES = 256 * 1024;
/** Lines have at most a few KiB; what is longer is none of ours and is skipped. */
const MAX_LINE_BYTES = 256 * 1024;
/** Close lines wait up to 200 ms for their verdict lines, and clocks are set back by a little. */
const DISORDER_MS = 10_000;

/** The files of all workers of `file`, and rotated ones; sorted. Compressed ones cannot be read and are left out. */
export function auditFiles(file: string): readonly string[] {
  const { name, ext } = parse(file);
  const pattern = new RegExp(`^${literal(name)}(?:\\.\\d{1,4})?${literal(ext)}(?:[.-]\\d[\\dTZ_.:-]*)?$`);
  try {
    const names = listDirectory(dirname(file)) ?? [];
    return names.filter((one) => pattern.test(one)).map((one) => join(dirname(file), one));
  } catch (thrown) {
    if (thrown instanceof FileError && thrown.why === 'missing') return [];
    throw thrown;
  }
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

export interface Period {
  /** Milliseconds since the epoch; absent: from the start. */
  readonly fromMs?: number;
  /** A cheap look at the text of a line: only those it likes are parsed. */
  readonly like?: (line: string) => boolean;
  /** No more than the last bytes of each file; absent: all of it. */
  readonly tailBytes?: number;
}

/** Events of all `files`, merged by time. @throws FileError for a file that cannot be read */
export function* readAudit(files: readonly string[], period: Period = {}): Generator<AuditEvent> {
  const streams = files.map((file) => eventsOf(file, period));
  try {
    const heads = streams.map((stream) => stream.next());
    for (;;) {
      let first = -1;
      for (const [index, head] of heads.entries()) {
        if (head.done === true) continue;
        const best = heads[first];
        if (best === undefined || best.done === true || head.value.atMs < best.value.atMs) first = index;
      }
      const head = heads[first];
      const stream = streams[first];
      if (head === undefined || head.done === true || stream === undefined) return;
      yield head.value;
      heads[first] = stream.next();
    }
  } finally {
    for (const stream of streams) stream.return(undefined);
  }
}

function* eventsOf(file: string, { fromMs, like, tailBytes }: Period): Generator<AuditEvent, undefined> {
  let reader: ReadFile;
  try {
    reader = openRead(file);
  } catch (thrown) {
    // Rotated away since the directory was listed.
    if (thrown instanceof FileError && thrown.why === 'missing') return;
    throw thrown;
  }
  try {
    const tail = tailBytes === undefined ? 0 : Math.max(0, reader.size() - tailBytes);
    // From within a file the first line is half a line, and is passed over as no record.
    const start = Math.max(tail, fromMs === undefined ? 0 : seek(reader, fromMs - DISORDER_MS));
    for (const line of linesFrom(reader, start)) {
      if (like !== undefined && !like(line)) continue;
      const event = readAuditLine(line);
      if (event !== null && (fromMs === undefined || event.atMs >= fromMs)) yield event;
    }
  } finally {
    reader.close();
  }
}

/** Whole lines from `offset` on, to the end that the file has when the end is reached. */
export function* linesFrom(reader: Pick<ReadFile, 'read'>, offset: number): Generator<string> {
  let rest: Buffer = Buffer.alloc(0);
  let skipping = false;
  for (let at = offset; ; ) {
    const piece = reader.read(at, PIECE_BYTES);
    if (piece.length === 0) return;
    at += piece.length;
    let bytes: Buffer = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a)) {
      if (!skipping) yield bytes.toString('utf8', 0, end);
      skipping = false;
      bytes = bytes.subarray(end + 1);
    }
    skipping = skipping || bytes.length > MAX_LINE_BYTES;
    rest = skipping ? Buffer.alloc(0) : bytes;
  }
}

/** Offset of a line start at or before the first line of `fromMs`. */
function seek(reader: ReadFile, fromMs: number): number {
  let low = 0;
  let high = reader.size();
  while (high - low > PIECE_BYTES) {
    const middle = low + Math.floor((high - low) / 2);
    const found = firstTimeAfter(reader, middle);
    if (found === null || found.atMs >= fromMs) high = middle;
    else low = found.start;
  }
  return low;
}

/** The first whole line behind `offset` that has a time; null: none in the next piece. */
function firstTimeAfter(reader: ReadFile, offset: number): { readonly start: number; readonly atMs: number } | null {
  const bytes = reader.read(offset, PIECE_BYTES);
  for (let from = bytes.indexOf(0x0a) + 1; from > 0; ) {
    const end = bytes.indexOf(0x0a, from);
    if (end === -1) return null;
    const stamp = /"@timestamp":"([^"]{1,40})"/.exec(bytes.toString('utf8', from, Math.min(end, from + 256)))?.[1];
    const atMs = Date.parse(stamp ?? '');
    if (!Number.isNaN(atMs)) return { start: offset + from, atMs };
    from = end + 1;
  }
  return null;
}

/** What was written to the files since the last call: for following them. */
export interface Follower {
  /** New events, merged; new files (a worker more, a rotation) are found by themselves. @throws FileError */
  poll(): readonly AuditEvent[];
  close(): void;
}

/** Starts at the ends that the files have now. */
export function followAudit(file: string): Follower {
  const open = new Map<string, { readonly reader: ReadFile; offset: number }>();
  const look = (atEnd: boolean): void => {
    const seen = new Set<string>();
    // Only the files that are written to: rotated names never get new lines.
    const living = auditFiles(file).filter((one) => parse(basename(one)).ext === parse(file).ext);
    for (const name of living) {
      try {
        const reader = openRead(name);
        seen.add(reader.identity);
        if (open.has(reader.identity)) reader.close();
        else open.set(reader.identity, { reader, offset: atEnd ? reader.size() : 0 });
      } catch (thrown) {
        if (!(thrown instanceof FileError) || thrown.why !== 'missing') throw thrown;
      }
    }
    for (const [identity, { reader, offset }] of open) {
      if (seen.has(identity) || offset < reader.size()) continue;
      reader.close();
      open.delete(identity);
    }
  };
  look(true);
  return {
    poll() {
      look(false);
      const events: AuditEvent[] = [];
      for (const stream of open.values()) {
        const bytes = stream.reader.read(stream.offset, PIECE_BYTES);
        const end = bytes.lastIndexOf(0x0a) + 1;
        const lines = bytes.toString('utf8', 0, end).split('\n');
        stream.offset += end === 0 && bytes.length >= PIECE_BYTES ? bytes.length : end;
        events.push(...lines.flatMap((line) => readAuditLine(line) ?? []));
      }
      return events.toSorted((a, b) => a.atMs - b.atMs);
    },
    close() {
      for (const { reader } of open.values()) reader.close();
      open.clear();
    },
  };
}
