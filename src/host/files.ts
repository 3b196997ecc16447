/**
 * The only door to the file system.
 *
 * Does: bounded reads of regular files (a FIFO, a device or a directory is refused, and nothing hangs), atomic and
 * exclusive writes, append-only files, directory listings and watches.
 * Does not: parse anything, or follow the content of a file to another file.
 * The caller must: treat every throw as "not there or not usable"; `FileError.why` says which.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  watch,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export type FileProblem =
  | 'missing'
  | 'not-permitted'
  | 'not-regular'
  | 'not-directory'
  | 'not-makeable'
  | 'too-large'
  | 'exists'
  | 'unusable';

export class FileError extends Error {
  readonly why: FileProblem;
  readonly file: string;

  constructor(why: FileProblem, file: string, cause?: unknown) {
    super(`${file}: ${WORDS[why]}`, cause === undefined ? undefined : { cause });
    this.name = 'FileError';
    this.why = why;
    this.file = file;
  }

  /** The message without the path, for where the path stands already. */
  get words(): string {
    return WORDS[this.why];
  }
}

const WORDS: Readonly<Record<FileProblem, string>> = {
  missing: 'no such file',
  'not-permitted': 'permission denied',
  'not-regular': 'not a regular file',
  'not-directory': 'not a directory',
  'not-makeable': 'no directory can be made here',
  'too-large': 'larger than the limit',
  exists: 'exists already',
  unusable: 'cannot be used',
};

const BY_CODE: Readonly<Record<string, FileProblem>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EACCES: 'not-permitted',
  EPERM: 'not-permitted',
  EISDIR: 'not-regular',
  ELOOP: 'not-regular',
  ENXIO: 'not-regular',
  EEXIST: 'exists',
};

/** Who may touch a file, for the caller to judge. */
export interface FileFacts {
  /** Permission bits, for example 0o600. */
  readonly mode: number;
  readonly uid: number;
  readonly bytes: number;
}

function asFileError(file: string, thrown: unknown): FileError {
  if (thrown instanceof FileError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return new FileError(BY_CODE[code] ?? 'unusable', file, thrown);
}

function guarded<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw asFileError(file, thrown);
  }
}

function withOpen<T>(file: string, flags: number, mode: number, work: (fd: number) => T): T {
  return guarded(file, () => {
    const fd = openSync(file, flags, mode);
    try {
      return work(fd);
    } finally {
      closeSync(fd);
    }
  });
}

/** A FIFO would block an ordinary open; O_NONBLOCK answers at once and fstat then tells what it is. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** Whole content of a regular file of at most `maxBytes`. @throws FileError */
export function readBytes(file: string, maxBytes: number): Buffer {
  return withOpen(file, READ_FLAGS, 0, (fd) => {
    const facts = fstatSync(fd);
    if (!facts.isFile()) throw new FileError('not-regular', file);
    if (facts.size > maxBytes) throw new FileError('too-large', file);
    // One byte more than allowed, in case the file grows while it is read.
    const bytes = Buffer.alloc(Math.min(facts.size + 4096, maxBytes + 1));
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      if (count === 0) return bytes.subarray(0, length);
      length += count;
    }
    throw new FileError('too-large', file);
  });
}

/** The same as UTF-8 text; a byte order mark at the start is kept for the parser to judge. @throws FileError */
export function readText(file: string, maxBytes: number): string {
  const bytes = readBytes(file, maxBytes);
  return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(bytes);
}

/** Facts about a regular file, through links. @throws FileError */
export function fileFacts(file: string): FileFacts {
  return withOpen(file, READ_FLAGS, 0, (fd) => {
    const facts: Stats = fstatSync(fd);
    if (!facts.isFile()) throw new FileError('not-regular', file);
    return { mode: facts.mode & 0o7777, uid: facts.uid, bytes: facts.size };
  });
}

/** What lies under a name, without following a link. */
export interface PathFacts {
  readonly kind: 'file' | 'directory' | 'socket' | 'other';
  /** Permission bits with set-id and sticky, for example 0o700. */
  readonly mode: number;
  readonly uid: number;
  /** Stays with the thing when it is renamed; a new file under the same name has another one. */
  readonly identity: string;
}

/** Null: nothing is there. @throws FileError */
export function pathFacts(path: string): PathFacts | null {
  const facts = guarded(path, () => lstatSync(path, { throwIfNoEntry: false }));
  if (facts === undefined) return null;
  const kind = facts.isFile() ? 'file' : facts.isDirectory() ? 'directory' : facts.isSocket() ? 'socket' : 'other';
  return { kind, mode: facts.mode & 0o7777, uid: facts.uid, identity: `${facts.dev}:${facts.ino}` };
}

/** @throws FileError */
export function setMode(path: string, mode: number): void {
  guarded(path, () => chmodSync(path, mode));
}

/** True when something is there under that name, whatever it is. */
export function pathExists(path: string): boolean {
  return guarded(path, () => lstatSync(path, { throwIfNoEntry: false })) !== undefined;
}

/** Names in a directory, sorted; null when `path` is not a directory. @throws FileError */
export function listDirectory(path: string): readonly string[] | null {
  try {
    return readdirSync(path).sort();
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOTDIR') return null;
    throw asFileError(path, thrown);
  }
}

/** Makes a directory and those above it, for the owner alone; nothing happens when it is there. @throws FileError */
export function makeDirectory(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !isDirectory(at); at = dirname(at)) missing.push(at);
  for (const one of missing.toReversed()) makeOne(one);
}

/** False: nothing is there. @throws FileError when something else is there */
function isDirectory(path: string): boolean {
  try {
    const facts = statSync(path, { throwIfNoEntry: false });
    if (facts === undefined || facts.isDirectory()) return facts !== undefined;
  } catch (thrown) {
    // Something above it is no directory, and the next step up says so.
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOTDIR') return false;
    throw asFileError(path, thrown);
  }
  throw new FileError('not-directory', path);
}

/** One level: Node's own `recursive` never ends under /proc, where the parent is there and mkdir says that it is not. */
function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
    // Somebody else made it meanwhile.
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
    throw code === 'ENOENT' ? new FileError('not-makeable', path, thrown) : asFileError(path, thrown);
  }
}

/** A fresh directory for the owner alone, under the system's temporary directory. @throws FileError */
export function makeTemporaryDirectory(prefix: string): string {
  const pattern = join(tmpdir(), prefix);
  return guarded(pattern, () => mkdtempSync(pattern));
}

/** Creates a file that must not exist yet, with at most the permissions of `mode`. @throws FileError */
export function writeNew(file: string, content: string | Uint8Array, mode: number): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  withOpen(file, flags, mode, (fd) => writeAll(fd, content));
}

/** Replaces a file as a whole: a reader sees the old content or the new one, also after a crash. @throws FileError */
export function writeAtomic(file: string, content: string | Uint8Array, mode: number): void {
  const draft = `${file}.${process.pid}.tmp`;
  guarded(file, () => {
    rmSync(draft, { force: true });
    try {
      writeNew(draft, content, mode);
      renameSync(draft, file);
    } catch (thrown) {
      rmSync(draft, { force: true });
      throw thrown;
    }
  });
}

/** Removes a file, or a directory with all that is in it; nothing happens when it is not there. @throws FileError */
export function remove(path: string): void {
  guarded(path, () => rmSync(path, { recursive: true, force: true }));
}

function writeAll(fd: number, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written, bytes.length - written, null);
  fsyncSync(fd);
}

/** A file that only grows. */
export interface AppendFile {
  /** Writes at the end, synchronously; answers how many bytes got there (fewer on a full disk). Throws when none did. */
  append(bytes: Uint8Array): number;
  /** Cuts the last `count` bytes off: what was written only in part. Throws when that is not possible. */
  takeBack(count: number): void;
  /** The last `maxBytes` bytes. */
  tail(maxBytes: number): Buffer;
  close(): void;
}

/** Opens or creates (owner only) a file for appending. A symbolic link is refused. @throws FileError */
export function openAppend(file: string): AppendFile {
  const { O_APPEND, O_CREAT, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = guarded(file, () => openSync(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600));
  if (!fstatSync(fd).isFile()) {
    closeSync(fd);
    throw new FileError('not-regular', file);
  }
  let open = true;
  return {
    append(bytes) {
      // The number may belong to somebody's socket by now.
      if (!open) throw new FileError('unusable', file);
      return writeSync(fd, bytes);
    },
    takeBack(count) {
      if (!open) throw new FileError('unusable', file);
      ftruncateSync(fd, Math.max(0, fstatSync(fd).size - count));
    },
    tail(maxBytes) {
      const { size } = fstatSync(fd);
      const bytes = Buffer.alloc(Math.min(size, maxBytes));
      const count = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
      return bytes.subarray(0, count);
    },
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/** A regular file that is read in pieces, and that may grow meanwhile. */
export interface ReadFile {
  /** As in PathFacts: tells whether the name still stands for this file. */
  readonly identity: string;
  /** Bytes, now. */
  size(): number;
  /** At most `maxBytes` from `offset`; fewer at the end. */
  read(offset: number, maxBytes: number): Buffer;
  close(): void;
}

/** @throws FileError */
export function openRead(file: string): ReadFile {
  const fd = guarded(file, () => openSync(file, READ_FLAGS));
  const facts = fstatSync(fd);
  if (!facts.isFile()) {
    closeSync(fd);
    throw new FileError('not-regular', file);
  }
  let open = true;
  return {
    identity: `${facts.dev}:${facts.ino}`,
    size: () => guarded(file, () => fstatSync(fd).size),
    read(offset, maxBytes) {
      if (!open) throw new FileError('unusable', file);
      const bytes = Buffer.alloc(maxBytes);
      return bytes.subarray(
        0,
        guarded(file, () => readSync(fd, bytes, 0, maxBytes, offset)),
      );
    },
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/**
 * Calls back whenever something in `directory` changes its name or content. Names that start with `..` are the
 * machinery of ConfigMap volumes except `..data`, whose swap is the change itself. A watch that cannot be had (limits,
 * network file systems) is not an error: the caller polls as well.
 */
export function watchDirectory(directory: string, changed: () => void): () => void {
  try {
    const watcher = watch(directory, { persistent: false }, changed);
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
}
