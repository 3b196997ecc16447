import { expect, it } from 'vitest';
import { parseDate, printDate, printDay } from '../../src/policy/dates.ts';

it.each([
  '',
  'soon',
  '2027-6-1',
  '2027-02-29',
  '2027-13-01',
  '2027-06-31',
  '2027-06-01T24:00:00Z',
  '2027-06-01T12:00Z',
  '2027-06-01T12:00:00',
  '2027-06-01T12:00:00+02:00',
  '2027-06-01 12:00:00Z',
  ' 2027-06-01',
  '0000-00-00',
])('refuses %j', (text) => expect(parseDate(text)).toBeNull());

it('reads days as 00:00 UTC, and times', () => {
  expect(parseDate('2027-06-01')).toBe(Date.UTC(2027, 5, 1));
  expect(parseDate('2028-02-29')).toBe(Date.UTC(2028, 1, 29));
  expect(parseDate('2027-06-01T12:30:05Z')).toBe(Date.UTC(2027, 5, 1, 12, 30, 5));
});

it('prints what it reads', () => {
  expect(printDate(Date.UTC(2027, 5, 1, 12))).toBe('2027-06-01T12:00:00Z');
  expect(printDay(Date.UTC(2027, 5, 1, 12))).toBe('2027-06-01');
});
