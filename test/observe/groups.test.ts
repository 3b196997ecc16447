import { expect, it } from 'vitest';
import { createGroups, MAX_GROUPS, NO_GROUP, OTHER_GROUP } from '../../src/observe/groups.ts';
import { ruleOf } from '../support/entries.ts';

const groups = (count: number) => Array.from({ length: count }, (_, index) => ({ metricsGroup: `g${index}` }));

it('counts what no rule decided under a label of its own', () => {
  expect(createGroups([]).label(null)).toBe(NO_GROUP);
});

it('puts what is above the limit under _other', () => {
  const made = createGroups([...groups(MAX_GROUPS), { metricsGroup: 'late' }]);
  expect(made.label(ruleOf({ metricsGroup: 'late' }))).toBe(OTHER_GROUP);
  expect(made.label(ruleOf({ metricsGroup: 'g0' }))).toBe('g0');
  expect(made.labels.size).toBe(MAX_GROUPS + 2);
});

it('needs no _other within the limit, and counts a shared group once', () => {
  const made = createGroups([...groups(MAX_GROUPS), ...groups(MAX_GROUPS)]);
  expect(made.labels.has(OTHER_GROUP)).toBe(false);
  expect(made.labels.size).toBe(MAX_GROUPS + 1);
});
