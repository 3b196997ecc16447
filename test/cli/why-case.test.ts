import { afterEach, describe, expect, it } from 'vitest';
import { readInstallation } from '../../src/cli/installation.ts';
import { typedFor } from '../../src/cli/next-command.ts';
import { findCase, sightingOf } from '../../src/cli/why-case.ts';
import { AT_MS, CLIENT, closeEntry } from '../support/entries.ts';
import { mismatchEntry, rogueLeaf } from '../support/unexpected.ts';
import { goodEntry, type Installation, installationWith } from './sight-support.ts';

const made: Installation[] = [];

afterEach(() => {
  for (const one of made.splice(0)) one.remove();
});

function find(prefix: string, ...args: Parameters<typeof installationWith>) {
  const one = installationWith(...args);
  made.push(one);
  const config = readInstallation('pinwarden.yaml', one.io());
  return findCase(config, prefix, typedFor(config.file, one.io()));
}

const events = [mismatchEntry({ eventId: 'aaaa-1' }), mismatchEntry({ eventId: 'aaaa-2', atMs: AT_MS + 1000 })];

describe('no event', () => {
  it('is on record', () => {
    expect(() => find('bbbb', { verdicts: events })).toThrow(/no event bbbb… is on record/);
    expect(() => find('bbbb', { audit: 'none' })).toThrow(/no event bbbb… is on record/);
  });

  it('is meant when several begin so', () => {
    expect(() => find('aaaa', { verdicts: events })).toThrow(/several events: aaaa-1, aaaa-2/);
    expect(find('aaaa-1', { verdicts: [...events, mismatchEntry({ eventId: 'aaaa-12' })] }).eventId).toBe('aaaa-1');
    const many = Array.from({ length: 50 }, (_, at) => mismatchEntry({ eventId: `aaaa-${at}` }));
    expect(() => find('aaaa', { verdicts: many })).toThrow(/several events/);
  });

  it('can be told of when only its end is left', () => {
    expect(() => find('gone', { closes: [closeEntry({ eventId: 'gone-1' })] })).toThrow(/not on record, only its end/);
  });
});

it('gathers what happened alike, to whom, and what was good before', () => {
  const inGroup = { ...CLIENT, address: '10.4.0.10', groups: ['ci'] };
  const found = find('aaaa-2', {
    verdicts: [
      goodEntry({ eventId: 'good-1', atMs: AT_MS - 9_000 }),
      goodEntry({ eventId: 'good-2', atMs: AT_MS - 8_000 }),
      goodEntry({ eventId: 'good-3', atMs: AT_MS + 9_000 }),
      ...events,
      mismatchEntry({ eventId: 'bbbb-1', client: inGroup, atMs: AT_MS + 5000 }),
      mismatchEntry({ eventId: 'cccc-1', code: 'ct.no-scts' }),
      mismatchEntry(
        { eventId: 'dddd-1', authority: { host: 'other.example', kind: 'name', port: 443 } },
        rogueLeaf('other.example'),
      ),
    ],
    closes: [closeEntry({ eventId: 'aaaa-2', atMs: AT_MS + 2000, clientAlert: 'unknown_ca' })],
  });
  expect(found.lastGood?.eventId).toBe('good-2');
  expect(found.alike).toEqual({
    count: 3,
    firstMs: AT_MS,
    lastMs: AT_MS + 5000,
    clients: [
      ['10.4.0.9', 2],
      ['10.4.0.10 (ci)', 1],
    ],
  });
  expect(found.close?.clientAlert).toBe('unknown_ca');
  expect(found.exhibit?.id).toBe(found.line?.evidence);
  expect(sightingOf(found)?.event).toBe('aaaa-2');
});

it('knows an event from the locker alone', () => {
  const found = find('aaaa-2', { verdicts: events, audit: 'none' });
  expect(found).toMatchObject({ eventId: 'aaaa-2', line: null, alike: null, lastGood: null });
  expect(found.exhibit?.count).toBe(2);
});

it('and without the locker', () => {
  expect(find('aaaa-1', { verdicts: events, locker: 'empty' })).toMatchObject({ exhibit: null, alike: { count: 2 } });
});
