import { describe, expect, it } from 'vitest';
import { generalizedTimeMs, utcTimeMs } from '../../../src/pki/der/time.ts';

describe('utcTimeMs', () => {
  it.each([
    ['no seconds', '2601010000Z'],
    ['an offset', '260101000000+0000'],
    ['no Z', '2601010000000'],
    ['lower-case z', '260101000000z'],
    ['a sign for a digit', '-60101000000Z'],
    ['a space for a digit', '26010100000 Z'],
    ['month 0', '260001000000Z'],
    ['month 13', '261301000000Z'],
    ['day 0', '260100000000Z'],
    ['31 April', '260431000000Z'],
    ['29 February of no leap year', '260229000000Z'],
    ['hour 24', '260101240000Z'],
    ['minute 60', '260101006000Z'],
    ['a leap second', '161231235960Z'],
    ['no month', '26xx01000000Z'],
    ['no day', '2601xx000000Z'],
    ['no hour', '260101xx0000Z'],
    ['no minute', '26010100xx00Z'],
    ['no second', '2601010000xxZ'],
  ])('refuses %s', (_name, text) => {
    expect(utcTimeMs(text)).toBeNull();
  });

  it.each([
    ['491231235959Z', '2049-12-31T23:59:59Z'],
    ['500101000000Z', '1950-01-01T00:00:00Z'],
    ['000229120000Z', '2000-02-29T12:00:00Z'],
    ['700101000000Z', '1970-01-01T00:00:00Z'],
  ])('%s is %s', (text, iso) => {
    expect(utcTimeMs(text)).toBe(Date.parse(iso));
  });
});

describe('generalizedTimeMs', () => {
  it.each([
    ['a fraction', '20260101000000.5Z'],
    ['no seconds', '202601010000Z'],
    ['a comma', '20260101000000,Z'],
    ['a century that is no leap year', '21000229000000Z'],
    ['no year', 'abcd0101000000Z'],
  ])('refuses %s', (_name, text) => {
    expect(generalizedTimeMs(text)).toBeNull();
  });

  it.each([
    ['20500101000000Z', '2050-01-01T00:00:00Z'],
    ['99991231235959Z', '9999-12-31T23:59:59Z'],
    ['20000229000000Z', '2000-02-29T00:00:00Z'],
    ['00990301000000Z', '0099-03-01T00:00:00Z'],
    ['00000229000000Z', '0000-02-29T00:00:00Z'],
  ])('%s is %s', (text, iso) => {
    expect(generalizedTimeMs(text)).toBe(Date.parse(iso));
  });
});
