import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import { makeTemporaryDirectory, remove } from '../../src/host/files.ts';
import { bindAddress } from '../../src/runtime/bind.ts';
import { Fleet } from '../../src/runtime/fleet.ts';
import type { GenerationMaterial } from '../../src/runtime/messages.ts';
import { connectTo, tunnel } from '../support/client.ts';
import { workersOf } from '../support/house.ts';
import { echoOrigin } from '../support/origins.ts';
import { materialWith } from '../support/runtime-material.ts';
import { eventually } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';

const undo: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const one of undo.splice(0).toReversed()) await one();
});

function make(first: Parameters<typeof materialWith>[0] = {}) {
  const dir = makeTemporaryDirectory('fleet-');
  undo.push(() => remove(dir));
  const bound = bindAddress({ address: '127.0.0.1', port: 0 });
  undo.push(() => bound.close());
  const lines: string[] = [];
  let material: GenerationMaterial = materialWith({ dir, ...first });
  const fleet = new Fleet({
    workers: 2,
    clock: systemClock,
    bound: [bound],
    own: [],
    ticketKeys: () => Buffer.alloc(48, 7),
    workerEnv: {},
    material: () => material,
    log: (line) => lines.push(line),
    restarted: () => undefined,
  });
  undo.push(async () => void (await fleet.drain(100)));
  const next = (number: number, more: object) => {
    material = materialWith({ dir, number, config: more });
  };
  return { fleet, bound, lines, next, dir, ca: material.ca.current.certificatePem };
}

it('does not start when a worker cannot serve, and says why', async () => {
  const { fleet } = make({ config: { nonsense: true } });
  await expect(fleet.start()).rejects.toThrow(/nonsense/);
  expect(fleet.serving).toBe(0);
});

it('serves on inherited sockets, publishes to every worker, merges what they count', async () => {
  const { fleet, bound, next } = make();
  await fleet.start();
  expect(fleet.size).toBe(2);
  expect(fleet.serving).toBe(2);
  for (let index = 0; index < 10; index += 1) {
    const { reply, socket } = await connectTo(bound.port, 'a.example:25');
    expect(reply.status).toBe(403);
    socket.destroy();
  }
  next(2, { egress: { ports: [1] } });
  expect(await fleet.publish(10_000)).toBe(true);
  fleet.forgetPolicies(new Set(['unmatched', '_none']));
  fleet.reopenAudit();
  await eventually('all are counted', async () => {
    const { samples } = await fleet.snapshots();
    const verdicts = samples.flat().filter(({ name }) => name === 'pinwarden_verdicts_total');
    return verdicts.flatMap(({ values }) => values).reduce((sum, { value }) => sum + value, 0) === 10;
  });
  expect(fleet.tunnels).toBe(0);
  expect(await fleet.drain(1000)).toEqual({ finished: 0, cut: 0 });
});

it('waits for nobody when no worker serves: they will start with the newest', async () => {
  const { fleet } = make();
  expect(await fleet.publish(60_000)).toBe(true);
});

it('says when a worker has not taken a generation in time', async () => {
  const { fleet, next } = make();
  await fleet.start();
  const [stopped = 0] = workersOf(process.pid);
  process.kill(stopped, 'SIGSTOP');
  next(2, {});
  expect(await fleet.publish(500)).toBe(false);
  expect(fleet.behind(2)).toBe(1);
  process.kill(stopped, 'SIGCONT');
  next(3, {});
  expect(await fleet.publish(30_000)).toBe(true);
  expect(fleet.behind(3)).toBe(0);
});

it('waits for a worker that is starting with the generation before', async () => {
  const { fleet, next } = make();
  await fleet.start();
  const before = workersOf(process.pid);
  process.kill(before[0]!, 'SIGKILL');
  const successor = () => workersOf(process.pid).find((pid) => !before.includes(pid));
  await eventually('another one is starting', () => successor() !== undefined);
  const starting = successor()!;
  process.kill(starting, 'SIGSTOP');
  next(2, {});
  expect(await fleet.publish(500)).toBe(false);
  process.kill(starting, 'SIGCONT');
  next(3, {});
  expect(await fleet.publish(60_000)).toBe(true);
  expect(fleet.serving).toBe(2);
}, 120_000);

/** Workers that have written a verdict, by the audit files in `dir`. */
function served(dir: string): Map<string, number> {
  const files = readdirSync(dir).filter((file) => /^audit.*\.ndjson$/.test(file));
  return new Map(files.map((file) => [file, readFileSync(join(dir, file), 'utf8').split('"verdict"').length - 1]));
}

it('lets a client resume at every worker, until all ticket keys are replaced', async () => {
  const pki = testPki();
  const echo = await echoOrigin(pki.inter.issueLeaf({ dns: ['echo.test'] }));
  undo.push(async () => echo.close());
  const rule = { name: 'echo', match: ['echo.test'], allowPrivate: ['127.0.0.0/8'], checks: { ct: 'off' } };
  const { fleet, bound, dir, ca } = make({
    anchors: pki.root.pem,
    config: { egress: { ports: [echo.port], hosts: { 'echo.test': ['127.0.0.1'] } } },
    policies: [JSON.stringify({ version: 1, rules: [rule] })],
  });
  await fleet.start();
  const open = async (session?: Buffer) =>
    tunnel(bound.port, `echo.test:${echo.port}`, session === undefined ? { ca } : { ca, session });
  const ticket = async () => {
    const socket = await open();
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    return session;
  };
  /** Whether handshakes with the ticket are resumed, as many as it takes until both workers have served some. */
  const resumed = async (session: Buffer) => {
    const before = served(dir);
    const answers = new Set<boolean>();
    await eventually('both workers served', async () => {
      const sockets = await Promise.all(Array.from({ length: 8 }, async () => open(session)));
      for (const socket of sockets) {
        answers.add(socket.isSessionReused());
        socket.destroy();
      }
      return [...served(dir)].filter(([file, count]) => count > (before.get(file) ?? 0)).length === 2;
    });
    return [...answers];
  };
  const old = await ticket();
  expect(await resumed(old)).toEqual([true]);
  fleet.renewTickets(Buffer.alloc(48, 9));
  // Answers come in the order of what was asked: both have taken the keys.
  await fleet.snapshots();
  expect(await resumed(old)).toEqual([false]);
  expect(await resumed(await ticket())).toEqual([true]);
});
