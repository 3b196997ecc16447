import { expect, it } from 'vitest';
import { createExpiries } from '../../src/observe/expiries.ts';
import { AT_MS } from '../support/entries.ts';

const HOUR_MS = 3_600_000;
const path = (...ends: number[]) => ends.map((notAfterMs) => ({ notAfterMs }));
const read = (expiries: ReturnType<typeof createExpiries>, nowMs: number) => Object.fromEntries(expiries.first(nowMs));

it('says nothing of an empty path', () => {
  const expiries = createExpiries();
  expiries.saw('bank', [], AT_MS);
  expect(read(expiries, AT_MS)).toEqual({});
});

it('names the first end on any path of the policy, the anchor left out', () => {
  const expiries = createExpiries();
  expiries.saw('bank', path(50, 40, 1), AT_MS);
  expiries.saw('bank', path(30, 60, 1), AT_MS);
  expiries.saw('bare', path(7), AT_MS);
  expect(read(expiries, AT_MS)).toEqual({ bank: 30, bare: 7 });
});

it('forgets a certificate that was replaced, after one to two spans', () => {
  const expiries = createExpiries();
  expiries.saw('bank', path(30, 1), AT_MS);
  expiries.saw('bank', path(90, 1), AT_MS + 4 * HOUR_MS);
  expect(read(expiries, AT_MS + 4 * HOUR_MS)).toEqual({ bank: 30 });
  expiries.saw('bank', path(90, 1), AT_MS + 8 * HOUR_MS);
  expect(read(expiries, AT_MS + 8 * HOUR_MS)).toEqual({ bank: 90 });
  expect(read(expiries, AT_MS + 30 * HOUR_MS)).toEqual({});
});

it('drops a policy that is gone', () => {
  const expiries = createExpiries();
  expiries.saw('bank', path(30, 1), AT_MS);
  expiries.keep(new Set(['other']));
  expect(read(expiries, AT_MS)).toEqual({});
});
