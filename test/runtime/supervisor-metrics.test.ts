import { expect, it } from 'vitest';
import { mergeSnapshots, printSnapshot } from '../../src/observe/metrics.ts';
import { createSupervisorMetrics, type SupervisorMetrics } from '../../src/runtime/supervisor-metrics.ts';
import { AT_MS, policyOf } from '../support/entries.ts';
import { parseMetrics } from '../support/house.ts';

const make = () => createSupervisorMetrics({ version: '1', node: '26', openssl: '3' });
const read = async (metrics: SupervisorMetrics) =>
  parseMetrics(await printSnapshot(await mergeSnapshots([await metrics.snapshot()])));
const rule = (name: string, more: object = {}) => ({ name, match: [`${name}.example`], onFailure: 'block', ...more });

it('tells a refused reload, a partly taken one and a whole one apart', async () => {
  const metrics = make();
  metrics.reloaded('accepted', 0, AT_MS);
  metrics.reloaded('partly', 2, AT_MS + 1000);
  let text = await read(metrics);
  expect(text.value('pinwarden_config_last_reload_successful')).toBe(0);
  expect(text.value('pinwarden_config_sources_held')).toBe(2);
  expect(text.value('pinwarden_config_last_reload_success_timestamp_seconds')).toBe(AT_MS / 1000);
  metrics.reloaded('refused', 2, AT_MS + 2000);
  metrics.reloaded('accepted', 0, AT_MS + 3000);
  text = await read(metrics);
  expect(text.value('pinwarden_config_last_reload_successful')).toBe(1);
  expect(text.value('pinwarden_config_reloads_total', { result: 'refused' })).toBe(1);
});

it('shows one hash, the rules and the first expiry of their pins, and drops those that are gone', async () => {
  const metrics = make();
  const pins = { key: `sha256/${Buffer.alloc(32, 1).toString('base64')}`, backup: true };
  const key = { key: `sha256/${Buffer.alloc(32, 2).toString('base64')}` };
  const group = (expires: string) => ({ expires, onExpiry: 'alert', pins: [key, pins] });
  const more = { pinGroups: { soon: group('2027-01-01'), later: group('2028-01-01') } };
  const policy = policyOf(
    [rule('bank', { pins: { anyOf: [{ ca: 'later' }, { leaf: 'soon' }] } }), rule('plain', { owner: undefined })],
    more,
  );
  metrics.generation({ number: 1, sha256: 'one', policy: policyOf([rule('gone')]) });
  const labels = metrics.generation({ number: 2, sha256: 'two', policy });
  expect([...labels].sort()).toEqual(['_none', 'bank', 'plain', 'unmatched']);
  const text = await read(metrics);
  expect(text.value('pinwarden_config_generation')).toBe(2);
  expect(text.series.filter((series) => series.startsWith('pinwarden_config_hash_info'))).toEqual([
    'pinwarden_config_hash_info{sha256="two"}',
  ]);
  expect(text.value('pinwarden_pin_expiry_timestamp_seconds', { policy: 'bank' })).toBe(
    Date.parse('2027-01-01') / 1000,
  );
  expect(text.value('pinwarden_policy_info', { policy: 'bank', mode: 'terminate', on_failure: 'block' })).toBe(1);
  expect(text.series.filter((series) => series.includes('"gone"'))).toEqual([]);
});

it('counts fetches and shows what is followed, from the start', async () => {
  const metrics = make();
  const before = await read(metrics);
  expect(before.series.filter((series) => series.startsWith('pinwarden_fetches_total'))).toHaveLength(10);
  expect(before.series.filter((series) => series.startsWith('pinwarden_fetch_urls'))).toHaveLength(6);
  expect(before.series.some((series) => series.startsWith('pinwarden_fetched_crl'))).toBe(false);
  metrics.fetched('crl', 'taken');
  metrics.fetched('issuer', 'refused');
  metrics.following({
    urls: { crl: { fresh: 3, stale: 1, empty: 2 }, issuer: { fresh: 0, stale: 0, empty: 4 } },
    oldestCrlMs: 90_000,
  });
  const text = await read(metrics);
  expect(text.value('pinwarden_fetches_total', { kind: 'crl', result: 'taken' })).toBe(1);
  expect(text.value('pinwarden_fetches_total', { kind: 'issuer' })).toBe(1);
  expect(text.value('pinwarden_fetch_urls', { kind: 'crl' })).toBe(6);
  expect(text.value('pinwarden_fetch_urls', { kind: 'crl', state: 'stale' })).toBe(1);
  expect(text.value('pinwarden_fetched_crl_oldest_age_seconds')).toBe(90);
  const nothing = { fresh: 0, stale: 0, empty: 0 };
  metrics.following({ urls: { crl: nothing, issuer: nothing }, oldestCrlMs: null });
  expect((await read(metrics)).series.some((series) => series.startsWith('pinwarden_fetched_crl'))).toBe(false);
});

it('shows a lowered floor', async () => {
  const metrics = make();
  const unsafeFloor = { action: 'alert', reason: 'the vendor sleeps', until: '2026-12-01' };
  metrics.generation({ number: 1, sha256: 'x', policy: policyOf([rule('old', { unsafeFloor })]) });
  metrics.overrides(Date.parse('2026-12-01') - 1);
  expect((await read(metrics)).value('pinwarden_override_active', { policy: 'old' })).toBe(1);
  metrics.overrides(Date.parse('2026-12-01'));
  expect((await read(metrics)).series.some((series) => series.includes('override_active'))).toBe(false);
  const unsafeTls = { minVersion: '1.0', reason: 'no firmware', until: '2026-12-02' };
  metrics.generation({ number: 2, sha256: 'y', policy: policyOf([rule('box', { unsafeFloor, unsafeTls })]) });
  for (const [at, active] of [
    ['2026-11-30', 1],
    ['2026-12-01', 1],
    ['2026-12-02', 0],
  ] as const) {
    metrics.overrides(Date.parse(at));
    expect([at, (await read(metrics)).value('pinwarden_override_active', { policy: 'box' })]).toEqual([at, active]);
  }
});

it('has one info series for a group, whose rules need not share their words', async () => {
  const metrics = make();
  const rules = [
    rule('a', { metricsGroup: 'cdn' }),
    rule('b', { metricsGroup: 'cdn', onFailure: 'alert' }),
    rule('c', { mode: 'bypass', reason: 'client certificates' }),
  ];
  metrics.generation({ number: 1, sha256: 'x', policy: policyOf(rules) });
  const text = await read(metrics);
  expect(text.value('pinwarden_policy_info', { policy: 'cdn', mode: 'terminate', on_failure: '_mixed' })).toBe(1);
  expect(text.series.filter((series) => /policy_info.*"cdn"/.test(series))).toHaveLength(1);
  expect(text.value('pinwarden_policies', { mode: 'bypass' })).toBe(1);
  // Not what holds for hosts that no rule names, nor a mode that no rule can have.
  expect(text.value('pinwarden_policies', { mode: 'terminate' })).toBe(2);
  expect(text.series.filter((series) => series.includes('preflight'))).toEqual([]);
});

it('says nothing of a log list or a public set that is not there, and counts a self-test that failed', async () => {
  const metrics = make();
  metrics.ages({ publicAnchorsMs: 1, ctLogListMs: 1 });
  metrics.ages({ publicAnchorsMs: null, ctLogListMs: null });
  metrics.selfTested(false, AT_MS);
  const text = await read(metrics);
  expect(text.series).not.toContain('pinwarden_ct_log_list_age_seconds');
  expect(text.series).not.toContain('pinwarden_public_anchors_age_seconds');
  expect(text.value('pinwarden_selftest_failures_total')).toBe(1);
  expect(text.value('pinwarden_selftest_last_success_timestamp_seconds')).toBe(0);
});

it('shows CA, ages, workers, restarts, self-test and failing hosts', async () => {
  const metrics = make();
  metrics.ca(AT_MS, AT_MS + 1000);
  metrics.ages({ publicAnchorsMs: 3000, ctLogListMs: 2000 });
  metrics.workers(2);
  metrics.restarted('stall');
  metrics.selfTested(true, AT_MS);
  metrics.failing([[{ policy: 'p', code: 'c', hosts: [['h', 1]] }]]);
  let text = await read(metrics);
  expect(text.value('pinwarden_ca_expiry_timestamp_seconds', { slot: 'current' })).toBe(AT_MS / 1000);
  expect(text.value('pinwarden_ca_expiry_timestamp_seconds', { slot: 'next' })).toBe(AT_MS / 1000 + 1);
  expect(text.value('pinwarden_public_anchors_age_seconds')).toBe(3);
  expect(text.value('pinwarden_ct_log_list_age_seconds')).toBe(2);
  expect(text.value('pinwarden_workers')).toBe(2);
  expect(text.value('pinwarden_worker_restarts_total', { reason: 'stall' })).toBe(1);
  expect(text.value('pinwarden_selftest_last_success_timestamp_seconds')).toBe(AT_MS / 1000);
  expect(text.value('pinwarden_failing_hosts', { policy: 'p', code: 'c' })).toBe(1);
  metrics.failing([]);
  text = await read(metrics);
  expect(text.series.some((series) => series.startsWith('pinwarden_failing_hosts'))).toBe(false);
});
