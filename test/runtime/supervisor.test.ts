import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { verifyChain } from '../../src/observe/audit.ts';
import { connectTo } from '../support/client.ts';
import { listBytes, testLog } from '../support/ct-log.ts';
import { collectGarbage } from '../support/garbage.ts';
import { parseMetrics, workersOf } from '../support/house.ts';
import { newCaMaterial, type RunningSupervisor, runSupervisor } from '../support/runtime-material.ts';
import { eventually } from '../support/sockets.ts';

const running: RunningSupervisor[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map(async (one) => one.stop()));
});

async function start(...args: Parameters<typeof runSupervisor>) {
  const one = await runSupervisor(...args);
  running.push(one);
  return one;
}

const rules = (...names: readonly string[]) =>
  `version: 1\nrules:\n${names.map((name) => `  - { name: ${name}, match: [${name}.example], onFailure: block }\n`).join('')}`;

/** A CONNECT that is refused at once, for its port; it needs no network and leaves one verdict behind. */
async function knock(port: number): Promise<number> {
  const { reply, socket } = await connectTo(port, 'a.example:25');
  socket.destroy();
  return reply.status;
}

const scrape = async ({ supervisor }: RunningSupervisor) => parseMetrics(await supervisor.metricsText());

describe.skipIf(process.platform !== 'linux')('when workers are killed', () => {
  it('no connection is refused, and no counter goes backwards', async () => {
    const one = await start();
    const { port } = one.supervisor.bound[0]!;
    for (let index = 0; index < 20; index += 1) expect(await knock(port)).toBe(403);
    // A scrape shows what a worker said last where it does not answer in time.
    await eventually('all are counted', async () => (await scrape(one)).value('pinwarden_verdicts_total') === 20);
    for (const pid of workersOf(process.pid)) process.kill(pid, 'SIGKILL');
    // Nobody accepts now; the kernel holds these until the successors do.
    const waiting = Promise.all([knock(port), knock(port), knock(port)]);
    expect((await scrape(one)).value('pinwarden_verdicts_total')).toBeGreaterThanOrEqual(20);
    expect(await waiting).toEqual([403, 403, 403]);
    await eventually('both serve again', async () => (await scrape(one)).value('pinwarden_workers') === 2);
    await eventually('all are counted', async () => (await scrape(one)).value('pinwarden_verdicts_total') === 23);
    expect((await scrape(one)).value('pinwarden_worker_restarts_total', { reason: 'crash' })).toBe(2);
    expect(one.lines.filter((line) => line.includes('SIGKILL'))).toHaveLength(2);
  });
});

it('tests itself again, and shows when it last succeeded', async () => {
  const one = await start();
  const before = (await scrape(one)).value('pinwarden_selftest_last_success_timestamp_seconds');
  expect(before).toBeGreaterThan(0);
  expect(await one.supervisor.testAgain()).toMatchObject({ ok: true });
  const after = await scrape(one);
  expect(after.value('pinwarden_selftest_last_success_timestamp_seconds')).toBeGreaterThan(before);
  expect(after.value('pinwarden_selftest_failures_total')).toBe(0);
});

describe('reload', () => {
  it('that fails for a reason of its own ends nothing, and says so', async () => {
    const one = await start();
    const reload = async (): Promise<void> => Promise.reject(new Error('no descriptor left'));
    Object.assign(one.supervisor, { reload });
    one.supervisor.poke();
    await eventually('it is said', () => one.lines.some((line) => line.includes('no descriptor left')));
    expect((await scrape(one)).value('pinwarden_config_last_reload_successful')).toBe(0);
    expect(await knock(one.supervisor.bound[0]!.port)).toBe(403);
  });

  it('reaches every worker, moves the metrics on, and survives a restart', async () => {
    const one = await start({ policies: ['p.yaml'] }, { 'p.yaml': rules('a') });
    writeFileSync(join(one.dir, 'p.yaml'), rules('a', 'b'));
    await one.supervisor.reload();
    let text = await scrape(one);
    expect(text.value('pinwarden_config_generation')).toBe(2);
    expect(text.series).toContain('pinwarden_verdicts_total{policy="b",verdict="allow"}');
    writeFileSync(join(one.dir, 'p.yaml'), 'rules: [');
    await one.supervisor.reload();
    text = await scrape(one);
    expect(text.value('pinwarden_config_last_reload_successful')).toBe(0);
    expect(text.value('pinwarden_config_generation')).toBe(2);
    expect(one.lines.some((line) => line.includes('p.yaml:1:'))).toBe(true);
    expect(JSON.parse(readFileSync(join(one.dir, 'state', 'last-good.json'), 'utf8')).content).toContain('b.example');
  });

  it('lets go of the generation before, and so of the key of a CA that was replaced', async () => {
    const one = await start({ policies: ['p.yaml'] }, { 'p.yaml': rules('a') });
    const before = new WeakRef(one.supervisor.generation.cas);
    expect(before.deref()?.current.ca.certificate.subject).toBe('CN=Pinwarden CA');
    const { certificatePem, keyPem } = newCaMaterial('Brought CA');
    writeFileSync(join(one.dir, 'ca.pem'), certificatePem);
    writeFileSync(join(one.dir, 'ca-key.pem'), keyPem);
    expect(await one.supervisor.reload()).toMatchObject({ kind: 'accepted', refused: [] });
    expect(one.supervisor.ca.ca.certificate.subject).toBe('CN=Brought CA');
    await eventually('it is gone', () => {
      collectGarbage();
      return before.deref() === undefined;
    });
  });

  it('happens by itself when a file changes, and says what waits for a restart', async () => {
    const one = await start({ policies: ['p.yaml'] }, { 'p.yaml': rules('a') });
    writeFileSync(join(one.dir, 'p.yaml'), rules('a', 'c'));
    await eventually('the next generation', () => one.supervisor.generation.number === 2);
    const config = JSON.parse(readFileSync(join(one.dir, 'pinwarden.yaml'), 'utf8'));
    writeFileSync(join(one.dir, 'pinwarden.yaml'), JSON.stringify({ ...config, workers: 1 }));
    one.supervisor.poke();
    await eventually('the one after', () => one.supervisor.generation.number === 3);
    await eventually('a word', () => one.lines.some((line) => line.includes('workers changed')));
  });
});

it('is ready while it serves, and not while it drains', async () => {
  const one = await start();
  const { port } = one.supervisor.bound[0]!;
  const metrics = one.supervisor.served.metricsAddress!;
  expect((await fetch(`http://127.0.0.1:${metrics.port}/readyz`)).status).toBe(200);
  expect(one.supervisor.served.selfTest).toMatchObject({ ok: true });
  expect(await knock(port)).toBe(403);
  const drained = one.supervisor.drain(1000);
  expect(one.supervisor.readiness().serving).toBe(false);
  expect(await drained).toEqual({ finished: 0, cut: 0 });
  expect(await knock(port), 'nobody answers').toBe(0);
});

it('says not ready for a while before it refuses, unless asked twice', async () => {
  const one = await start({ limits: { drainDelayMs: 60_000 } });
  const { port } = one.supervisor.bound[0]!;
  const first = one.supervisor.drain(1000);
  expect(one.supervisor.readiness().serving).toBe(false);
  expect(await knock(port), 'still served').toBe(403);
  await one.supervisor.drain(100);
  expect(await first).toEqual({ finished: 0, cut: 0 });
  expect(await knock(port), 'nobody answers').toBe(0);
});

it('shows how old what it trusts is', async () => {
  const list = listBytes([testLog()], Date.now() - 3_600_000).toString('utf8');
  const text = await scrape(await start({ ct: { logList: 'list.json' } }, { 'list.json': list }));
  expect(text.value('pinwarden_ct_log_list_age_seconds')).toBeGreaterThanOrEqual(3600);
  expect(text.value('pinwarden_ct_log_list_age_seconds')).toBeLessThan(3700);
  expect(text.series).toContain('pinwarden_public_anchors_age_seconds');
});

it('keeps one whole chain of audit lines for each worker', async () => {
  const one = await start();
  const { port } = one.supervisor.bound[0]!;
  await Promise.all(Array.from({ length: 20 }, async () => knock(port)));
  const files = readdirSync(one.dir).filter((name) => name.endsWith('.ndjson'));
  const chains = files.map((name) => verifyChain(readFileSync(join(one.dir, name), 'utf8')));
  expect(files.sort()).toEqual(['audit.2.ndjson', 'audit.ndjson']);
  expect(chains.every(({ ok }) => ok)).toBe(true);
  expect(chains.reduce((sum, chain) => sum + (chain.ok ? chain.lines : 0), 0)).toBe(20);
});
