import { describe, expect, it } from 'vitest';
import { statusFacts } from '../../src/observe/status-facts.ts';
import { HEALTHY, NOW_MS, NOW_SECONDS, type Point, READY, samplesOf } from './status-samples.ts';

const factsOf = (points: readonly Point[]) => statusFacts(samplesOf(points), READY, NOW_MS);

describe('a snapshot that holds nothing', () => {
  it('is read as nothing, not as zero ages or good tests', () => {
    expect(factsOf([])).toMatchObject({
      selfTest: { lastSuccess: null, failures: 0 },
      reload: { successful: null, lastSuccess: null, sha256: '' },
      workers: { serving: 0 },
      totals: { allow: 0, alert: 0, block: 0, error: 0 },
      policies: { rows: [], more: 0 },
      failing: { rows: [], more: 0 },
      expiries: { rows: [], more: 0 },
      ages: { logList: null, publicAnchors: null },
    });
  });
});

describe('policies', () => {
  const verdict = (policy: string, word: string, count: number): Point => [
    'verdicts',
    { policy, verdict: word },
    count,
  ];

  it('stand in the order in which somebody wants to see them', () => {
    const { policies, totals } = factsOf([
      verdict('busy', 'allow', 5000),
      verdict('quiet', 'allow', 0),
      verdict('unreached', 'error', 3),
      verdict('alerted', 'alert', 900),
      verdict('blocked-before', 'block', 70),
      verdict('blocked-now', 'block', 1),
      ['lastEvent', { policy: 'blocked-before', action: 'block' }, NOW_SECONDS - 900],
      ['lastEvent', { policy: 'blocked-now', action: 'block' }, NOW_SECONDS - 1],
      ['lastEvent', { policy: 'blocked-now', action: 'alert' }, NOW_SECONDS - 99],
    ]);
    const names = ['blocked-now', 'blocked-before', 'alerted', 'unreached', 'busy', 'quiet'];
    expect(policies.rows.map(({ policy }) => policy)).toEqual(names);
    expect(policies.rows[0]).toMatchObject({ lastEvent: NOW_SECONDS - 1 });
    expect(totals).toEqual({ allow: 5000, alert: 900, block: 71, error: 3 });
  });

  it('show the headline first, three codes, and how many more', () => {
    const finding = (code: string, count: number): Point => [
      'findings',
      { policy: 'one', code, action: 'block' },
      count,
    ];
    const { policies } = factsOf([
      verdict('one', 'block', 9),
      finding('ct.no-scts', 9),
      finding('staple.missing', 8),
      finding('lifetime.too-long', 7),
      finding('pin.mismatch', 1),
      ['findings', { policy: 'one', code: 'ct.no-scts', action: 'alert' }, 1],
      ['findings', { policy: 'other', code: 'chain.expired', action: 'block' }, 50],
    ]);
    expect(policies.rows[0]?.codes).toEqual({
      rows: [
        { code: 'pin.mismatch', count: 1 },
        { code: 'ct.no-scts', count: 10 },
        { code: 'staple.missing', count: 8 },
      ],
      more: 1,
    });
  });

  it('of 200, the 25 that matter most, and the count of the rest', () => {
    const calm = Array.from({ length: 199 }, (_, index) => verdict(`calm-${index}`, 'allow', index));
    const { policies, totals } = factsOf([...calm, verdict('zz-attacked', 'block', 1), verdict('_other', 'allow', 4)]);
    expect(policies.rows).toHaveLength(25);
    expect(policies.rows[0]?.policy).toBe('zz-attacked');
    expect(policies.more).toBe(176);
    // What is cut is still counted.
    expect(totals.allow).toBe((198 * 199) / 2 + 4);
  });

  it('leave out what was refused before a rule, until there is some', () => {
    expect(factsOf([verdict('_none', 'error', 0)]).policies.rows).toEqual([]);
    expect(factsOf([verdict('_none', 'error', 2)]).policies.rows[0]?.policy).toBe('_none');
  });
});

it('puts failing pins first, then those that live on their backup', () => {
  const { pins } = factsOf([
    ['pinHits', { policy: 'fine', pin: 'primary' }, 100],
    ['pinHits', { policy: 'spare', pin: 'backup' }, 2],
    ['pinHits', { policy: 'broken', pin: 'primary' }, 1],
    ['pinFailures', { policy: 'broken', reason: 'mismatch' }, 3],
    ['pinFailures', { policy: 'broken', reason: 'expired' }, 0],
    ['pinLastMatch', { policy: 'broken', pin: 'primary' }, NOW_SECONDS - 5],
  ]);
  expect(pins.policies.rows.map(({ policy }) => policy)).toEqual(['broken', 'spare', 'fine']);
  expect(pins.policies.rows[0]).toMatchObject({
    primary: 1,
    failures: [{ reason: 'mismatch', count: 3 }],
    lastMatch: NOW_SECONDS - 5,
  });
  expect(pins.totals).toMatchObject({ primary: 101, backup: 2 });
});

it('sorts what ends by when it ends, whatever it is', () => {
  const { expiries } = factsOf([
    ['pinExpiry', { policy: 'bank' }, NOW_SECONDS + 300],
    ['caExpiry', { slot: 'current' }, NOW_SECONDS + 200],
    ['upstreamCertExpiry', { policy: 'cdn' }, NOW_SECONDS + 100],
  ]);
  expect(expiries.rows.map(({ what, whose }) => `${what} ${whose}`)).toEqual([
    'upstream certificate cdn',
    'CA current',
    'pins bank',
  ]);
});

it('does not let upstream certificates crowd out what is our own', () => {
  const upstream = Array.from(
    { length: 300 },
    (_, index): Point => ['upstreamCertExpiry', { policy: `p${index}` }, index],
  );
  const { expiries } = factsOf([
    ...upstream,
    ['caExpiry', { slot: 'current' }, NOW_SECONDS],
    ['pinExpiry', { policy: 'bank' }, NOW_SECONDS + 1],
  ]);
  expect(expiries.rows.map(({ whose }) => whose)).toEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'current', 'bank']);
  expect(expiries.more).toBe(295);
});

it('reads a healthy proxy as it is', () => {
  expect(factsOf(HEALTHY)).toMatchObject({
    selfTest: { lastSuccess: NOW_SECONDS - 30 },
    reload: { successful: true, generation: 7, sha256: 'abcdef0123456789', rules: 2, held: 0 },
    workers: { serving: 2 },
  });
});
