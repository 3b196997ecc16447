import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import type { FromWorker } from '../../src/runtime/messages.ts';
import { rulesOf, WorkerService } from '../../src/runtime/worker-service.ts';
import { connectTo, tunnel } from '../support/client.ts';
import { policyOf } from '../support/entries.ts';
import { echoOrigin } from '../support/origins.ts';
import { materialWith, startMessageWith } from '../support/runtime-material.ts';
import { closed, listen } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';

let dir: string;
let sent: FromWorker[];
let ports: number[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'worker-'));
  sent = [];
  ports = [];
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const deps = {
  clock: systemClock,
  send: (message: FromWorker) => void sent.push(message),
  pause: async () => new Promise<void>((done) => setTimeout(done, 5)),
  listen: async (server: Server) => void ports.push(await listen(server)),
};
const kinds = () => sent.map(({ kind }) => kind).filter((kind) => kind !== 'beat');
const material = (number = 1, config: object = {}) => materialWith({ dir, number, config });

it('does not start on what cannot be served', async () => {
  const broken = startMessageWith(material(1, { nonsense: true }), [4]);
  await expect(WorkerService.start(broken, deps)).rejects.toThrow(/nonsense/);
  expect(kinds()).toEqual([]);
});

it('serves, records, answers snapshots, takes generations and lets go', async () => {
  const service = await WorkerService.start(startMessageWith(material(), [4, 5]), deps);
  expect(ports).toHaveLength(2);
  const { reply, socket } = await connectTo(ports[1]!, 'host.example:25');
  socket.destroy();
  expect(reply.status).toBe(403);

  await service.receive({ kind: 'snapshot', id: 9 });
  expect(sent.at(-1)).toMatchObject({ kind: 'snapshot', id: 9 });
  const verdicts = JSON.stringify(sent.at(-1)).match(/"pinwarden_verdicts_total"/);
  expect(verdicts).not.toBeNull();
  expect(structuredClone(sent.at(-1))).toEqual(sent.at(-1));

  await service.receive({ kind: 'generation', material: material(3, { workers: 7 }) });
  expect(sent.at(-1)).toEqual({ kind: 'applied', generation: 3 });
  expect(service.config.workers).toBe(7);
  await service.receive({ kind: 'generation', material: material(2) });
  expect(service.config.workers, 'an older one comes late').toBe(7);
  const both = [material(4), material(5, { workers: 9 })];
  await Promise.all(both.map((one) => service.receive({ kind: 'generation', material: one })));
  expect(sent.at(-1), 'one that was overtaken is not compiled').toEqual({ kind: 'applied', generation: 5 });
  expect(JSON.stringify(sent)).not.toContain('"generation":4');
  expect(service.config.workers).toBe(9);
  await service.receive({ kind: 'generation', material: material(6, { nonsense: true }) });
  expect(sent.at(-1)).toMatchObject({ kind: 'not-applied', generation: 6 });
  expect(service.config.workers, 'the running one stays').toBe(9);

  rmSync(join(dir, 'audit.ndjson'));
  mkdirSync(join(dir, 'audit.ndjson'));
  await service.receive({ kind: 'reopen-audit' });
  expect(sent.at(-1)).toMatchObject({ kind: 'complaint', message: expect.stringContaining('audit.ndjson') });
  rmSync(join(dir, 'audit.ndjson'), { recursive: true });
  await service.receive({ kind: 'reopen-audit' });
  await Promise.all([
    service.receive({ kind: 'drain', timeoutMs: 60_000 }),
    service.receive({ kind: 'drain', timeoutMs: 10 }),
  ]);
  expect(kinds().filter((kind) => kind === 'drained')).toHaveLength(1);
  expect(readFileSync(join(dir, 'audit.ndjson'), 'utf8')).toBe('');
  await expect(service.receive(startMessageWith(material()))).rejects.toThrow(TypeError);
});

it('ends an exception also when the clock was ahead of its end before', async () => {
  const pki = testPki();
  const echo = await echoOrigin(pki.inter.issueLeaf({ dns: ['echo.test'] }));
  let aheadMs = 7_200_000;
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
  const until = new Date(systemClock.nowMs() + 3_600_000).toISOString().replace(/\.\d+Z/, 'Z');
  const unsafeFloor = { action: 'alert', reason: 'test', until };
  const rule = { name: 'echo', match: ['echo.test'], allowPrivate: ['127.0.0.0/8'], onFailure: 'alert', unsafeFloor };
  const config = { egress: { ports: [echo.port], hosts: { 'echo.test': ['127.0.0.1'] } } };
  const policies = [JSON.stringify({ version: 1, rules: [{ ...rule, checks: { ct: 'off' } }] })];
  const message = startMessageWith(materialWith({ dir, config, policies, anchors: testPki().root.pem }), [4]);
  const service = await WorkerService.start(message, { ...deps, clock });
  const authority = `echo.test:${echo.port}`;
  const status = async () => {
    const { reply, socket } = await connectTo(ports[0]!, authority);
    socket.destroy();
    return reply.status;
  };
  expect(await status(), 'it seems to have ended').toBe(502);
  await pause(1_100);
  aheadMs = 0;
  expect(await status(), 'it has not').toBe(200);
  // The next look has seen that the clock was set back.
  await pause(2_500);
  const socket = await tunnel(ports[0]!, authority, { rejectUnauthorized: false });
  socket.on('error', () => undefined);
  aheadMs = 7_200_000;
  await closed(socket);
  await service.receive({ kind: 'drain', timeoutMs: 0 });
  await echo.close();
});

it('counts hosts that no rule names under their own group', () => {
  expect(rulesOf({ policy: policyOf([]) }).map(({ name }) => name)).toEqual(['unmatched']);
});
