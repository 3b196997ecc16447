import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listExhibits, lockerDirectory, openLocker } from '../../src/observe/evidence-locker.ts';
import { type Exhibit, exhibitOf } from '../../src/observe/exhibit.ts';
import { AT_MS } from '../support/entries.ts';
import { mismatchEntry, rogueLeaf } from '../support/unexpected.ts';

let state: string;
let dir: string;

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'locker-'));
  dir = lockerDirectory(state);
});

afterEach(() => rmSync(state, { recursive: true, force: true }));

/** The `at`th sighting of the chain of `host`. */
function seen(host: string, at = 0, chain = host): Exhibit {
  const authority = { host, kind: 'name', port: 443 } as const;
  return exhibitOf(mismatchEntry({ authority, atMs: AT_MS + at * 1000, eventId: `e-${at}` }, rogueLeaf(chain)))!;
}

const LIMITS = { exhibits: 100, exhibitsPerHost: 100, bytes: 10_000_000 };

describe('what cannot be kept', () => {
  it('is counted: a flood of different chains, and a disk that refuses', () => {
    const locker = openLocker(dir);
    const taken = Array.from({ length: 200 }, (_, at) => locker.keep(seen('a.example', 0, `${at % 5}.example`)));
    expect(taken.every(Boolean), 'five chains, however often').toBe(true);
    for (let at = 0; at < 200; at += 1) taken.push(locker.keep({ ...seen('a.example'), id: String(at) }));
    expect(taken.filter((one) => !one).length).toBeGreaterThan(50);
    rmSync(dir, { recursive: true });
    expect(locker.work(AT_MS, 'all')).toBeGreaterThan(5);
    expect(locker.size).toBe(0);
  });

  it('is refused at once when the directory cannot be made', () => {
    writeFileSync(dir, 'a file');
    expect(() => openLocker(dir)).toThrow();
  });
});

describe('foreign and broken files', () => {
  it('count as absent; drafts of a killed process go, other files stay', () => {
    mkdirSync(dir);
    const { id } = seen('a.example');
    writeFileSync(join(dir, `${id}.json`), '{"format":1,');
    writeFileSync(join(dir, `${'a'.repeat(64)}.json`), JSON.stringify(seen('a.example')));
    writeFileSync(join(dir, `${id}.json.77.tmp`), 'half');
    writeFileSync(join(dir, 'README'), 'mine');
    const locker = openLocker(dir);
    expect(locker.size).toBe(0);
    expect(locker.read(id)).toBeNull();
    expect(locker.read('../../etc/passwd')).toBeNull();
    expect(listExhibits(dir)).toEqual([]);
    expect(readdirSync(dir)).toContain('README');
    expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    locker.keep(seen('a.example'));
    expect(locker.work(AT_MS)).toBe(0);
    expect(locker.read(id)?.id).toBe(id);
  });
});

describe('the bounds', () => {
  it('let go of what was seen longest ago', () => {
    const locker = openLocker(dir, { ...LIMITS, exhibits: 3 });
    for (const [at, host] of ['a', 'b', 'c', 'd'].entries()) locker.keep(seen(`${host}.example`, at));
    locker.work(AT_MS, 'all');
    expect(locker.list().map(({ host }) => host)).toEqual(['d.example', 'c.example', 'b.example']);
    expect(readdirSync(dir)).toHaveLength(3);
    locker.keep(seen('b.example', 9));
    locker.keep(seen('e.example', 10));
    locker.work(AT_MS + 60_000, 'all');
    expect(locker.list().map(({ host }) => host)).toEqual(['e.example', 'b.example', 'd.example']);
  });

  it('keep one host from pushing out the others', () => {
    const locker = openLocker(dir, { ...LIMITS, exhibitsPerHost: 2, exhibits: 4 });
    locker.keep(seen('quiet.example', 0));
    for (let at = 1; at < 9; at += 1) locker.keep(seen('loud.example', at, `${at}.example`));
    locker.work(AT_MS, 'all');
    expect(locker.list().map(({ host }) => host)).toEqual(['loud.example', 'loud.example', 'quiet.example']);
  });

  it('hold for bytes', () => {
    const locker = openLocker(dir, { ...LIMITS, bytes: 12_000 });
    for (const [at, host] of ['a', 'b', 'c', 'd', 'e'].entries()) locker.keep(seen(`${host}.example`, at));
    locker.work(AT_MS, 'all');
    const bytes = readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
    expect(bytes).toBeLessThanOrEqual(12_000);
    expect(locker.list()[0]?.host).toBe('e.example');
  });
});

describe('keeping', () => {
  it('writes for the owner alone, a few files a call', () => {
    mkdirSync(dir, { mode: 0o755 });
    chmodSync(dir, 0o755);
    const locker = openLocker(dir);
    for (let at = 0; at < 20; at += 1) locker.keep(seen('a.example', at, `${at}.example`));
    expect(readdirSync(dir)).toEqual([]);
    locker.work(AT_MS);
    const names = readdirSync(dir);
    expect(names.length).toBeGreaterThan(0);
    expect(names.length).toBeLessThan(20);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, names[0]!)).mode & 0o777).toBe(0o600);
    locker.work(AT_MS);
    locker.work(AT_MS);
    expect(locker.size).toBe(20);
  });

  it('merges what comes again, and does not write it every time', () => {
    const locker = openLocker(dir);
    const { id } = seen('a.example');
    locker.keep(seen('a.example', 0));
    locker.keep(seen('a.example', 1));
    locker.work(AT_MS);
    expect(locker.read(id)?.count).toBe(2);
    locker.keep(seen('a.example', 2));
    locker.work(AT_MS + 1000);
    expect(locker.read(id)?.count).toBe(2);
    locker.work(AT_MS + 20_000);
    expect(locker.read(id)).toMatchObject({ count: 3 });
    expect(locker.read(id)?.sightings.map(({ event }) => event)).toEqual(['e-0', 'e-1', 'e-2']);
  });

  it('knows after a restart what it kept, and readers need no writer', () => {
    const locker = openLocker(dir);
    locker.keep(seen('a.example', 0));
    locker.keep(seen('b.example', 1));
    locker.work(AT_MS, 'all');
    const again = openLocker(dir);
    expect(again.size).toBe(2);
    again.keep(seen('a.example', 5));
    again.work(AT_MS, 'all');
    expect(again.list().map(({ host, count }) => [host, count])).toEqual([
      ['a.example', 2],
      ['b.example', 1],
    ]);
    expect(listExhibits(dir).map(({ host }) => host)).toEqual(['a.example', 'b.example']);
    expect(JSON.parse(readFileSync(join(dir, readdirSync(dir)[0]!), 'utf8')).format).toBe(1);
    expect(listExhibits(join(state, 'nowhere'))).toEqual([]);
  });
});
