import { expect, it } from 'vitest';
import { readSince } from '../../src/cli/since.ts';

const NOW_MS = Date.parse('2026-03-01T12:00:00Z');

it.each(['', 'h', '1', '1y', '-1h', '1.5h', '1 h', '9999999h', 'yesterday', '2026-03-01T12:00'])(
  'is no time: %j',
  (text) => {
    expect(readSince(text, NOW_MS)).toBeNull();
  },
);

it.each([
  ['90s', '2026-03-01T11:58:30Z'],
  ['30m', '2026-03-01T11:30:00Z'],
  ['1h', '2026-03-01T11:00:00Z'],
  ['7d', '2026-02-22T12:00:00Z'],
  ['2w', '2026-02-15T12:00:00Z'],
  ['0s', '2026-03-01T12:00:00Z'],
  ['2026-02-01', '2026-02-01T00:00:00Z'],
  ['2026-02-01T01:02:03+01:00', '2026-02-01T00:02:03Z'],
])('%s', (text, moment) => {
  expect(readSince(text, NOW_MS)).toBe(Date.parse(moment));
});
