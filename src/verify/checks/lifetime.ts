/**
 * Lifetime: is a publicly issued certificate valid for no longer than public CAs may issue?
 *
 * Baseline Requirements §6.3.2 (ballots SC-031 and SC-081), by notBefore. A day is 86,400 seconds and both ends count.
 * Private CAs may issue what they like: below a private anchor the check is skipped.
 */
import type { Outcome } from '../../model/outcome.ts';
import type { PathContext } from '../context.ts';
import { isPublicAnchor } from './public-root.ts';
import { fail } from './weigh.ts';

const DAY_SECONDS = 86_400;

/** Latest first. */
const LIMITS: readonly { readonly fromMs: number; readonly days: number }[] = Object.freeze([
  { fromMs: Date.UTC(2029, 2, 15), days: 47 },
  { fromMs: Date.UTC(2027, 2, 15), days: 100 },
  { fromMs: Date.UTC(2026, 2, 15), days: 200 },
  { fromMs: Date.UTC(2020, 8, 1), days: 398 },
  { fromMs: Number.NEGATIVE_INFINITY, days: 825 },
]);

export function checkLifetime({ leaf, found, trust }: PathContext): Outcome {
  if (!isPublicAnchor(found.anchor, trust)) return { is: 'skipped', why: 'not-public' };
  const seconds = (leaf.notAfterMs - leaf.notBeforeMs) / 1000 + 1;
  const days = Math.ceil(seconds / DAY_SECONDS);
  const limitDays = LIMITS.find((limit) => leaf.notBeforeMs >= limit.fromMs)!.days;
  const facts = { days, limitDays };
  return days <= limitDays ? { is: 'pass', facts } : fail('lifetime.too-long', facts);
}
