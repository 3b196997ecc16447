import { expect, it } from 'vitest';
import { isFloorLowered } from '../../src/verify/floor.ts';
import { AT_MS, ruleOf } from './verify-cases.ts';

it('the floor is lowered only by a rule that says so, and only until it ends', () => {
  const rule = ruleOf({ unsafeFloor: { action: 'alert', reason: 'test', untilMs: AT_MS } });
  expect(isFloorLowered(ruleOf(), AT_MS)).toBe(false);
  expect(isFloorLowered(rule, AT_MS)).toBe(false);
  expect(isFloorLowered(rule, AT_MS - 1)).toBe(true);
});
