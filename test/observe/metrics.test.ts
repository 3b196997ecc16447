import { expect, it } from 'vitest';
import { createMeters, mergeSnapshots, printSnapshot, type Sample } from '../../src/observe/metrics.ts';
import { run } from '../support/client.ts';
import { parseMetrics } from '../support/house.ts';
import { describeWith } from '../support/tools.ts';

async function merged(...parts: readonly (readonly Sample[])[]) {
  return parseMetrics(await printSnapshot(await mergeSnapshots(parts)));
}

it('refuses an instrument of the other process', () => {
  expect(() => createMeters('worker').set('generation', 1)).toThrow(TypeError);
  expect(() => createMeters('supervisor').add('verdicts', { policy: 'p', verdict: 'allow' })).toThrow(TypeError);
});

it('sums counters and histograms over workers, and takes the newest time', async () => {
  const [one, other] = [createMeters('worker'), createMeters('worker')];
  one.add('verdicts', { policy: 'p', verdict: 'allow' }, 2);
  other.add('verdicts', { policy: 'p', verdict: 'allow' }, 3);
  one.set('lastEvent', 100, { policy: 'p', action: 'block' });
  other.set('lastEvent', 90, { policy: 'p', action: 'block' });
  one.observe('handshakes', 0.02);
  other.observe('handshakes', 7);
  const text = await merged(await one.snapshot(), await other.snapshot());
  expect(text.value('pinwarden_verdicts_total', { policy: 'p', verdict: 'allow' })).toBe(5);
  expect(text.value('pinwarden_last_event_timestamp_seconds', { policy: 'p' })).toBe(100);
  expect(text.value('pinwarden_upstream_handshake_duration_seconds_count')).toBe(2);
  expect(text.value('pinwarden_upstream_handshake_duration_seconds_bucket', { le: '0.025' })).toBe(1);
  expect(text.value('pinwarden_upstream_handshake_duration_seconds_bucket', { le: '+Inf' })).toBe(2);
});

it('forgets the series of policies that are no more, and no others', async () => {
  const meters = createMeters('worker');
  for (const policy of ['gone', 'kept']) meters.add('verdicts', { policy, verdict: 'allow' });
  meters.add('checks', { check: 'pins', result: 'pass' });
  await meters.forget('policy', new Set(['kept']));
  const text = await merged(await meters.snapshot());
  expect(text.series.filter((series) => series.includes('gone'))).toEqual([]);
  expect(text.value('pinwarden_verdicts_total', { policy: 'kept' })).toBe(1);
  expect(text.value('pinwarden_checks_total', { check: 'pins' })).toBe(1);
});

it('survives the way between processes', async () => {
  const meters = createMeters('worker');
  meters.add('verdicts', { policy: 'p', verdict: 'allow' });
  const text = await merged(structuredClone(await meters.snapshot()));
  expect(text.value('pinwarden_verdicts_total')).toBe(1);
});

it('drops every series of a cleared gauge', async () => {
  const meters = createMeters('supervisor');
  meters.set('configHash', 1, { sha256: 'old' });
  meters.clear('configHash');
  meters.set('configHash', 1, { sha256: 'new' });
  const text = await merged(await meters.snapshot());
  expect(text.series.filter((series) => series.startsWith('pinwarden_config_hash_info'))).toEqual([
    'pinwarden_config_hash_info{sha256="new"}',
  ]);
});

describeWith(['promtool'], 'promtool', () => {
  it('finds nothing to say', async () => {
    const [worker, supervisor] = [createMeters('worker'), createMeters('supervisor')];
    worker.observe('minting', 0.0002);
    supervisor.set('buildInfo', 1, { version: '1', node: '26', openssl: '3' });
    const text = await printSnapshot(await mergeSnapshots([await worker.snapshot(), await supervisor.snapshot()]));
    const checked = await run('promtool', ['check', 'metrics'], { input: text });
    expect(`${checked.stdout}${checked.stderr}`).toBe('');
    expect(checked.exitCode).toBe(0);
  });
});
