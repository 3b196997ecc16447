import { expect, it } from 'vitest';
import { authority } from '../../support/test-ca.ts';
import { AT, evidenceOf, ruleOf, say, trustOf, verify } from '../verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const evidence = evidenceOf([root.issueLeaf({ dns: ['good.test'] })]);

it('is absent without a memory of hosts, which require turns into a failure', () => {
  const judged = (word: 'require' | 'if-present') =>
    say(verify(evidence, trustOf({ anchors: [root] }), ruleOf({ checks: { continuity: word } })));
  expect(judged('require')).toBe('block continuity.unknown');
  expect(judged('if-present')).toBe('allow');
});
