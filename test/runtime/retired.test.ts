import { expect, it } from 'vitest';
import { createMeters, mergeSnapshots, printSnapshot, type Sample } from '../../src/observe/metrics.ts';
import { Retired } from '../../src/runtime/retired.ts';
import { parseMetrics } from '../support/house.ts';

async function snapshot(policy = 'p'): Promise<readonly Sample[]> {
  const meters = createMeters('worker');
  meters.add('verdicts', { policy, verdict: 'allow' });
  meters.observe('handshakes', 0.1);
  meters.add('connections', { side: 'client' }, 5);
  return meters.snapshot();
}

const read = async (retired: Retired) => parseMetrics(await printSnapshot(await mergeSnapshots(retired.parts)));

it('keeps what was counted, and no gauge of the dead', async () => {
  const retired = new Retired();
  retired.add(await snapshot());
  retired.add(await snapshot());
  const text = await read(retired);
  expect(text.value('pinwarden_verdicts_total')).toBe(2);
  expect(text.value('pinwarden_upstream_handshake_duration_seconds_count')).toBe(2);
  expect(text.series.some((series) => series.startsWith('pinwarden_connections_active'))).toBe(false);
});

it('does not grow with the number of crashes', async () => {
  const retired = new Retired();
  for (let crash = 0; crash < 20; crash += 1) {
    retired.add(await snapshot());
    await retired.fold();
  }
  expect(retired.parts.length).toBeLessThan(9);
  expect((await read(retired)).value('pinwarden_verdicts_total')).toBe(20);
});

it('forgets policies that are no more', async () => {
  const retired = new Retired();
  retired.add(await snapshot('gone'));
  retired.add(await snapshot('kept'));
  retired.forget(new Set(['kept']));
  const text = await read(retired);
  expect(text.value('pinwarden_verdicts_total', { policy: 'gone' })).toBe(0);
  expect(text.value('pinwarden_verdicts_total', { policy: 'kept' })).toBe(1);
  expect(text.value('pinwarden_upstream_handshake_duration_seconds_count')).toBe(2);
});

it('keeps when something last happened, although it is a gauge', async () => {
  const meters = createMeters('worker');
  meters.set('lastEvent', 1000, { policy: 'p', action: 'block' });
  meters.set('upstreamCertExpiry', 2000, { policy: 'p' });
  const retired = new Retired();
  retired.add(await meters.snapshot());
  const text = await read(retired);
  expect(text.value('pinwarden_last_event_timestamp_seconds', { policy: 'p' })).toBe(1000);
  expect(text.series.some((series) => series.startsWith('pinwarden_upstream_cert'))).toBe(false);
});
