/** Snapshots as a scrape sees them, by hand: name of the instrument, labels, value. */
import { INSTRUMENTS, type InstrumentName } from '../../src/observe/instruments.ts';
import type { Labels, Sample } from '../../src/observe/metrics.ts';

export type Point = readonly [InstrumentName, Labels, number];

export function samplesOf(points: readonly Point[]): readonly Sample[] {
  const names = [...new Set(points.map(([name]) => name))];
  return names.map((name) => ({
    name: INSTRUMENTS[name].name,
    help: INSTRUMENTS[name].help,
    type: INSTRUMENTS[name].kind,
    values: points.filter(([own]) => own === name).map(([, labels, value]) => ({ labels, value })),
  }));
}

export const NOW_MS = Date.UTC(2026, 5, 1, 12);
export const NOW_SECONDS = NOW_MS / 1000;
export const READY = { policies: true, ca: true, listeners: true, serving: true };

/** A proxy that serves and has nothing to complain of. */
export const HEALTHY: readonly Point[] = [
  ['buildInfo', { version: '9.9.9', node: '26.0.0', openssl: '3.5.0' }, 1],
  ['selftest', {}, NOW_SECONDS - 30],
  ['selftestFailures', {}, 0],
  ['reloadSuccessful', {}, 1],
  ['reloadSuccessAt', {}, NOW_SECONDS - 60],
  ['sourcesHeld', {}, 0],
  ['generation', {}, 7],
  ['configHash', { sha256: 'abcdef0123456789' }, 1],
  ['policies', { mode: 'terminate' }, 2],
  ['workers', {}, 2],
  ['caExpiry', { slot: 'current' }, NOW_SECONDS + 300 * 86_400],
  ['publicAnchorsAge', {}, 86_400],
];
