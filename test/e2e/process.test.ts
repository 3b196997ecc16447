/** The process as an operator meets it: starts that are refused, workers that die, signals, other modes, plain HTTP. */

import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectTo, exchange, plainEnv, type Run, run, tunnel } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { echoOrigin, type Origin, plainOrigin } from '../support/origins.ts';
import { dialLocal, eventually } from '../support/sockets.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';

// One test starts several programs one after the other.
vi.setConfig({ testTimeout: 90_000 });

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let pki: TestPki;
let echo: Origin;
let plain: Origin;
let house: House;

beforeAll(async () => {
  pki = testPki();
  echo = await echoOrigin(pki.inter.issueLeaf({ dns: ['echo.test', 'bypassed.test'] }));
  plain = await plainOrigin();
  house = await startHouse({
    anchors: pki.root.pem,
    upstreams: [
      { host: 'echo.test', port: echo.port },
      { host: 'bypassed.test', port: echo.port },
      { host: 'plain.test', port: plain.port },
    ],
    rules: [
      { name: 'echo', match: ['echo.test'], pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } },
      { name: 'bypassed', match: ['bypassed.test'], mode: 'bypass', reason: 'its clients bring their own pins' },
      { name: 'raw', match: ['plain.test'], mode: 'bypass', reason: 'speaks no TLS' },
    ],
    workers: 2,
  });
});

afterAll(async () => {
  await house.stop();
  await echo.close();
  await plain.close();
});

async function runMain(...args: readonly string[]): Promise<Run> {
  return await run(process.execPath, [MAIN, ...args], { cwd: house.dir });
}

describe('a start that is refused says why, and nothing listens', () => {
  it('a second instance on the same address', async () => {
    const { exitCode, stderr } = await runMain('run', '-c', join(house.dir, 'pinwarden.yaml'));
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).toContain(String(house.port));
    expect(await opens()).toBe(true);
  });

  it('a configuration with mistakes: every one with its place', async () => {
    const file = join(house.dir, 'broken.yaml');
    writeFileSync(file, 'version: 1\nlisen: []\nanchors: [nothing-there.pem]\naudit: { file: 7 }\n');
    const { exitCode, stderr } = await runMain('run', '-c', file);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/broken\.yaml:2:1/);
    expect(stderr).toMatch(/broken\.yaml:4:/);
    expect(stderr).toContain('listen');
  });

  it('a configuration that is not there', async () => {
    const { exitCode, stderr } = await runMain('run', '-c', join(house.dir, 'nothing.yaml'));
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).toContain('nothing.yaml');
  });

  it('a CA key that others can read', async () => {
    const key = join(house.dir, 'ca-key.pem');
    chmodSync(key, 0o644);
    const { exitCode, stderr } = await runMain('run', '-c', join(house.dir, 'pinwarden.yaml'));
    chmodSync(key, 0o600);
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).toContain('ca-key.pem');
  });

  it('an environment that switches certificate checks off', async () => {
    const name = ['NODE', 'TLS', 'REJECT', 'UNAUTHORIZED'].join('_');
    const file = join(house.dir, 'pinwarden.yaml');
    const env = plainEnv({ [name]: '0' });
    const { exitCode, stderr } = await run(process.execPath, [MAIN, 'run', '-c', file], { cwd: house.dir, env });
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).toContain(name);
  });

  it('a command or option that does not exist', async () => {
    expect((await runMain('rum')).exitCode).toBe(2);
    expect((await runMain('run', '--insecure')).exitCode).toBe(2);
  });
});

describe('other ways in', () => {
  it('bypass carries the client’s own TLS, and its verdict says that nothing was judged', async () => {
    const socket = await tunnel(house.port, `bypassed.test:${echo.port}`, { ca: pki.root.pem });
    expect(socket.getPeerX509Certificate()?.checkHost('bypassed.test')).toBeDefined();
    socket.write('mine');
    await once(socket, 'data');
    socket.destroy();
    await eventually('a verdict line', () => lineFor('bypassed.test') !== undefined);
    const line = lineFor('bypassed.test')!;
    expect(line['pinwarden.assurance']).toBe('none');
    expect(line['pinwarden.mode']).toBe('bypass');
    expect(Object.values(line['pinwarden.checks'] as object)).not.toContain('pass');
  });

  it('bypass for TLS is no way to another host', async () => {
    const opened = tunnel(house.port, `bypassed.test:${echo.port}`, { ca: pki.root.pem, servername: 'echo.test' });
    await expect(opened).rejects.toThrow();
  });

  it('bypass carries what is no TLS at all', async () => {
    const { reply, socket } = await connectTo(house.port, `plain.test:${plain.port}`);
    expect(reply.status).toBe(200);
    socket.write('GET / HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toContain('hello http/1.1');
  });

  it('plain HTTP to a host with pins is refused, and says so', async () => {
    const before = echo.connections();
    const authority = `echo.test:${echo.port}`;
    const head = `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`;
    const { reply, socket } = await exchange(house.port, head);
    socket.destroy();
    expect(reply.status).toBe(403);
    expect(reply.headers['proxy-status']).toContain('plaintext.denied');
    expect(echo.connections()).toBe(before);
  });

  it('the metrics address answers its own names only', async () => {
    const ask = async (host: string) => {
      const socket = dialLocal(house.metricsPort);
      socket.write(`GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      let text = '';
      for await (const chunk of socket) text += String(chunk);
      return Number(text.slice(9, 12));
    };
    expect(await ask('attacker.test')).toBe(421);
    expect(await ask(`127.0.0.1:${house.metricsPort}`)).toBe(200);
  });
});

describe('workers and signals', () => {
  it('a worker that is killed is replaced, and meanwhile nobody is let through unjudged', async () => {
    const before = house.pids();
    expect(before).toHaveLength(3);
    const victim = before[1]!;
    process.kill(victim, 'SIGKILL');
    await eventually('a new worker', () => house.pids().length === 3 && !house.pids().includes(victim));
    expect(house.pids()[0]).toBe(before[0]);
    expect(await opens()).toBe(true);
    expect(house.output()).toMatch(/worker/);
  });

  it('SIGTERM lets open tunnels finish, takes no new ones, and ends with 0', async () => {
    const socket = await tunnel(house.port, `echo.test:${echo.port}`, { ca: readFileSync(house.caFile) });
    const stopped = house.stop();
    await eventually('no new tunnels', async () => !(await opens()));
    socket.write('last words');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('last words');
    socket.end();
    expect(await stopped).toBe(0);
    expect(house.output()).toMatch(/1 tunnels? finished, 0 were cut/);
  });
});

/** Whether the proxy still opens tunnels. */
async function opens(): Promise<boolean> {
  const { reply, socket } = await connectTo(house.port, `echo.test:${echo.port}`);
  socket.destroy();
  return reply.status === 200;
}

function lineFor(host: string) {
  return house.audit().find((line) => line['server.address'] === host && line['event.action'] === 'verdict');
}
