import { expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import type { Audit } from '../../src/observe/audit.ts';
import { createRecorder } from '../../src/observe/create-recorder.ts';
import { mergeSnapshots, printSnapshot } from '../../src/observe/metrics.ts';
import { type Batch, createOutbox } from '../../src/observe/outbox.ts';
import type { AuditRecord } from '../../src/observe/records.ts';
import { createMetrics } from '../../src/observe/worker-metrics.ts';
import { AT_MS, closeEntry, verdictEntry } from '../support/entries.ts';
import { parseMetrics } from '../support/house.ts';
import { mismatchEntry } from '../support/unexpected.ts';

function auditThat(
  verdict: (record: AuditRecord) => void,
  close: (record: AuditRecord) => void = () => undefined,
): Audit {
  return { blocked: false, verdict, close, flush: () => undefined, reopen: () => undefined, end: () => undefined };
}

async function verdictsOf(metrics: ReturnType<typeof createMetrics>) {
  const { samples } = await metrics.snapshot(AT_MS);
  return parseMetrics(await printSnapshot(await mergeSnapshots([samples]))).value('pinwarden_verdicts_total');
}

it('counts nothing that has no line', async () => {
  const metrics = createMetrics();
  const full = auditThat(() => {
    throw new Problem('audit.full', 'self');
  });
  const recorder = createRecorder({ audit: full, metrics, worker: 1 });
  expect(() => recorder.verdict(verdictEntry())).toThrow(Problem);
  expect(await verdictsOf(metrics)).toBe(0);
});

it('writes and counts together, under the number of its worker', async () => {
  const metrics = createMetrics();
  const lines: AuditRecord[] = [];
  const push = (record: AuditRecord) => void lines.push(record);
  const recorder = createRecorder({ audit: auditThat(push, push), metrics, worker: 4 });
  recorder.verdict(verdictEntry());
  recorder.close(closeEntry());
  recorder.connection('upstream')();
  recorder.bytes('down', 1);
  recorder.clientAlert(null, 'unknown_ca');
  recorder.minted(1);
  recorder.resolved(1);
  expect(lines.map((line) => [line['event.action'], line['pinwarden.worker']])).toEqual([
    ['verdict', 4],
    ['close', 4],
  ]);
  expect(await verdictsOf(metrics)).toBe(1);
});

it('is blocked as its audit is, and never without one', () => {
  const audit = { ...auditThat(() => undefined), blocked: true };
  expect(createRecorder({ audit, metrics: createMetrics(), worker: 1 }).blocked).toBe(true);
  expect(createRecorder({ audit: null, metrics: createMetrics(), worker: 1 }).blocked).toBe(false);
});

it('counts without an audit file too', async () => {
  const metrics = createMetrics();
  const recorder = createRecorder({ audit: null, metrics, worker: 1 });
  recorder.verdict(verdictEntry());
  recorder.close(closeEntry());
  expect(await verdictsOf(metrics)).toBe(1);
});

it('tells others what it wrote, with the name of the chain in both; nothing that was not written', () => {
  const batches: Batch[] = [];
  const outbox = createOutbox((batch, sent) => {
    batches.push(batch);
    sent();
  });
  outbox.watch(true);
  const lines: AuditRecord[] = [];
  const audit = auditThat((record) => void lines.push(record));
  const recorder = createRecorder({ audit, metrics: createMetrics(), worker: 1, outbox });
  recorder.verdict(verdictEntry());
  recorder.verdict(mismatchEntry({ eventId: 'e-2' }));
  recorder.close(closeEntry({ clientAlert: 'unknown_ca' }));
  const full = auditThat(() => {
    throw new Problem('audit.full', 'self');
  });
  const refusing = createRecorder({ audit: full, metrics: createMetrics(), worker: 1, outbox });
  expect(() => refusing.verdict(mismatchEntry())).toThrow();
  outbox.flush();
  expect(batches[0]?.lines.map((line) => [line['event.action'], line['pinwarden.client_alert']])).toEqual([
    ['verdict', undefined],
    ['verdict', undefined],
    ['close', 'unknown_ca'],
  ]);
  expect(batches[0]?.exhibits).toHaveLength(1);
  expect(lines.map((line) => line['pinwarden.evidence'])).toEqual([undefined, batches[0]?.exhibits[0]?.id]);
});
