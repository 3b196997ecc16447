import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadFiles, shorten, shortPlace } from '../../src/cli/policy-files.ts';
import { capturedIo } from './captured-io.ts';

const directory = mkdtempSync(join(tmpdir(), 'pinwarden-files-'));
afterAll(() => rmSync(directory, { recursive: true }));

it('has no policy when anything is wrong', () => {
  const io = capturedIo(directory);
  expect(loadFiles('missing.yaml', io)).toMatchObject({ config: null, policy: null, policyFiles: 0 });
  writeFileSync(join(directory, 'a.yaml'), 'version: 1\npolicies: [gone]\n');
  const files = loadFiles('a.yaml', io);
  expect(files.config).not.toBeNull();
  expect(files.policy).toBeNull();
  expect(files.texts.get(join(directory, 'a.yaml'))).toContain('gone');
});

it('knows the shipped groups', () => {
  writeFileSync(join(directory, 'b.yaml'), 'version: 1\npolicies: [p.yaml]\n');
  writeFileSync(
    join(directory, 'p.yaml'),
    'version: 1\nrules: [{ name: p, match: [p.example], pins: { anyOf: [{ ca: "@gts" }] } }]\n',
  );
  expect(loadFiles('b.yaml', capturedIo(directory)).policy?.rules[0]?.pins.anyOf.length).toBeGreaterThan(1);
});

it('shortens paths below the working directory', () => {
  expect(shorten('/a/b/c.yaml', '/a')).toBe('b/c.yaml');
  expect(shorten('/x/c.yaml', '/a')).toBe('/x/c.yaml');
  expect(shortPlace({ file: '/a/b', line: 1, column: 2 }, '/a')).toEqual({ file: 'b', line: 1, column: 2 });
});
