import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/model/evidence.ts';
import { createIntermediates } from '../../src/proxy/intermediates.ts';
import { createLearner } from '../../src/runtime/learner.ts';
import type { Wanted } from '../../src/runtime/messages.ts';
import { createCertificateMemory } from '../../src/verify/certificate-memory.ts';
import { testClock } from '../support/clock.ts';
import { configOf } from '../support/policies.ts';
import { evidenceOf, type RuleChanges, ruleOf, trustOf, verify } from '../verify/verify-cases.ts';
import { AT_MS, CRL_URL, ISSUER_URL, inter, leaf, root, wantedCrl, wantedIssuer } from './fetch-cases.ts';

const BOTH = 'aia: background\ncrl: { fetch: background }\n';

function school(yaml: string) {
  const clock = testClock();
  const told: Wanted[] = [];
  const intermediates = createIntermediates(createCertificateMemory(10));
  const config = configOf(yaml);
  const learn = createLearner({ clock, config: () => config, intermediates, want: (items) => told.push(...items) });
  const judge = (evidence: Evidence, changes: RuleChanges = {}): void => {
    const rule = ruleOf({ checks: { crl: 'if-present' }, ...changes });
    const { report, verdict } = verify(evidence, trustOf({ anchors: [root] }), rule, AT_MS);
    learn({ evidence, report, rule, permitted: verdict.kind === 'permit' });
  };
  return { clock, told, intermediates, judge };
}

const whole = evidenceOf([leaf, inter]);
const broken = evidenceOf([leaf]);

describe('nothing is fetched', () => {
  it('unless it is switched on', () => {
    const { told, intermediates, judge } = school('');
    judge(whole);
    judge(broken);
    expect(told).toEqual([]);
    // Or a verdict would depend on what was seen before.
    expect(intermediates.learned).toBe(0);
  });

  it('for a chain that was refused for another reason', () => {
    const { told, intermediates, judge } = school(BOTH);
    const stranger = root.issueCa({ cn: 'Stranger' });
    judge(evidenceOf([inter.issueLeaf({ dns: ['other.test'], crlUris: [CRL_URL] }), inter]));
    judge(evidenceOf([leaf, stranger], { resumed: true }));
    expect(told).toEqual([]);
    expect(intermediates.learned).toBe(0);
  });

  it('for a rule that does not look at CRLs', () => {
    const { told, judge } = school(BOTH);
    judge(whole, { checks: { crl: 'off' } });
    expect(told).toEqual([]);
  });
});

it('accepted paths fill the pool and name their distribution points', () => {
  const { told, intermediates, judge } = school(BOTH);
  judge(whole);
  expect(told).toEqual([wantedCrl()]);
  expect(intermediates.learned).toBe(1);
});

it('a chain that broke off names where its issuer is', () => {
  const { told, judge } = school(BOTH);
  judge(broken);
  expect(told).toEqual([wantedIssuer(ISSUER_URL)]);
});

it('each URL is told once an hour, and the memory of that is bounded', () => {
  const { clock, told, judge } = school(BOTH);
  judge(whole);
  judge(whole);
  expect(told).toHaveLength(1);
  clock.advance(3_600_001);
  judge(whole);
  expect(told).toHaveLength(2);
});
