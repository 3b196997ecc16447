import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  FileError,
  fileFacts,
  listDirectory,
  makeDirectory,
  makeTemporaryDirectory,
  openAppend,
  openRead,
  pathExists,
  pathFacts,
  readBytes,
  readText,
  remove,
  setMode,
  watchDirectory,
  writeAtomic,
  writeNew,
} from '../../src/host/files.ts';
import { eventually } from '../support/sockets.ts';

/** Where another process finds the module. */
const FILES = new URL('../../src/host/files.ts', import.meta.url).href;

let dir: string;
const at = (name: string) => join(dir, name);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'files-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function whyOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof FileError) return thrown.why;
    throw thrown;
  }
  return 'no error';
}

describe('reading', () => {
  it('refuses what is no regular file, without hanging', () => {
    execFileSync('mkfifo', [at('fifo')]);
    symlinkSync(at('nowhere'), at('dangling'));
    symlinkSync('loop', at('loop'));
    expect(whyOf(() => readBytes(at('fifo'), 100))).toBe('not-regular');
    expect(whyOf(() => readBytes(dir, 100))).toBe('not-regular');
    expect(whyOf(() => readBytes('/dev/zero', 100))).toBe('not-regular');
    expect(whyOf(() => readBytes(at('dangling'), 100))).toBe('missing');
    expect(whyOf(() => readBytes(at('loop'), 100))).toBe('not-regular');
    expect(whyOf(() => readBytes(at('absent'), 100))).toBe('missing');
    expect(whyOf(() => fileFacts(dir))).toBe('not-regular');
  });

  it('refuses what is larger than allowed, also when its size says otherwise', () => {
    writeFileSync(at('big'), 'x'.repeat(101));
    expect(whyOf(() => readBytes(at('big'), 100))).toBe('too-large');
    // Files of /proc have no size.
    expect(whyOf(() => readBytes('/proc/self/environ', 10))).toBe('too-large');
    expect(readBytes('/proc/self/stat', 10_000).length).toBeGreaterThan(10);
  });

  it('answers bytes, text and facts', () => {
    writeFileSync(at('file'), 'pä\n', { mode: 0o640 });
    expect(readText(at('file'), 100)).toBe('pä\n');
    expect(readBytes(at('file'), 4)).toHaveLength(4);
    expect(fileFacts(at('file'))).toMatchObject({ mode: 0o640, bytes: 4, uid: statSync(at('file')).uid });
  });
});

describe('writing', () => {
  it('never writes over a file, or through a link', () => {
    writeFileSync(at('there'), 'old');
    symlinkSync(at('target'), at('link'));
    expect(whyOf(() => writeNew(at('there'), 'new', 0o600))).toBe('exists');
    expect(whyOf(() => writeNew(at('link'), 'new', 0o600))).toBe('exists');
    expect(readFileSync(at('there'), 'utf8')).toBe('old');
    expect(pathExists(at('link'))).toBe(true);
    expect(pathExists(at('target'))).toBe(false);
  });

  it('replaces as a whole or not at all', () => {
    writeFileSync(at('file'), 'old');
    writeAtomic(at('file'), Buffer.from('new'), 0o600);
    expect(readFileSync(at('file'), 'utf8')).toBe('new');
    expect(statSync(at('file')).mode & 0o777).toBe(0o600);
    makeDirectory(at('folder/inner'));
    expect(whyOf(() => writeAtomic(at('folder'), 'x', 0o600))).toBe('not-regular');
    expect(listDirectory(dir)).toEqual(['file', 'folder']);
  });

  it('makes no directory below a file, and none where the system makes none, and ends', () => {
    writeFileSync(at('file'), '');
    expect(whyOf(() => makeDirectory(at('file')))).toBe('not-directory');
    expect(whyOf(() => makeDirectory(at('file/a/b')))).toBe('not-directory');
    symlinkSync(at('nothing'), at('dangling'));
    expect(whyOf(() => makeDirectory(at('dangling')))).toBe('exists');
    // In a process of its own: what never returns would hang this one.
    const code = `import { makeDirectory } from ${JSON.stringify(FILES)};
      try { makeDirectory(process.argv[1]); } catch (thrown) { process.stdout.write(thrown.name + ' ' + thrown.why); }`;
    for (const path of ['/proc/pinwarden/policies', '/proc/self/fd/pinwarden']) {
      const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code, path], {
        encoding: 'utf8',
        timeout: 30_000,
      });
      expect(signal, path).toBeNull();
      expect(stdout).toMatch(/^FileError (not-makeable|not-permitted|unusable|missing)$/);
    }
  });

  it('makes directories for the owner alone, and removes them', () => {
    makeDirectory(at('a/b'));
    makeDirectory(at('a/b'));
    expect(statSync(at('a/b')).mode & 0o777).toBe(0o700);
    remove(at('a'));
    remove(at('a'));
    expect(pathExists(at('a'))).toBe(false);
    const made = makeTemporaryDirectory('files-test-');
    expect(statSync(made).mode & 0o777).toBe(0o700);
    remove(made);
  });
});

describe('appending', () => {
  it('refuses links and what is no regular file', () => {
    symlinkSync(at('target'), at('link'));
    execFileSync('mkfifo', [at('fifo')]);
    expect(whyOf(() => openAppend(at('link')))).toBe('not-regular');
    expect(whyOf(() => openAppend(at('fifo')))).toBe('not-regular');
    expect(whyOf(() => openAppend(dir))).toBe('not-regular');
  });

  it('writes at the end and reads the tail', () => {
    writeFileSync(at('file'), 'one\n');
    const file = openAppend(at('file'));
    expect(file.append(Buffer.from('two\n'))).toBe(4);
    expect(file.tail(4).toString()).toBe('two\n');
    expect(file.tail(100).toString()).toBe('one\ntwo\n');
    file.takeBack(2);
    expect(file.append(Buffer.from('x\n'))).toBe(2);
    expect(file.tail(100).toString()).toBe('one\ntwx\n');
    file.takeBack(1000);
    expect(file.tail(100)).toHaveLength(0);
  });

  it('writes nothing once it is closed, also when its number belongs to another file', () => {
    const file = openAppend(at('file'));
    file.close();
    file.close();
    const next = openAppend(at('next'));
    expect(whyOf(() => file.append(Buffer.from('x')))).toBe('unusable');
    expect(whyOf(() => file.takeBack(1))).toBe('unusable');
    expect(next.tail(1)).toHaveLength(0);
    next.close();
  });
});

describe('reading in pieces', () => {
  it('refuses what is no regular file, and reads nothing once it is closed', () => {
    execFileSync('mkfifo', [at('fifo')]);
    expect(whyOf(() => openRead(at('fifo')))).toBe('not-regular');
    expect(whyOf(() => openRead(dir))).toBe('not-regular');
    expect(whyOf(() => openRead(at('absent')))).toBe('missing');
    writeFileSync(at('file'), 'x');
    const file = openRead(at('file'));
    file.close();
    file.close();
    expect(whyOf(() => file.read(0, 1))).toBe('unusable');
  });

  it('sees a file grow, and knows it from its successor', () => {
    writeFileSync(at('file'), 'one\n');
    const file = openRead(at('file'));
    expect(file.read(0, 100).toString()).toBe('one\n');
    expect(file.read(4, 100)).toHaveLength(0);
    writeFileSync(at('file'), 'two\n', { flag: 'a' });
    expect(file.size()).toBe(8);
    expect(file.read(4, 2).toString()).toBe('tw');
    expect(pathFacts(at('file'))?.identity).toBe(file.identity);
    writeAtomic(at('file'), 'new', 0o600);
    expect(pathFacts(at('file'))?.identity).not.toBe(file.identity);
    expect(file.read(0, 3).toString()).toBe('one');
    file.close();
  });
});

it('tells what lies under a name, without following links', async () => {
  expect(pathFacts(at('absent'))).toBeNull();
  expect(pathFacts(dir)).toMatchObject({ kind: 'directory', uid: statSync(dir).uid });
  symlinkSync(dir, at('link'));
  expect(pathFacts(at('link'))?.kind).toBe('other');
  writeFileSync(at('file'), '', { mode: 0o644 });
  setMode(at('file'), 0o600);
  expect(pathFacts(at('file'))).toMatchObject({ kind: 'file', mode: 0o600 });
  const server = createServer();
  await new Promise<void>((done) => server.listen(at('socket'), done));
  expect(pathFacts(at('socket'))?.kind).toBe('socket');
  await new Promise((done) => server.close(done));
});

describe('directories', () => {
  it('lists names in order, null for a file', () => {
    writeFileSync(at('b'), '');
    writeFileSync(at('a'), '');
    expect(listDirectory(dir)).toEqual(['a', 'b']);
    expect(listDirectory(at('a'))).toBeNull();
    expect(whyOf(() => listDirectory(at('absent')))).toBe('missing');
  });

  it('tells of changes, until stopped; a directory that is not there is no error', async () => {
    let changes = 0;
    const stop = watchDirectory(dir, () => {
      changes += 1;
    });
    writeFileSync(at('new'), 'x');
    await eventually('a change', () => changes > 0);
    stop();
    watchDirectory(at('absent'), () => undefined)();
  });
});

it.skipIf(process.getuid?.() === 0)('a file that may not be read says so', () => {
  writeFileSync(at('secret'), 'x');
  chmodSync(at('secret'), 0);
  expect(whyOf(() => readBytes(at('secret'), 10))).toBe('not-permitted');
});
