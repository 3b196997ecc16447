import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadLastGood, saveLastGood } from '../../src/runtime/last-good.ts';

let dir: string;
const GOOD = { number: 7, config: { file: '/c.yaml', text: 'c' }, sources: [{ file: '/p.yaml', text: 'p"\n' }] };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'last-good-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('takes nothing that is not whole', () => {
  const file = join(dir, 'last-good.json');
  expect(loadLastGood(dir)).toBeNull();
  saveLastGood(dir, GOOD);
  const text = readFileSync(file, 'utf8');
  for (let length = 0; length < text.length - 1; length += 1) {
    writeFileSync(file, text.slice(0, length));
    expect(loadLastGood(dir), `cut to ${length}`).toBeNull();
  }
  writeFileSync(file, text.replace('/p.yaml', '/q.yaml'));
  expect(loadLastGood(dir)).toBeNull();
  for (const other of ['null', '[]', '{"format":2}', '{"format":1,"content":"{}","sha256":"x"}']) {
    writeFileSync(file, other);
    expect(loadLastGood(dir)).toBeNull();
  }
});

it('gives back what was saved, for the owner alone', () => {
  saveLastGood(dir, { ...GOOD, number: 1 });
  saveLastGood(dir, GOOD);
  expect(loadLastGood(dir)).toEqual(GOOD);
  saveLastGood(dir, { ...GOOD, logListMs: 5 });
  expect(loadLastGood(dir)?.logListMs).toBe(5);
  expect(statSync(join(dir, 'last-good.json')).mode & 0o777).toBe(0o600);
});
