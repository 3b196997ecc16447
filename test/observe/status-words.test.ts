import { expect, it } from 'vitest';
import { printBytes, printCount, printDay, printSpan, printWhen } from '../../src/observe/status-words.ts';

it.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [1_234_567, '1,234,567'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
])('count %d', (value, text) => expect(printCount(value)).toBe(text));

it.each([
  [-5, '0 seconds'],
  [1, '1 second'],
  [59.9, '59 seconds'],
  [60, '1 minute'],
  [7199, '1 hour'],
  [86_400 * 2, '2 days'],
  [86_400 * 5000, '5,000 days'],
])('span %d', (seconds, text) => expect(printSpan(seconds)).toBe(text));

it('says when, also when the clock was set back', () => {
  expect(printWhen(100, 160_000)).toBe('1 minute ago');
  expect(printWhen(100, 102_000)).toBe('just now');
  expect(printWhen(100, 0)).toBe('just now');
});

it('says the day, or never for what no calendar has', () => {
  expect(printDay(Date.UTC(2027, 0, 2) / 1000)).toBe('2027-01-02');
  expect(printDay(1e20)).toBe('never');
});

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1500, '1.5 kB'],
  [123_456, '123 kB'],
  [5e9, '5.0 GB'],
  [7e18, '7000 PB'],
])('bytes %d', (bytes, text) => expect(printBytes(bytes)).toBe(text));
