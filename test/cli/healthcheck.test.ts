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
  const refused = await run('--url', 'http://127.0.0.1:1/readyz');
  expect(refused.code).toBe(1);
  expect(refused.out).toMatch(/^no answer from 127\.0\.0\.1:1: .*\nnext: start the proxy/);
  const silent = await ask(() => undefined);
  expect(silent.code).toBe(1);
  expect(silent.out).toContain('no answer');
});

it('says no to every answer but 200, and what it was', async () => {
  const draining = await ask((_, response) => response.writeHead(503).end('{"ready":false}\n'));
  expect(draining).toEqual({
    code: 1,
    out: '503 {"ready":false}\nnext: wait for what is false, or ask: pinwarden doctor\n',
  });
  const elsewhere = await ask((_, response) => response.writeHead(302, { location: '/' }).end());
  expect(elsewhere.code).toBe(1);
  expect(elsewhere.out).toContain('next: say where the metrics address of the proxy is');
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

it('says the same to programs', async () => {
  const server = createServer((_, response) => response.writeHead(503).end('{"ready":false}\n'));
  const port = await listen(server);
  undo.push(async () => {
    server.closeAllConnections();
    await closeServer(server);
  });
  const url = `http://127.0.0.1:${port}/readyz`;
  const unready = await run('--json', '--url', url);
  expect(unready.code).toBe(1);
  expect(JSON.parse(unready.out)).toEqual({
    ok: false,
    url,
    status: 503,
    says: '{"ready":false}',
    next: expect.stringContaining('doctor') as string,
  });
});
