/** Letting go under load: what was accepted is served to its end, what is open is counted, and the exit code is 0. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { connectHead, plainEnv, readReply, tunnel } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { echoOrigin, type Origin } from '../support/origins.ts';
import { closed, closeServer, dialLocal, eventually, listen, track } from '../support/sockets.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

// Each test starts a proxy of its own, and that may take its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let pki: TestPki;
let echo: Origin;
const undo: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  pki = testPki();
  echo = await echoOrigin(pki.inter.issueLeaf({ dns: ['echo.test', 'slow.test'] }));
});

afterAll(async () => await echo.close());

afterEach(async () => {
  for (const one of undo.splice(0).toReversed()) await one();
});

interface Started {
  readonly house: House;
  readonly ca: Buffer;
  /** CONNECT to the echo through the proxy, TLS inside. */
  readonly open: () => Promise<TLSSocket>;
}

async function start(limits: Readonly<Record<string, number>>, slowPort = 1): Promise<Started> {
  const house = await startHouse({
    anchors: pki.root.pem,
    upstreams: [
      { host: 'echo.test', port: echo.port },
      { host: 'slow.test', port: slowPort },
    ],
    rules: [{ name: 'echo', match: ['echo.test', 'slow.test'], pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } }],
    workers: 2,
    limits,
  });
  undo.push(async () => await house.stop());
  const ca = readFileSync(house.caFile);
  const open = async () => {
    const socket = await tunnel(house.port, `echo.test:${echo.port}`, { ca });
    return socket.on('error', () => undefined);
  };
  return { house, ca, open };
}

/** Sends `text` and waits until all of it has come back. */
async function echoed(socket: TLSSocket, text: string): Promise<void> {
  let back = '';
  const done = Promise.withResolvers<void>();
  const onData = (chunk: Buffer) => {
    back += chunk.toString('latin1');
    if (back === text) done.resolve();
  };
  socket.on('data', onData);
  socket.once('close', () => done.reject(new Error(`closed after ${back.length} of ${text.length} bytes`)));
  socket.write(text);
  await done.promise;
  socket.off('data', onData);
}

async function isReady({ metricsPort }: House): Promise<boolean> {
  return await fetch(`http://127.0.0.1:${metricsPort}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function untilNotReady(house: House): Promise<void> {
  await eventually('not ready', async () => !(await isReady(house)));
}

/** Whether a connection is accepted. */
async function accepts({ port }: House): Promise<boolean> {
  const socket = dialLocal(port);
  return await new Promise((resolve) => {
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

it('loses no connection that came while it was ready, and counts what it let finish and what it cut', async () => {
  // Time enough to notice that it is not ready, and then for the last words: this process is a busy one.
  const { house, open } = await start({ drainDelayMs: 5000, drainTimeoutMs: 8000 });
  const patient = await Promise.all(Array.from({ length: 6 }, open));
  const stubborn = await Promise.all(Array.from({ length: 3 }, open));
  const cut = stubborn.map((socket) => closed(socket.resume()));
  let ready = true;
  let served = 0;
  const lost: string[] = [];
  // As behind a load balancer: new connections for as long as the proxy calls itself ready.
  const client = async () => {
    while (ready) {
      try {
        const socket = await open();
        await echoed(socket, 'x'.repeat(20_000));
        socket.destroy();
        served += 1;
      } catch (error) {
        lost.push(String(error));
      }
    }
  };
  const clients = Array.from({ length: 6 }, client);
  await eventually('some load', () => served > 30, 60_000);
  const before = served;
  process.kill(house.pid, 'SIGTERM');
  await untilNotReady(house);
  // Behind it as well: whoever was told a moment ago that it is ready still comes.
  const told = served;
  await eventually('some more', () => served > told);
  ready = false;
  await Promise.all(clients);
  expect(lost).toEqual([]);
  expect(served).toBeGreaterThan(before);
  await eventually('nobody accepts', async () => !(await accepts(house)));
  for (const socket of patient) {
    await echoed(socket, 'last words');
    socket.end();
  }
  await Promise.all(cut);
  const closes = () => house.audit().filter((line) => line['event.action'] === 'close');
  await eventually('a close line for every tunnel', () => closes().length === served + 9);
  expect(closes().filter((line) => line['pinwarden.reason'] === 'drain')).toHaveLength(3);
  expect(await house.stop()).toBe(0);
  expect(house.output()).toContain('6 tunnels finished, 3 were cut');
});

it('finishes a handshake that was under way', async () => {
  const gate = Promise.withResolvers<void>();
  const open = new Set<Socket>();
  let waiting = 0;
  const slow = createServer((socket) => {
    track(open, socket);
    waiting += 1;
    void gate.promise.then(() => {
      const onward = track(open, connect({ host: '127.0.0.1', port: echo.port }));
      socket.pipe(onward).pipe(socket);
    });
  });
  const slowPort = await listen(slow);
  undo.push(async () => await closeServer(slow, open));
  const { house, ca } = await start({ drainTimeoutMs: 60_000, handshakeTimeoutMs: 60_000 }, slowPort);
  const opening = tunnel(house.port, `slow.test:${slowPort}`, { ca });
  await eventually('the handshake waits', () => waiting === 1);
  const stopped = house.stop();
  await eventually('nobody accepts', async () => !(await accepts(house)));
  gate.resolve();
  const socket = await opening;
  await echoed(socket, 'judged after SIGTERM');
  socket.end();
  expect(await stopped).toBe(0);
  expect(house.output()).toContain('1 tunnel finished, 0 were cut');
});

it('serves a connection that was accepted and had not asked yet', async () => {
  const { house } = await start({ drainTimeoutMs: 60_000 });
  const socket = dialLocal(house.port).on('error', () => undefined);
  await once(socket, 'connect');
  await eventually('it is accepted', async () => {
    const metrics = await house.metrics();
    return metrics.value('pinwarden_connections_active', { side: 'client' }) === 1;
  });
  // Who asks within a second is served. The workers stand still until both have been sent: the drain, then the head.
  const workers = house.pids().slice(1);
  for (const worker of workers) process.kill(worker, 'SIGSTOP');
  const stopped = house.stop();
  try {
    await untilNotReady(house);
    await new Promise((sent) => socket.write(connectHead(`echo.test:${echo.port}`), sent));
  } finally {
    for (const worker of workers) process.kill(worker, 'SIGCONT');
  }
  expect((await readReply(socket)).status).toBe(200);
  await eventually('nobody accepts', async () => !(await accepts(house)));
  socket.destroy();
  expect(await stopped).toBe(0);
});

it('does not wait for connections that never ask', async () => {
  const { house } = await start({ drainTimeoutMs: 600_000 });
  const silent = dialLocal(house.port).on('error', () => undefined);
  await once(silent, 'connect');
  expect(await house.stop()).toBe(0);
  expect(house.output()).toContain('0 tunnels finished, 0 were cut');
  silent.destroy();
});

it.each([
  ['while load balancers notice', 500_000],
  ['while tunnels end', 100],
])('a second signal %s cuts it short, and it still ends with 0', async (_, drainDelayMs) => {
  const { house, open } = await start({ drainDelayMs, drainTimeoutMs: 600_000 });
  const socket = await open();
  process.kill(house.pid, 'SIGTERM');
  await untilNotReady(house);
  if (drainDelayMs < 1000) await eventually('nobody accepts', async () => !(await accepts(house)));
  await echoed(socket, 'still here');
  expect(await house.stop()).toBe(0);
  expect(house.output()).toContain('0 tunnels finished, 1 was cut');
  expect(house.output()).not.toContain('uncaught');
  socket.destroy();
});

it('a signal that comes while it starts is not lost: it ends with 0, and nothing stays', async () => {
  const { house } = await start({ drainDelayMs: 100, drainTimeoutMs: 1000 });
  const { dir } = house;
  const files = Object.fromEntries(
    ['pinwarden.yaml', 'policy.yaml', 'anchors.pem', 'ca.pem', 'ca-key.pem'].map((name) => [
      name,
      readFileSync(join(dir, name)),
    ]),
  );
  expect(await house.stop()).toBe(0);
  const own = mkdtempSync(join(tmpdir(), 'start-'));
  undo.push(async () => rmSync(own, { recursive: true, force: true }));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(own, name), bytes, { mode: 0o600 });
  const child = spawn(process.execPath, [MAIN, 'run', '-c', join(own, 'pinwarden.yaml')], {
    env: plainEnv(),
    cwd: own,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'close');
  // The CA is read and the state made long before anything serves.
  await eventually('it has begun', () => existsSync(join(own, 'state')), 30_000);
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  expect(output).toContain('ended; 0 tunnels finished');
});
