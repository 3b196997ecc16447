import { describe, expect, it } from 'vitest';
import type { CtLog } from '../../../src/pki/ct/log.ts';
import {
  type CtProfile,
  countable,
  judgeQuota,
  lifetimeDays,
  operatorAt,
  type VerifiedSct,
} from '../../../src/pki/ct/quota.ts';
import { parsedList, type TestLogSpec, testLog } from '../../support/ct-log.ts';

const AT = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;
const CHROME: CtProfile = { name: 'chrome' };
const APPLE: CtProfile = { name: 'apple' };

function logOf(spec: TestLogSpec): CtLog {
  const log = testLog(spec);
  return parsedList([log], AT).logs.get(log.logId)!;
}

const one = logOf({ operator: 'One' });
const oneMore = logOf({ operator: 'One' });
const two = logOf({ operator: 'Two', state: ['qualified', '2026-01-01T00:00:00Z'] });
const three = logOf({ operator: 'Three', state: ['readonly', '2026-01-01T00:00:00Z'] });
const retired = logOf({ operator: 'Four', state: ['retired', '2026-06-01T00:00:00Z'] });
const retiredToo = logOf({ operator: 'Five', state: ['retired', '2026-06-01T00:00:00Z'] });

const sct = (log: CtLog, timestampMs = AT - DAY_MS, delivery: VerifiedSct['delivery'] = 'embedded'): VerifiedSct => ({
  log,
  timestampMs,
  delivery,
});

describe('lifetimeDays', () => {
  it('any excess counts as a further day', () => {
    expect(lifetimeDays({ notBeforeMs: 0, notAfterMs: 180 * DAY_MS })).toBe(180);
    expect(lifetimeDays({ notBeforeMs: 0, notAfterMs: 180 * DAY_MS + 1000 })).toBe(181);
    expect(lifetimeDays({ notBeforeMs: 0, notAfterMs: 180 * DAY_MS - 1000 })).toBe(180);
  });
});

describe('operatorAt', () => {
  const log = logOf({
    operator: 'Now',
    previousOperators: [
      { name: 'First', end_time: '2025-01-01T00:00:00Z' },
      { name: 'Then', end_time: '2026-01-01T00:00:00Z' },
    ],
  });

  it.each([
    ['First', Date.UTC(2024, 11, 31)],
    ['Then', Date.UTC(2025, 0, 1)],
    ['Now', Date.UTC(2026, 0, 1)],
  ])('%s', (name, atMs) => expect(operatorAt(log, atMs)).toBe(name));
});

describe('chrome', () => {
  it.each([
    ['none', [], 90, 'not-enough-scts'],
    ['one log', [sct(one)], 90, 'not-enough-scts'],
    ['one log twice', [sct(one), sct(one, AT - 2 * DAY_MS)], 90, 'not-enough-scts'],
    ['two logs for a long life', [sct(one), sct(two)], 181, 'not-enough-scts'],
    ['two logs of one operator', [sct(one), sct(oneMore)], 90, 'not-diverse'],
    ['one delivered by OCSP', [sct(one), sct(two, AT, 'ocsp')], 90, 'not-enough-scts'],
    ['a retired log that signed too late', [sct(one), sct(retired, AT)], 90, 'not-enough-scts'],
    ['two retired logs and no current one', [sct(retired), sct(retiredToo)], 90, 'not-enough-scts'],
  ])('refuses %s', (_, scts, days, is) => {
    expect(judgeQuota(scts, days, CHROME)).toMatchObject({ is });
  });

  it.each([
    ['two logs of two operators', [sct(one), sct(two)], 180],
    ['three logs of two operators for a long life', [sct(one), sct(oneMore), sct(two)], 200],
    ['a readonly log', [sct(one), sct(three)], 90],
    ['a log retired later', [sct(one), sct(retired)], 90],
    ['more than enough', [sct(one), sct(one), sct(oneMore), sct(two), sct(retired, AT), sct(three, AT, 'ocsp')], 90],
  ])('takes %s', (_, scts, days) => {
    expect(judgeQuota(scts, days, CHROME)).toEqual({ is: 'compliant' });
  });

  it('counts operators at the time of the SCT', () => {
    const moved = logOf({ operator: 'One', previousOperators: [{ name: 'Two', end_time: '2026-01-01T00:00:00Z' }] });
    expect(judgeQuota([sct(one), sct(moved)], 90, CHROME)).toMatchObject({ is: 'not-diverse', have: 1, need: 2 });
    expect(judgeQuota([sct(one), sct(moved, Date.UTC(2025, 11, 1))], 90, CHROME)).toEqual({ is: 'compliant' });
  });
});

describe('countable', () => {
  it('a retired log may have dated back: current logs must have signed before its retirement too', () => {
    expect(countable([sct(one, AT + DAY_MS), sct(retired)])).toHaveLength(1);
    expect(countable([sct(one), sct(retired)])).toHaveLength(2);
  });

  it('nothing of a retired log by OCSP, nothing without a current log', () => {
    expect(countable([sct(one), sct(retired, AT - DAY_MS, 'ocsp')])).toHaveLength(1);
    expect(countable([sct(retired)])).toHaveLength(0);
  });
});

describe('apple', () => {
  it.each([
    ['one log', [sct(one)], 90, 'not-enough-scts'],
    ['two logs of one operator', [sct(one), sct(oneMore)], 90, 'not-diverse'],
    ['two logs for a long life', [sct(one), sct(two)], 200, 'not-enough-scts'],
    ['three logs of one operator', [sct(one), sct(oneMore), sct(logOf({ operator: 'One' }))], 200, 'not-diverse'],
    ['two by OCSP of one operator', [sct(one, AT, 'ocsp'), sct(oneMore)], 90, 'not-enough-scts'],
    [
      'two by OCSP for enough logs of no current state',
      [sct(retired, AT, 'ocsp'), sct(retired)],
      90,
      'not-enough-scts',
    ],
  ])('refuses %s', (_, scts, days, is) => {
    expect(judgeQuota(scts, days, APPLE)).toMatchObject({ is });
  });

  it.each([
    ['two operators', [sct(one), sct(two)], 180],
    ['two of one operator and another for a long life', [sct(one), sct(oneMore), sct(two)], 398],
    ['two current logs with one by OCSP', [sct(one), sct(two, AT, 'ocsp')], 200],
  ])('takes %s', (_, scts, days) => {
    expect(judgeQuota(scts, days, APPLE)).toEqual({ is: 'compliant' });
  });
});

describe('custom', () => {
  const custom: CtProfile = { name: 'custom', minScts: 1, minOperators: 1, lifetimeDays: 100 };

  it('asks for one more log above the lifetime', () => {
    expect(judgeQuota([sct(one)], 101, custom)).toMatchObject({ is: 'not-enough-scts', have: 1, need: 2 });
    expect(judgeQuota([sct(one)], 100, custom)).toEqual({ is: 'compliant' });
    expect(judgeQuota([sct(one)], 1000, { ...custom, lifetimeDays: null })).toEqual({ is: 'compliant' });
  });

  it('counts OCSP delivery, and may ask for nothing', () => {
    expect(judgeQuota([sct(one, AT, 'ocsp')], 90, custom)).toEqual({ is: 'compliant' });
    expect(judgeQuota([], 90, { ...custom, minScts: 0, minOperators: 0 })).toEqual({ is: 'compliant' });
  });
});
