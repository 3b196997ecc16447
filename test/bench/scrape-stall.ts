/**
 * How long a scrape holds up a worker's tunnels: `node test/bench/scrape-stall.ts [scrapes]`.
 *
 * A child has the metrics of 200 policies, all fed, and answers snapshots over IPC as a worker does; it measures its
 * own event loop meanwhile. The bound that docker/README.md promises is 25 ms at 2,000 series.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { mergeSnapshots, printSnapshot, type Sample } from '../../src/observe/metrics.ts';
import { createMetrics } from '../../src/observe/worker-metrics.ts';
import { mismatchReport, policyOf, reportOf, verdictEntry } from '../support/entries.ts';

const POLICIES = 200;
const REST_MS = 50;

interface Measured {
  readonly samples: readonly Sample[];
  readonly workMs: number;
  /** Of all threads of the process: what the scrape costs when others want the cores too. */
  readonly cpuMs: number;
}

async function child(): Promise<void> {
  const key = (byte: number) => `sha256/${Buffer.alloc(32, byte).toString('base64')}`;
  const policy = policyOf(
    Array.from({ length: POLICIES }, (_, index) => ({
      name: `policy-${index}`,
      match: [`host-${index}.example`],
      onFailure: index % 2 === 0 ? 'block' : 'alert',
      pins: { anyOf: [{ ca: key(1) }, { ca: key(2), backup: true }] },
    })),
  );
  const metrics = createMetrics();
  await metrics.setRules(policy.rules, ['ci', 'dev']);
  for (const rule of policy.rules) {
    metrics.verdict(verdictEntry({ rule, report: reportOf() }));
    metrics.verdict(verdictEntry({ rule, verdict: 'alert', code: 'pin.mismatch', report: mismatchReport() }));
  }
  const delay = monitorEventLoopDelay({ resolution: 1 });
  process.on('message', (message: string) => {
    if (message === 'end') {
      process.send?.({ maxMs: delay.max / 1e6, p99Ms: delay.percentile(99) / 1e6 });
      process.disconnect?.();
      return;
    }
    delay.enable();
    const startedMs = performance.now();
    const before = process.cpuUsage();
    void metrics.snapshot(Date.now()).then(({ samples }) => {
      const { user, system } = process.cpuUsage(before);
      process.send?.({ samples, workMs: performance.now() - startedMs, cpuMs: (user + system) / 1000 });
    });
  });
  process.send?.('ready');
}

async function measure(scrapes: number): Promise<void> {
  const worker = fork(fileURLToPath(import.meta.url), ['child'], { serialization: 'advanced' });
  await once(worker, 'message');
  const works: number[] = [];
  const cpus: number[] = [];
  let series = 0;
  const prints: number[] = [];
  for (let scrape = 0; scrape < scrapes; scrape += 1) {
    worker.send('scrape');
    const [measured] = (await once(worker, 'message')) as [Measured];
    works.push(measured.workMs);
    cpus.push(measured.cpuMs);
    const startedMs = performance.now();
    const text = await printSnapshot(await mergeSnapshots([measured.samples]));
    prints.push(performance.now() - startedMs);
    series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    await pause(REST_MS);
  }
  worker.send('end');
  const [{ maxMs, p99Ms }] = (await once(worker, 'message')) as [{ maxMs: number; p99Ms: number }];
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  process.stdout.write(
    [
      `series                        ${series}`,
      `scrapes                       ${scrapes}`,
      `worker: first snapshot        ${works[0]?.toFixed(1)} ms`,
      `worker: median snapshot       ${middle(works).toFixed(1)} ms`,
      `worker: CPU of a snapshot     median ${middle(cpus).toFixed(1)} ms, most ${Math.max(...cpus).toFixed(1)} ms`,
      `worker: event loop delay max  ${maxMs.toFixed(1)} ms`,
      `worker: event loop delay p99  ${p99Ms.toFixed(1)} ms`,
      `supervisor: merge and print   ${middle(prints).toFixed(1)} ms (carries no traffic)`,
      '',
    ].join('\n'),
  );
}

if (process.argv[2] === 'child') await child();
else await measure(Number(process.argv[2] ?? 40));
