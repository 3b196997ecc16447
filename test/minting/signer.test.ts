import { expect, it } from 'vitest';
import { type Signer, type Signers, signerAt, waitingAt } from '../../src/minting/signer.ts';
import { NOW_MS, newCa } from './support.ts';

const current: Signer = { ca: newCa().ca, chainPem: '' };
const next = (signsFromMs: number | null): Signers => ({
  current,
  next: { ca: newCa().ca, chainPem: '', signsFromMs },
});

it('is the current CA when there is no other, or the other one waits', () => {
  expect(signerAt({ current, next: null }, NOW_MS)).toBe(current);
  expect(waitingAt({ current, next: null }, NOW_MS)).toBeNull();
  const waiting = next(null);
  expect(signerAt(waiting, Number.MAX_SAFE_INTEGER)).toBe(current);
  expect(waitingAt(waiting, Number.MAX_SAFE_INTEGER)).toBe(waiting.next);
});

it('is the next CA from its moment on, which nobody waits for any more', () => {
  const both = next(NOW_MS);
  expect([signerAt(both, NOW_MS - 1), waitingAt(both, NOW_MS - 1)]).toEqual([current, both.next]);
  expect([signerAt(both, NOW_MS), waitingAt(both, NOW_MS)]).toEqual([both.next, null]);
});
