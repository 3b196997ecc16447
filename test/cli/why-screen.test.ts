import { stripVTControlCharacters } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { columnsOf } from '../../src/cli/columns.ts';
import { runWhy } from '../../src/cli/why.ts';
import { mismatchEntry } from '../support/unexpected.ts';
import { goodEntry, type Installation, installationWith } from './sight-support.ts';

const made: Installation[] = [];

afterEach(() => {
  for (const one of made.splice(0)) one.remove();
});

it.each([80, 140])('at %i columns every line fits, and colours change nothing else', async (columns) => {
  const one = installationWith({ verdicts: [goodEntry(), mismatchEntry({ eventId: 'c0ffee00-1' })] });
  made.push(one);
  const [plain, coloured] = [one.io({ columns }), one.io({ columns, isTty: true, env: {} })];
  for (const io of [plain, coloured]) expect(await runWhy(['c0ffee00', '-c', 'pinwarden.yaml'], io)).toBe(0);
  expect(stripVTControlCharacters(coloured.stdout())).toBe(plain.stdout());
  // What is copied and pasted stays whole: the diff and the commands of the fix.
  const [told = ''] = plain.stdout().split(/^fix /m);
  for (const line of told.split('\n')) expect(columnsOf(line), line).toBeLessThanOrEqual(columns);
});
