import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileError } from '../../src/host/files.ts';
import type { Config } from '../../src/policy/config.ts';
import { loadConfig } from '../../src/policy/load.ts';
import {
  configStep,
  digestOf,
  directoriesOf,
  readConfigFile,
  readSettled,
  readSources,
} from '../../src/runtime/sources.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sources-'));
  mkdirSync(join(dir, 'policies'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function configWith(policies: readonly unknown[]): Config {
  const loaded = loadConfig(JSON.stringify({ version: 1, policies }), join(dir, 'pinwarden.yaml'));
  if (!loaded.ok) throw new Error(loaded.mistakes[0]?.message);
  return loaded.value;
}

describe('readSources', () => {
  it('reports what cannot be read beside what can, and does not hang', () => {
    const inside = (name: string) => join(dir, 'policies', name);
    writeFileSync(inside('good.yaml'), 'version: 1\n');
    mkdirSync(inside('folder.yaml'));
    execFileSync('mkfifo', [inside('fifo.yml')]);
    symlinkSync('/dev/zero', inside('zero.yaml'));
    symlinkSync('nowhere', inside('dangling.yaml'));
    const { sources, unread } = readSources(configWith(['policies', 'absent']));
    expect(sources.map(({ file }) => file)).toEqual([inside('good.yaml')]);
    expect(unread.map(({ file }) => file).sort()).toEqual(
      [join(dir, 'absent'), ...['dangling.yaml', 'fifo.yml', 'folder.yaml', 'zero.yaml'].map(inside)].sort(),
    );
  });

  it('takes *.yaml and *.yml of a directory, without hidden names, with the bounds of its entry', () => {
    for (const name of ['b.yml', 'a.yaml', '.hidden.yaml', 'c.txt', 'README']) {
      writeFileSync(join(dir, 'policies', name), name);
    }
    mkdirSync(join(dir, 'policies', '..data'));
    const { sources, unread } = readSources(
      configWith([{ path: 'policies', owner: 'pay', mayMatch: ['**.pay.example'], mayNot: ['bypass'] }]),
    );
    expect(unread).toEqual([]);
    expect(sources.map(({ text }) => text)).toEqual(['a.yaml', 'b.yml']);
    expect(sources[0]).toMatchObject({ owner: 'pay', mayNot: ['bypass'] });
  });
});

describe('readSettled', () => {
  const reader = (digests: readonly string[]) => {
    let at = 0;
    return () => {
      const digest = digests[Math.min(at, digests.length - 1)] ?? '';
      at += 1;
      return { digest, value: digest };
    };
  };
  const pause = async () => undefined;

  it('takes nothing from a file that never comes to rest', async () => {
    let count = 0;
    const never = () => {
      count += 1;
      return { digest: String(count), value: count };
    };
    expect(await readSettled(never, pause)).toBeNull();
  });

  it('takes what two reads in a row agree on', async () => {
    expect(await readSettled(reader(['a', 'ab', 'abc']), pause)).toBe('abc');
    expect(await readSettled(reader(['a']), pause)).toBe('a');
  });
});

it('digests tell files, contents and failures apart', () => {
  const a = { file: 'a', text: 'x' };
  const digests = [
    digestOf([a]),
    digestOf([{ ...a, file: 'b' }]),
    digestOf([{ ...a, text: 'y' }]),
    digestOf([a], [{ file: 'b', why: 'gone', hint: 'make it' }]),
    digestOf([
      { file: 'a', text: '' },
      { file: 'x', text: '' },
    ]),
  ];
  expect(new Set(digests).size).toBe(digests.length);
});

it('watches the directories of files, not the files', () => {
  expect(directoriesOf(configWith(['policies/one.yaml']))).toContain(join(dir, 'policies'));
  expect(directoriesOf(configWith([]))).toContain(dir);
  expect(() => readConfigFile(join(dir, 'absent'))).toThrow(/no such file/);
});

it('does not tell somebody to make what is there and may not be read', () => {
  expect(configStep(new FileError('missing', '/c.yaml'))).toContain('pinwarden init');
  expect(configStep(new FileError('not-permitted', '/c.yaml'))).not.toContain('init');
});
