import { describe, expect, it } from 'vitest';
import { CODES, type Code } from '../../src/model/codes.ts';
import { problemObject, statusOf } from '../../src/wire/problem-json.ts';

const note = { code: 'pin.mismatch', rule: 'bank', eventId: 'e-1' } as const;

describe('problemObject', () => {
  it('clips and escapes what peers said, and bounds the lists', () => {
    const object = problemObject({
      ...note,
      detail: `issuer "\x1b[31m${'x'.repeat(10_000)}"`,
      observed: Array.from({ length: 100 }, () => `\n${'y'.repeat(10_000)}`),
    });
    expect(object.detail).toMatch(/^issuer "\\u001b/);
    expect(object.detail.length).toBeLessThanOrEqual(512);
    expect(object.observed).toHaveLength(16);
    expect(object.observed[0]).toMatch(/^\\u000ay+…$/);
    expect(object.observed[0]?.length).toBeLessThanOrEqual(256);
  });

  it('has every member, in the order of reading', () => {
    expect(problemObject({ ...note, expected: ['DigiCert G2'], observed: ['sha256/x'] })).toEqual({
      type: 'urn:pinwarden:pin.mismatch',
      title: CODES['pin.mismatch'].says,
      status: 502,
      detail: CODES['pin.mismatch'].says,
      code: 'pin.mismatch',
      policy: 'bank',
      check: 'pins',
      expected: ['DigiCert G2'],
      observed: ['sha256/x'],
      next: CODES['pin.mismatch'].next,
      instance: 'e-1',
    });
    expect(problemObject({ ...note, rule: null })).toMatchObject({ policy: null, expected: [], observed: [] });
  });
});

describe('statusOf', () => {
  it.each(Object.keys(CODES) as Code[])('%s has one', (code) => {
    expect(statusOf({ code })).toBe(CODES[code].status ?? 502);
  });
});
