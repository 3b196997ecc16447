import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readInstallation } from '../../src/cli/installation.ts';
import { typedFor } from '../../src/cli/next-command.ts';
import { followRecorded, readPrefix, recordedEvents, recordedExhibits } from '../../src/cli/recorded.ts';
import { mismatchEntry } from '../support/unexpected.ts';
import { type Installation, installationWith } from './sight-support.ts';

const made: Installation[] = [];
const make = (...args: Parameters<typeof installationWith>) => {
  const one = installationWith(...args);
  made.push(one);
  return one;
};
const typed = typedFor('pinwarden.yaml', { cwd: '/etc/pinwarden' });
const configOf = (one: Installation) => readInstallation('pinwarden.yaml', one.io());

afterEach(() => {
  for (const one of made.splice(0)) one.remove();
});

it.each(['', 'abc', '../x', 'a"b', 'x'.repeat(65), 'ab cd'])('is no id: %j', (text) => {
  expect(() => readPrefix(text, typed)).toThrow(/no event id/);
});

it('ids are given by their start', () => {
  expect(readPrefix('c0ffee00-1', typed)).toBe('c0ffee00-1');
});

describe('what cannot be read', () => {
  it('says so with a next step', () => {
    const one = make();
    const config = configOf(one);
    mkdirSync(join(one.dir, 'audit.2.ndjson'));
    expect(() => [...recordedEvents(config)]).toThrow(/not a regular file/);
    expect(() => followRecorded(config)).toThrow(/not a regular file/);
  });

  it.skipIf(process.getuid?.() === 0)('for lack of permission too', () => {
    const one = make({ verdicts: [mismatchEntry()] });
    chmodSync(join(one.dir, 'audit.ndjson'), 0);
    expect(() => [...recordedEvents(configOf(one))]).toThrow(/permission denied/);
  });

  it('when it was never written is nothing', () => {
    const one = make({ audit: 'none', locker: 'empty' });
    expect([...recordedEvents(configOf(one))]).toEqual([]);
    expect(recordedExhibits(configOf(one))).toEqual([]);
  });
});

it('reads and follows what the proxy wrote', () => {
  const one = make({ verdicts: [mismatchEntry()] });
  const config = configOf(one);
  expect([...recordedEvents(config)].map(({ eventId }) => eventId)).toEqual(['e-1']);
  expect(recordedExhibits(config).map(({ host }) => host)).toEqual(['api.bank.example']);
  const follower = followRecorded(config);
  appendFileSync(join(one.dir, 'audit.ndjson'), readFileSync(join(one.dir, 'audit.ndjson')));
  expect(follower.poll().map(({ eventId }) => eventId)).toEqual(['e-1']);
  writeFileSync(join(one.dir, 'audit.2.ndjson'), '');
  expect(follower.poll()).toEqual([]);
  follower.close();
});
