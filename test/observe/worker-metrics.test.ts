import { expect, it } from 'vitest';
import { mergeSnapshots, printSnapshot } from '../../src/observe/metrics.ts';
import { createMetrics, type Metrics } from '../../src/observe/worker-metrics.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';
import { AT_MS, closeEntry, evidenceOf, mismatchReport, reportOf, ruleOf, verdictEntry } from '../support/entries.ts';
import { parseMetrics } from '../support/house.ts';
import { testPki } from '../support/test-pki.ts';

async function scrape(metrics: Metrics) {
  const { samples } = await metrics.snapshot(AT_MS);
  return parseMetrics(await printSnapshot(await mergeSnapshots([samples])));
}

it('starts verdicts, pin hits and pin failures of every policy at 0', async () => {
  const metrics = createMetrics();
  await metrics.setRules([ruleOf(), ruleOf({ name: 'plain', pins: { anyOf: [] } })]);
  const text = await scrape(metrics);
  for (const series of [
    'pinwarden_verdicts_total{policy="bank",verdict="allow"}',
    'pinwarden_verdicts_total{policy="plain",verdict="block"}',
    'pinwarden_verdicts_total{policy="_none",verdict="error"}',
    'pinwarden_pin_hits_total{policy="bank",pin="backup"}',
    'pinwarden_pin_failures_total{policy="bank",reason="mismatch"}',
  ]) {
    expect(text.series).toContain(series);
  }
  expect(text.series.filter((series) => /pin_(hits|failures).*plain/.test(series))).toEqual([]);
});

it('counts a block with its findings, and no tunnel', async () => {
  const metrics = createMetrics();
  const report = mismatchReport();
  metrics.verdict(verdictEntry({ verdict: 'block', code: 'pin.mismatch', report, rule: ruleOf({ name: 'bank' }) }));
  await metrics.setRules([ruleOf()]);
  metrics.verdict(verdictEntry({ verdict: 'block', code: 'pin.mismatch', report }));
  const text = await scrape(metrics);
  expect(text.value('pinwarden_verdicts_total', { policy: 'bank', verdict: 'block' })).toBe(1);
  expect(text.value('pinwarden_findings_total', { policy: 'bank', code: 'pin.mismatch', action: 'block' })).toBe(1);
  expect(text.value('pinwarden_pin_failures_total', { policy: 'bank', reason: 'mismatch' })).toBe(1);
  expect(text.value('pinwarden_last_event_timestamp_seconds', { policy: 'bank', action: 'block' })).toBe(AT_MS / 1000);
  expect(text.value('pinwarden_would_block_total')).toBe(0);
  expect(text.value('pinwarden_tunnels_total')).toBe(0);
});

it('calls nothing let through that was not', async () => {
  const metrics = createMetrics();
  await metrics.setRules([ruleOf()]);
  metrics.verdict(verdictEntry({ verdict: 'error', code: 'client.gone', report: mismatchReport() }));
  const text = await scrape(metrics);
  expect(text.value('pinwarden_findings_total', { code: 'pin.mismatch', action: 'alert' })).toBe(0);
  expect(text.value('pinwarden_findings_total', { code: 'pin.mismatch', action: 'block' })).toBe(1);
  expect(text.value('pinwarden_would_block_total')).toBe(0);
});

it('calls nothing blocked by a rule that only alerts, whatever became of the client', async () => {
  const metrics = createMetrics();
  const rule = ruleOf({ onFailure: 'alert' });
  await metrics.setRules([rule]);
  const report = mismatchReport();
  metrics.verdict(verdictEntry({ verdict: 'error', code: 'hello.timeout', report, rule }));
  metrics.verdict(verdictEntry({ verdict: 'block', code: 'sni.mismatch', report, rule }));
  const text = await scrape(metrics);
  expect(text.value('pinwarden_findings_total', { code: 'pin.mismatch', action: 'alert' })).toBe(2);
  expect(text.value('pinwarden_findings_total', { code: 'pin.mismatch', action: 'block' })).toBe(0);
  expect(text.value('pinwarden_findings_total', { code: 'sni.mismatch', action: 'block' })).toBe(1);
});

it('counts an alert as what would have been blocked', async () => {
  const metrics = createMetrics();
  await metrics.setRules([ruleOf()]);
  metrics.verdict(verdictEntry({ verdict: 'alert', code: 'pin.mismatch', report: mismatchReport() }));
  const text = await scrape(metrics);
  expect(text.value('pinwarden_would_block_total', { policy: 'bank', code: 'pin.mismatch', set: 'active' })).toBe(1);
  expect(text.value('pinwarden_findings_total', { policy: 'bank', action: 'alert' })).toBe(1);
  expect(text.value('pinwarden_tunnels_total', { mode: 'terminate', verdict: 'alert' })).toBe(1);
});

it('counts an allow with its pin, checks and handshake', async () => {
  const metrics = createMetrics();
  await metrics.setRules([ruleOf()]);
  metrics.verdict(verdictEntry({ report: reportOf() }));
  const text = await scrape(metrics);
  expect(text.value('pinwarden_pin_hits_total', { policy: 'bank', pin: 'primary' })).toBe(1);
  expect(text.value('pinwarden_checks_total', { check: 'chain', result: 'pass' })).toBe(1);
  expect(text.value('pinwarden_upstream_handshake_duration_seconds_sum')).toBeCloseTo(0.012);
  expect(text.value('pinwarden_findings_total')).toBe(0);
});

it('counts an upstream that cannot be reached, by code', async () => {
  const metrics = createMetrics();
  const nothing = { report: null, evidence: null, rule: null, authority: null };
  metrics.verdict(verdictEntry({ ...nothing, verdict: 'error', code: 'dial.refused' }));
  const text = await scrape(metrics);
  expect(text.value('pinwarden_upstream_connect_errors_total', { reason: 'dial.refused' })).toBe(1);
  expect(text.value('pinwarden_verdicts_total', { policy: '_none', verdict: 'error' })).toBe(1);
});

it('never makes a label of what a peer sent', async () => {
  const metrics = createMetrics();
  metrics.clientAlert(null, 'evil"} 1\npinwarden_fake 1');
  await metrics.setRules([ruleOf()], ['ci']);
  metrics.clientAlert('ci', 'unknown_ca');
  metrics.clientAlert('10.0.0.9', 'closed');
  const text = await scrape(metrics);
  expect(text.value('pinwarden_client_alerts_total', { client: '_none', alert: 'other' })).toBe(1);
  expect(text.value('pinwarden_client_alerts_total', { client: 'ci', alert: 'unknown_ca' })).toBe(1);
  expect(text.value('pinwarden_client_alerts_total', { client: 'ci', alert: 'closed' })).toBe(0);
  expect(text.value('pinwarden_client_alerts_total', { client: '_other', alert: 'closed' })).toBe(1);
  expect(text.series.some((series) => series.startsWith('pinwarden_fake'))).toBe(false);
});

it('counts what only unsafeTls let through, and starts at zero', async () => {
  const metrics = createMetrics();
  const unsafeTls = { minVersion: '1.0', reason: 'no firmware', until: '2027-01-01' };
  const rule = ruleOf({ unsafeTls });
  await metrics.setRules([rule, ruleOf({ name: 'modern' })]);
  const count = async (labels: object) =>
    (await scrape(metrics)).value('pinwarden_unsafe_tls_connections_total', { policy: 'bank', ...labels });
  expect((await scrape(metrics)).series.filter((series) => series.includes('unsafe_tls'))).toHaveLength(3);
  const evidence = evidenceOf({ tlsVersion: 'TLSv1', cipher: 'TLS_RSA_WITH_AES_128_CBC_SHA' });
  metrics.verdict(verdictEntry({ rule, evidence }));
  metrics.verdict(verdictEntry({ rule, evidence, verdict: 'block', code: 'pin.mismatch' }));
  metrics.verdict(verdictEntry({ rule }));
  expect(await count({})).toBe(1);
  expect(await count({ version: '1.0' })).toBe(1);
});

it('drops the series of a rule that is gone', async () => {
  const metrics = createMetrics();
  await metrics.setRules([ruleOf(), ruleOf({ name: 'old' })]);
  metrics.verdict(verdictEntry({ rule: ruleOf({ name: 'old' }) }));
  await metrics.setRules([ruleOf()]);
  const text = await scrape(metrics);
  expect(text.series.filter((series) => series.includes('policy="old"'))).toEqual([]);
});

it('lets a connection close once', async () => {
  const metrics = createMetrics();
  const closed = metrics.connection('client');
  const second = metrics.connection('client');
  closed();
  closed();
  expect((await scrape(metrics)).value('pinwarden_connections_active', { side: 'client' })).toBe(1);
  second();
  expect((await scrape(metrics)).value('pinwarden_connections_active', { side: 'client' })).toBe(0);
});

it('measures tunnels, lookups and minting in seconds', async () => {
  const metrics = createMetrics();
  metrics.close(closeEntry({ mode: null }));
  metrics.close(closeEntry());
  metrics.bytes('up', 7);
  metrics.minted(0.2);
  metrics.judged(2);
  metrics.resolved(3);
  metrics.audited('close', false, 4);
  const text = await scrape(metrics);
  expect(text.value('pinwarden_tunnel_duration_seconds_sum', { mode: 'terminate', reason: 'client' })).toBe(2.5);
  expect(text.value('pinwarden_tunnel_duration_seconds_count', { mode: 'none' })).toBe(1);
  expect(text.value('pinwarden_tunnel_bytes_total', { direction: 'up' })).toBe(7);
  expect(text.value('pinwarden_leaf_mint_duration_seconds_sum')).toBeCloseTo(0.0002);
  expect(text.value('pinwarden_judge_duration_seconds_sum')).toBeCloseTo(0.002);
  expect(text.value('pinwarden_resolver_lookup_duration_seconds_sum')).toBeCloseTo(0.003);
  expect(text.value('pinwarden_audit_lost_total', { kind: 'close' })).toBe(4);
});

it('names failing hosts in its snapshot, and none that could not be reached', async () => {
  const metrics = createMetrics();
  await metrics.setRules([ruleOf()]);
  metrics.verdict(verdictEntry({ verdict: 'error', code: 'dial.refused' }));
  metrics.verdict(verdictEntry({ verdict: 'block', code: 'pin.mismatch', report: mismatchReport() }));
  const { failing } = await metrics.snapshot(AT_MS);
  expect(failing).toEqual([{ policy: 'bank', code: 'pin.mismatch', hosts: [['api.bank.example', AT_MS]] }]);
});

it('says when groups did not fit', async () => {
  const metrics = createMetrics();
  const many = Array.from({ length: 201 }, (_, index) => ({ ...ruleOf(), metricsGroup: `g${index}` }));
  await metrics.setRules(many);
  metrics.verdict(verdictEntry({ rule: many[200]! }));
  const text = await scrape(metrics);
  expect(text.value('pinwarden_metrics_dropped_labels_total')).toBe(1);
  expect(text.value('pinwarden_verdicts_total', { policy: '_other', verdict: 'allow' })).toBe(1);
});

it('tells an upstream that cannot be reached from a failure of ours', async () => {
  const metrics = createMetrics();
  metrics.verdict(verdictEntry({ report: null, evidence: null, rule: null, verdict: 'error', code: 'limit.client' }));
  const text = await scrape(metrics);
  expect(text.value('pinwarden_errors_total', { code: 'limit.client' })).toBe(1);
  expect(text.value('pinwarden_errors_total', { code: 'audit.full' })).toBe(0);
  expect(text.series).toContain('pinwarden_upstream_connect_errors_total{reason="dial.timeout"}');
  expect(text.value('pinwarden_upstream_connect_errors_total')).toBe(0);
});

it('shows when a pin last matched and what expires first on the verified path', async () => {
  const leaf = testPki().inter.issueLeaf({ dns: ['api.bank.example'], notAfter: AT_MS + 86_400_000, at: AT_MS });
  const path = [leaf.der, ...leaf.chain.slice(1)].map((der) => parsed(der));
  const metrics = createMetrics();
  await metrics.setRules([ruleOf()]);
  metrics.verdict(verdictEntry({ report: reportOf({ path }) }));
  const text = await scrape(metrics);
  expect(text.value('pinwarden_pin_last_match_timestamp_seconds', { policy: 'bank', pin: 'primary' })).toBe(
    AT_MS / 1000,
  );
  expect(text.value('pinwarden_upstream_cert_expiry_timestamp_seconds', { policy: 'bank' })).toBe(
    AT_MS / 1000 + 86_400,
  );
});

it('keeps its size whatever hosts are asked for', async () => {
  const metrics = createMetrics();
  await metrics.setRules([ruleOf()]);
  const block = { verdict: 'block', code: 'pin.mismatch', report: mismatchReport() } as const;
  metrics.verdict(verdictEntry(block));
  const before = (await scrape(metrics)).series.length;
  for (let index = 0; index < 100; index += 1) {
    metrics.verdict(verdictEntry({ ...block, authority: { host: `h${index}.evil.example`, kind: 'name', port: 443 } }));
  }
  expect((await scrape(metrics)).series.length).toBe(before);
});

function parsed(der: Buffer) {
  const result = parseCertificate(der);
  if (!result.ok) throw new Error(result.why);
  return result.value;
}
