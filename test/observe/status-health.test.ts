import { describe, expect, it } from 'vitest';
import { statusFacts } from '../../src/observe/status-facts.ts';
import { judgeHealth } from '../../src/observe/status-health.ts';
import { HEALTHY, NOW_MS, NOW_SECONDS, type Point, READY, samplesOf } from './status-samples.ts';

/** A healthy proxy in which some series have other values; null: the series is not there. */
function health(
  changes: readonly (readonly [Point[0], Point[1], number | null])[],
  ready: Record<string, boolean> = READY,
) {
  const changed = new Set(changes.map(([name]) => name));
  const points = changes.flatMap(([name, labels, value]): readonly Point[] =>
    value === null ? [] : [[name, labels, value]],
  );
  const samples = samplesOf([...HEALTHY.filter(([name]) => !changed.has(name)), ...points]);
  return judgeHealth(statusFacts(samples, ready, NOW_MS));
}

const DAY = 86_400;

describe('the detector is not proven to detect', () => {
  it.each([
    ['a self-test that never passed', [['selftest', {}, null]], 'never succeeded', 'pinwarden_selftest_last_success'],
    ['one that passed long ago', [['selftest', {}, NOW_SECONDS - 901]], 'not succeeded lately', 'pinwarden_selftest'],
    ['no worker', [['workers', {}, 0]], 'no worker serves', 'pinwarden_workers'],
    ['an ended CA', [['caExpiry', { slot: 'current' }, NOW_SECONDS - 1]], 'CA of current: expired', 'pinwarden_ca'],
  ] as const)('%s', (_name, changes, says, source) => {
    const { state, concerns } = health(changes);
    expect(state).toBe('bad');
    expect(concerns[0]?.says).toContain(says);
    expect(concerns[0]?.source).toContain(source);
    expect(concerns[0]?.next).not.toBe('');
  });

  it('when it is not ready, and names the condition', () => {
    const { state, concerns } = health([], { ...READY, ca: false, serving: false });
    expect(state).toBe('bad');
    expect(concerns[0]).toMatchObject({ says: 'not ready: ca, serving', source: '/readyz' });
  });
});

describe('something needs a hand', () => {
  it.each([
    [
      'a refused reload',
      [
        ['reloadSuccessful', {}, 0],
        ['sourcesHeld', {}, 1],
      ],
      '1 file on the last good text',
    ],
    ['a failed self-test', [['selftestFailures', {}, 2]], '2 self-tests failed'],
    ['lost audit lines', [['auditLost', { kind: 'close' }, 1]], '1 audit line could not be written'],
    ['a lowered floor', [['overrideActive', { policy: 'legacy' }, 1]], 'a floor is lowered for legacy'],
    ['an old log list', [['ctLogListAge', {}, 71 * DAY]], 'CT log list'],
    ['old anchors', [['publicAnchorsAge', {}, 181 * DAY]], 'public anchors'],
    ['pins that end', [['pinExpiry', { policy: 'bank' }, NOW_SECONDS + 27 * DAY]], 'pins of bank: less than 28 days'],
    ['ended pins', [['pinExpiry', { policy: 'bank' }, NOW_SECONDS - DAY]], 'pins of bank: expired'],
    ['a CA that ends', [['caExpiry', { slot: 'current' }, NOW_SECONDS + 29 * DAY]], 'CA of current: less than 30 days'],
  ] as const)('%s', (_name, changes, says) => {
    const { state, concerns } = health(changes);
    expect(state).toBe('warn');
    expect(concerns).toHaveLength(1);
    expect(concerns[0]?.says).toContain(says);
    expect(concerns[0]?.next).not.toBe('');
  });

  it('and a lowered floor is ended by either word that lowers one', () => {
    const { concerns } = health([['overrideActive', { policy: 'legacy' }, 1]]);
    expect(concerns[0]?.next).toBe('end it: remove unsafeFloor or unsafeTls');
  });

  it('and the worst is said first', () => {
    const { state, concerns } = health([
      ['reloadSuccessful', {}, 0],
      ['workers', {}, 0],
    ]);
    expect(state).toBe('bad');
    expect(concerns.map(({ level }) => level)).toEqual(['bad', 'warn']);
  });
});

it('a proxy that blocks attackers and sees an upstream certificate end is in good health', () => {
  const attacked: readonly Point[] = [
    ['verdicts', { policy: 'bank', verdict: 'block' }, 900],
    ['failingHosts', { policy: 'bank', code: 'pin.mismatch' }, 64],
    ['upstreamCertExpiry', { policy: 'bank' }, NOW_SECONDS + 60],
  ];
  expect(health(attacked)).toEqual({ state: 'good', concerns: [] });
});
