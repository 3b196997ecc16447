import { expect, it } from 'vitest';
import { readMoment } from '../../src/cli/moment.ts';

it('reads dates and times with a zone, and nothing else', () => {
  expect(readMoment('2026-06-15')).toBe(Date.UTC(2026, 5, 15));
  expect(readMoment('2026-06-15T12:00Z')).toBe(Date.UTC(2026, 5, 15, 12));
  expect(readMoment('2026-06-15T12:00:00.5+02:00')).toBe(Date.UTC(2026, 5, 15, 10) + 500);
  expect(readMoment('2028-02-29T23:59:59Z')).toBe(Date.UTC(2028, 1, 29, 23, 59, 59));
  for (const text of ['2026-02-29', '2026-04-31T00:00:00Z', '2026-06-15T24:00:00Z', '2026-06-15T23:59:60Z']) {
    expect(readMoment(text)).toBeNull();
  }
  for (const text of ['', 'now', '2026', '2026-13-01', '2026-06-15T12:00:00', '1781524800', ' 2026-06-15']) {
    expect(readMoment(text)).toBeNull();
  }
});
