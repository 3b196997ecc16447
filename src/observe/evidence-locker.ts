/**
 * The evidence locker: unexpected chains on disk, one file for each, named by its content.
 *
 * Does: keep what is handed in until the next `work`, write a few files a call, and let go of what was seen longest ago
 * when there are too many, too large, or too many of one host, so that one upstream cannot push out all others.
 * Does not: judge, or know events. Readers (`listExhibits`, `readExhibitFile`) need no running proxy.
 * The caller must: be the only writer of the directory, and call `work` from a process that carries no traffic.
 */
import { join } from 'node:path';
import { FileError, listDirectory, makeDirectory, readText, remove, setMode, writeAtomic } from '../host/files.ts';
import { type Exhibit, mergeExhibits } from './exhibit.ts';
import { parseExhibit, printExhibit } from './exhibit-file.ts';

export interface LockerLimits {
  readonly exhibits: number;
  readonly exhibitsPerHost: number;
  readonly bytes: number;
}

/** With 10 KiB for a usual chain the count is reached first. */
export const LOCKER_LIMITS: LockerLimits = Object.freeze({
  exhibits: 2000,
  exhibitsPerHost: 64,
  bytes: 64 * 1024 * 1024,
});

/** Held in memory until written; a flood of different chains beyond it is counted as lost. */
const MAX_WAITING = 128;
/** The same for chains that are on disk already: beyond it a sighting is left out, and nothing is lost. */
const MAX_AGAIN = 512;
/** Each write is an fsync, some milliseconds. */
const WRITES_A_CALL = 8;
/** A chain that is seen all the time is written again this often. */
const REWRITE_MS = 10_000;
/** The longest list with its trace. */
const MAX_FILE_BYTES = 512 * 1024;
const NAME = /^[0-9a-f]{64}\.json$/;

/** What a list shows of an exhibit. */
export interface ExhibitHead {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly verdict: string;
  readonly code: string;
  readonly rule: string | null;
  readonly count: number;
  readonly firstSeen: string;
  readonly lastSeen: string;
}

export interface Locker {
  /** False: it could not be taken, and is lost. */
  keep(exhibit: Exhibit): boolean;
  /** Writes what waits, at most a few files; `all` for the end of the process. Answers how many were lost. */
  work(nowMs: number, all?: 'all'): number;
  /** Exhibits on disk. */
  readonly size: number;
  /** Newest first. */
  list(): readonly ExhibitHead[];
  read(id: string): Exhibit | null;
}

interface Entry {
  readonly head: ExhibitHead;
  readonly bytes: number;
  readonly writtenMs: number;
}

/** Opens or makes the directory. @throws FileError */
export function openLocker(directory: string, limits: LockerLimits = LOCKER_LIMITS): Locker {
  makeDirectory(directory);
  setMode(directory, 0o700);
  const entries = new Map<string, Entry>();
  for (const [exhibit, bytes] of exhibitsIn(directory, 'tidy')) {
    entries.set(exhibit.id, { head: headOf(exhibit), bytes, writtenMs: 0 });
  }
  const fresh = new Map<string, Exhibit>();
  const again = new Map<string, Exhibit>();
  const fileOf = (id: string): string => join(directory, `${id}.json`);

  const write = (exhibit: Exhibit, nowMs: number): boolean => {
    const before = entries.has(exhibit.id) ? readExhibitFile(fileOf(exhibit.id)) : null;
    const whole = before === null ? exhibit : mergeExhibits(before, exhibit);
    const text = printExhibit(whole);
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_FILE_BYTES) return false;
    try {
      writeAtomic(fileOf(whole.id), text, 0o600);
    } catch (thrown) {
      if (thrown instanceof FileError) return false;
      throw thrown;
    }
    entries.set(whole.id, { head: headOf(whole), bytes, writtenMs: nowMs });
    for (const id of surplus(entries, whole.host, limits)) {
      remove(fileOf(id));
      entries.delete(id);
    }
    return true;
  };
  return {
    keep(exhibit) {
      const known = entries.has(exhibit.id);
      const waiting = known ? again : fresh;
      const before = waiting.get(exhibit.id);
      if (before === undefined && waiting.size >= (known ? MAX_AGAIN : MAX_WAITING)) return known;
      waiting.set(exhibit.id, before === undefined ? exhibit : mergeExhibits(before, exhibit));
      return true;
    },
    work(nowMs, all) {
      const isDue = ({ id }: Exhibit): boolean => nowMs - (entries.get(id)?.writtenMs ?? 0) >= REWRITE_MS;
      const due = [...fresh.values(), ...[...again.values()].filter((exhibit) => all === 'all' || isDue(exhibit))];
      let lost = 0;
      for (const exhibit of all === 'all' ? due : due.slice(0, WRITES_A_CALL)) {
        fresh.delete(exhibit.id);
        again.delete(exhibit.id);
        if (!write(exhibit, nowMs)) lost += 1;
      }
      return lost;
    },
    get size() {
      return entries.size;
    },
    list: () => newestFirst([...entries.values()].map(({ head }) => head)),
    read: (id) => (NAME.test(`${id}.json`) ? readExhibitFile(fileOf(id)) : null),
  };
}

/** What has to go so that the bounds hold again: seen longest ago first. */
function surplus(entries: ReadonlyMap<string, Entry>, host: string, limits: LockerLimits): readonly string[] {
  const oldestFirst = [...entries.values()].toSorted((a, b) => (a.head.lastSeen < b.head.lastSeen ? -1 : 1));
  const ofHost = oldestFirst.filter(({ head }) => head.host === host);
  const gone = new Set(ofHost.slice(0, Math.max(0, ofHost.length - limits.exhibitsPerHost)).map(({ head }) => head.id));
  let bytes = oldestFirst.reduce((sum, entry) => sum + (gone.has(entry.head.id) ? 0 : entry.bytes), 0);
  let count = oldestFirst.length - gone.size;
  for (const entry of oldestFirst) {
    if (count <= limits.exhibits && bytes <= limits.bytes) break;
    if (gone.has(entry.head.id)) continue;
    gone.add(entry.head.id);
    bytes -= entry.bytes;
    count -= 1;
  }
  return [...gone];
}

function headOf({ id, host, port, verdict, code, rule, count, firstSeen, lastSeen }: Exhibit): ExhibitHead {
  return { id, host, port, verdict, code, rule, count, firstSeen, lastSeen };
}

function newestFirst<T extends { readonly lastSeen: string }>(all: readonly T[]): readonly T[] {
  return all.toSorted((a, b) => (a.lastSeen > b.lastSeen ? -1 : 1));
}

/** Everything that is whole in the directory, newest first; empty when there is none. @throws FileError */
export function listExhibits(directory: string): readonly Exhibit[] {
  return newestFirst([...exhibitsIn(directory, 'look')].map(([exhibit]) => exhibit));
}

/** `tidy`: what a writer that was killed left half done goes. */
function* exhibitsIn(directory: string, purpose: 'look' | 'tidy'): Generator<readonly [Exhibit, number]> {
  let names: readonly string[];
  try {
    names = listDirectory(directory) ?? [];
  } catch (thrown) {
    if (thrown instanceof FileError && thrown.why === 'missing') return;
    throw thrown;
  }
  for (const name of names) {
    if (purpose === 'tidy' && /^[0-9a-f]{64}\.json\.\d+\.tmp$/.test(name)) remove(join(directory, name));
    if (!NAME.test(name)) continue;
    const exhibit = readExhibitFile(join(directory, name));
    if (exhibit !== null && name === `${exhibit.id}.json`) yield [exhibit, Buffer.byteLength(printExhibit(exhibit))];
  }
}

/** Null: there is none, or it is not whole. @throws FileError when it may not be read */
function readExhibitFile(file: string): Exhibit | null {
  try {
    return parseExhibit(readText(file, MAX_FILE_BYTES));
  } catch (thrown) {
    if (!(thrown instanceof FileError) || thrown.why === 'not-permitted') throw thrown;
    return null;
  }
}

/** Where the locker of a state directory lies. */
export function lockerDirectory(state: string): string {
  return join(state, 'evidence');
}
