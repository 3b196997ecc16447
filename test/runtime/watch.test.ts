import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createWatch, type Watch } from '../../src/runtime/watch.ts';
import { eventually } from '../support/sockets.ts';

let dir: string;
let watch: Watch;
let looks: number;
let work: () => Promise<void>;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'watch-'));
  looks = 0;
  work = async () => undefined;
  watch = createWatch(async () => {
    looks += 1;
    await work();
  });
});

afterEach(() => {
  watch.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Makes a change and waits for the look that it causes. */
async function noticed(what: string, change: () => void): Promise<void> {
  const before = looks;
  change();
  await eventually(what, () => looks > before);
}

it('notices each swap of a ConfigMap volume', async () => {
  for (const version of ['..v1', '..v2', '..v3']) {
    mkdirSync(join(dir, version));
    writeFileSync(join(dir, version, 'p.yaml'), version);
  }
  symlinkSync('..v1', join(dir, '..data'));
  symlinkSync('..data/p.yaml', join(dir, 'p.yaml'));
  watch.follow([dir]);
  for (const version of ['..v2', '..v3', '..v1']) {
    await noticed(version, () => {
      symlinkSync(version, join(dir, '..data_tmp'));
      renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
    });
  }
});

it('notices an editor that renames over the file, again and again', async () => {
  writeFileSync(join(dir, 'p.yaml'), 'one');
  watch.follow([dir]);
  for (const text of ['two', 'three']) {
    await noticed(text, () => {
      writeFileSync(join(dir, 'p.yaml.swp'), text);
      renameSync(join(dir, 'p.yaml.swp'), join(dir, 'p.yaml'));
    });
  }
  await noticed('a write in place', () => writeFileSync(join(dir, 'p.yaml'), 'four'));
});

it('collects many changes into one look', async () => {
  watch.follow([dir]);
  await noticed('the burst', () => {
    for (let index = 0; index < 50; index += 1) writeFileSync(join(dir, `f${index}`), 'x');
  });
  expect(looks).toBe(1);
});

it('never looks twice at a time, and looks again after what came meanwhile', async () => {
  let running = 0;
  let release: () => void = () => undefined;
  work = async () => {
    running += 1;
    expect(running).toBe(1);
    if (looks === 1) await new Promise<void>((resolve) => (release = resolve));
    running -= 1;
  };
  watch.poke();
  await eventually('the first look', () => looks === 1);
  watch.poke();
  await new Promise((done) => setTimeout(done, 400));
  expect(looks).toBe(1);
  release();
  await eventually('the second look', () => looks === 2);
});

it('polls, and is quiet once stopped', async () => {
  const fast = createWatch(async () => {
    looks += 1;
  }, 20);
  await eventually('a poll', () => looks > 0);
  fast.stop();
  fast.poke();
  fast.follow([dir]);
});

it('looks again after a while when told, once, and not any more when told otherwise', async () => {
  watch.pokeIn(60_000);
  watch.pokeIn(10);
  await eventually('the look', () => looks === 1);
  watch.pokeIn(10);
  watch.pokeIn(null);
  await noticed('another look', () => watch.poke());
  expect(looks).toBe(2);
});
