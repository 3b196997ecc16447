import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createFetchStore } from '../../src/runtime/fetch-store.ts';
import { nameOf } from '../../src/runtime/fetcher.ts';
import { crlOf, wantedCrl } from './fetch-cases.ts';

let state: string;
const lines: string[] = [];
const store = () => createFetchStore(state, (line) => lines.push(line));

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'fetched-'));
  lines.length = 0;
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

it('reads nothing that it did not write', () => {
  expect(store().load()).toEqual([]);
  const wanted = wantedCrl();
  store().save(nameOf(wanted), { wanted, bytes: crlOf() });
  const directory = join(state, 'fetched');
  const texts = ['', 'null', '[]', '{"format":2}', '{"format":1,"kind":"x"}', '{"format":1,"kind":"crl","url":"u"}'];
  for (const [index, text] of texts.entries()) {
    writeFileSync(join(directory, `${String(index).padStart(64, '0')}.json`), text);
  }
  writeFileSync(join(directory, 'other.json'), '{}');
  expect(store().load()).toHaveLength(1);
});

it('gives back what was saved, for the owner alone, until it is removed', () => {
  const wanted = wantedCrl();
  const bytes = crlOf();
  const name = nameOf(wanted);
  store().save(name, { wanted, bytes });
  expect(store().load()).toEqual([{ wanted, bytes }]);
  expect(statSync(join(state, 'fetched', `${name}.json`)).mode & 0o777).toBe(0o600);
  store().remove(name);
  expect(readdirSync(join(state, 'fetched'))).toEqual([]);
  expect(lines).toEqual([]);
});

it('does without a directory that cannot be used, and says so once', () => {
  writeFileSync(join(state, 'fetched'), 'a file');
  const broken = store();
  const wanted = wantedCrl();
  broken.save(nameOf(wanted), { wanted, bytes: crlOf() });
  broken.save(nameOf(wanted), { wanted, bytes: crlOf() });
  expect(broken.load()).toEqual([]);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('state: what was fetched is not kept');
});
