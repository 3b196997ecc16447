import { createServer, type RequestListener } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { runHealthcheck } from '../../src/cli/healthcheck.ts';
import { closeServer, listen } from '../support/sockets.ts';
import { capturedIo } from './captured-io.ts';

const undo: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const one of undo.splice(0)) await one();
});

async function ask(listener: RequestListener): Promise<{ readonly code: number; readonly out: string }> {
  const server = createServer(listener);
  const port = await listen(server);
  undo.push(async () => {
    server.closeAllConnections();
    await closeServer(server);
  });
  return run('--url', `http://127.0.0.1:${port}/readyz`);
}

async function run(...argv: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  const io = capturedIo('/');
  const code = await runHealthcheck(argv, io);
  return { code, out: io.stdout() + io.stderr() };
}

it('refuses a wrong command line', async () => {
  expect((await run('now')).code).toBe(2);
  expect((await run('--uri', 'http://127.0.0.1:1/')).code).toBe(2);
  for (const url of ['127.0.0.1:9464', 'https://127.0.0.1:9464/', 'file:///etc/passwd']) {
    expect((await run('--url', url)).code, url).toBe(2);
  }
});

it('says no when nobody answers, in time', async () => {
  expect(await run('--url', 'http://127.0.0.1:1/readyz')).toMatchObject({ code: 1 });
  const silent = await ask(() => undefined);
  expect(silent.code).toBe(1);
  expect(silent.out).toContain('no answer');
});

it('says no to every answer but 200, and what it was', async () => {
  const draining = await ask((_, response) => response.writeHead(503).end('{"ready":false}\n'));
  expect(draining).toEqual({ code: 1, out: '503 {"ready":false}\n' });
  const elsewhere = await ask((_, response) => response.writeHead(302, { location: '/' }).end());
  expect(elsewhere.code).toBe(1);
  const torn = await ask(
    (_, response) => response.writeHead(200, { 'content-length': 9 }).write('x') && response.destroy(),
  );
  expect(torn.code).toBe(1);
});

it('says yes to 200, and reads no more than it needs', async () => {
  expect(await ask((_, response) => response.end('ok\n'))).toEqual({ code: 0, out: '200 ok\n' });
  const endless = await ask((_, response) => {
    const timer = setInterval(() => response.write('x'.repeat(65_536)), 1);
    response.once('close', () => clearInterval(timer));
  });
  expect(endless.code).toBe(0);
  expect(endless.out.length).toBeLessThan(5000);
});
