/** A disk that fills under the whole process: what clients, load balancers and readers of the audit see meanwhile. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { verifyChain } from '../../src/observe/audit.ts';
import { connectTo, tunnel } from '../support/client.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { echoOrigin, type Origin } from '../support/origins.ts';
import { eventually } from '../support/sockets.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';

// Each test starts a proxy of its own, and that may take its time.
vi.setConfig({ testTimeout: 90_000 });

let pki: TestPki;
let echo: Origin;
let house: House | null = null;

beforeAll(async () => {
  pki = testPki();
  echo = await echoOrigin(pki.inter.issueLeaf({ dns: ['echo.test'] }));
});

afterAll(async () => await echo.close());

afterEach(async () => {
  await house?.stop();
  house = null;
});

async function start(onFull: 'block' | 'count'): Promise<House> {
  house = await startHouse({
    anchors: pki.root.pem,
    upstreams: [{ host: 'echo.test', port: echo.port }],
    rules: [{ name: 'echo', match: ['echo.test'], pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } }],
    config: { audit: { file: 'audit.ndjson', onFull } },
  });
  return house;
}

const fileOf = ({ dir }: House) => join(dir, 'audit.ndjson');
const textOf = (one: House) => readFileSync(fileOf(one), 'utf8');

/** The largest file that the worker may write, as a disk without room. */
function limitFiles(one: House, bytes: number | 'unlimited') {
  const [, worker] = one.pids();
  execFileSync('prlimit', ['--pid', String(worker), `--fsize=${bytes}:unlimited`]);
}

const connect = async (one: House) => {
  const { reply, socket } = await connectTo(one.port, `echo.test:${echo.port}`);
  socket.destroy();
  return reply;
};

async function readiness({ metricsPort }: House) {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);
  const { checks } = (await response.json()) as { readonly checks: Readonly<Record<string, boolean>> };
  return [response.status, checks['audit']];
}

async function openTunnel(one: House): Promise<void> {
  const socket = await tunnel(one.port, `echo.test:${echo.port}`, { ca: readFileSync(one.caFile) });
  socket.destroy();
}

/**
 * The file, whose last line has its end and whose lines parse. While the disk is full, what is written in part and each
 * look for room stand in the file until the worker has taken them back, a moment later.
 */
async function wholeText(one: House): Promise<string> {
  let text = '';
  await eventually('the file ends with a line', () => {
    text = textOf(one);
    return text.endsWith('\n');
  });
  for (const line of text.split('\n').slice(0, -1)) expect(() => JSON.parse(line), line).not.toThrow();
  return text;
}

const isClosed = (one: House) => one.audit().at(-1)?.['event.action'] === 'close';

describeWith(['prlimit'], 'a full disk', () => {
  it('with onFull: block refuses before it dials, is not ready, keeps the file whole, and recovers by itself', async () => {
    const one = await start('block');
    await openTunnel(one);
    await eventually('both lines', () => one.audit().length === 2);
    expect(await readiness(one)).toEqual([200, true]);
    // In the middle of the next line.
    limitFiles(one, statSync(fileOf(one)).size + 300);
    await expect(openTunnel(one)).rejects.toThrow();
    await eventually('not ready', async () => (await readiness(one))[0] === 503);
    expect(await readiness(one)).toEqual([503, false]);
    const dialled = echo.connections();
    const refused = await connect(one);
    expect(refused).toMatchObject({ status: 503, reason: 'pinwarden: audit.full' });
    expect(refused.headers['proxy-status']).toContain('audit.full policy=echo event=');
    expect(echo.connections()).toBe(dialled);
    await wholeText(one);

    limitFiles(one, 'unlimited');
    // Nobody asks for anything: the worker looks by itself.
    await eventually('ready again', async () => (await readiness(one))[0] === 200);
    await openTunnel(one);
    await eventually('its lines', () => isClosed(one));
    expect(verifyChain(await wholeText(one))).toMatchObject({ ok: true, gaps: 1 });
    const gap = one.audit().find((line) => line['event.action'] === 'gap');
    const lost = (await one.metrics()).value('pinwarden_audit_lost_total');
    expect(lost).toBeGreaterThanOrEqual(2);
    expect(gap).toMatchObject({ 'pinwarden.lost': lost });
  });

  it('with onFull: count goes on, is ready, and keeps the file whole', async () => {
    const one = await start('count');
    await openTunnel(one);
    await eventually('both lines', () => one.audit().length === 2);
    limitFiles(one, statSync(fileOf(one)).size + 300);
    await openTunnel(one);
    await openTunnel(one);
    expect(await readiness(one)).toEqual([200, true]);
    expect((await connect(one)).status).toBe(200);
    await wholeText(one);
    limitFiles(one, 'unlimited');
    await openTunnel(one);
    await eventually('its lines', () => isClosed(one));
    expect(verifyChain(await wholeText(one))).toMatchObject({ ok: true });
  });
});
