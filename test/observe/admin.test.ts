import { request, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAdmin, hostAllowed, json, text } from '../../src/observe/admin.ts';
import { exchange } from '../support/client.ts';
import { closeServer, dialLocal, eventually, listen } from '../support/sockets.ts';

let server: Server;
let port: number;

beforeEach(async () => {
  server = createAdmin({
    address: '127.0.0.1',
    hosts: ['metrics.corp.example'],
    routes: {
      '/healthz': () => text(200, 'ok'),
      '/version': () => json(200, { version: '1' }),
      '/broken': async () => {
        throw new Error('secret detail');
      },
    },
  });
  port = await listen(server);
});

afterEach(async () => {
  server.closeAllConnections();
  await closeServer(server);
});

async function ask(path: string, options: { method?: string; host?: string } = {}) {
  const { method = 'GET', host = `127.0.0.1:${port}` } = options;
  return await new Promise<{ status: number; body: string; headers: object }>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers: { host }, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

// Other systems have no second loopback address.
it.skipIf(process.platform !== 'linux')('connections of one address do not keep the others out', async () => {
  const idle = Array.from({ length: 40 }, () => dialLocal(port));
  await eventually('the surplus is closed', () => idle.filter((socket) => socket.destroyed).length === 24);
  const answer = await new Promise<number>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', localAddress: '127.0.0.2', port, path: '/healthz' }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
  expect(answer).toBe(200);
  for (const socket of idle) socket.destroy();
});

describe('refuses', () => {
  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('%s', async (method) => {
    const answer = await ask('/healthz', { method });
    expect(answer.status).toBe(405);
    expect(answer.headers).toMatchObject({ allow: 'GET, HEAD' });
  });

  it.each(['attacker.test', 'attacker.test:9464', 'localhost.attacker.test', '127.0.0.1.attacker.test'])(
    'the Host %j',
    async (host) => {
      expect((await ask('/healthz', { host })).status).toBe(421);
    },
  );

  it.each([
    '/',
    '/..%2f..%2fetc/passwd',
    '//healthz',
    '/healthz/',
    '/HEALTHZ',
    '/constructor',
    '/__proto__',
    '/%00',
    '/\\healthz',
  ])('the path %s', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  it('an empty Host (node:http would fill it in, so by hand)', async () => {
    expect((await exchange(port, 'GET /healthz HTTP/1.1\r\nHost: \r\n\r\n')).reply.status).toBe(421);
  });

  it('two Hosts, of which one would be right', async () => {
    const { reply } = await exchange(
      port,
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: attacker.test\r\nConnection: close\r\n\r\n',
    );
    expect(reply.status).toBe(400);
  });

  it('a head that drips, after ten seconds', async () => {
    const began = performance.now();
    const socket = dialLocal(port);
    // A drip may meet the end.
    socket.on('error', () => undefined);
    socket.write('GET /healthz HTTP/1.1\r\n');
    const drip = setInterval(() => socket.write('x'), 500);
    await eventually('it is let go', () => socket.destroyed, 30_000);
    clearInterval(drip);
    // Without a look of its own it would take up to forty.
    expect(performance.now() - began).toBeGreaterThan(9000);
  });

  it('bytes that are no HTTP, without an answer', async () => {
    expect((await exchange(port, '\x16\x03\x01\x00\x05hello')).reply.status).toBe(0);
  });

  it('to say what broke', async () => {
    const answer = await ask('/broken');
    expect(answer.status).toBe(500);
    expect(answer.body).toBe('internal error\n');
  });
});

describe('answers', () => {
  it('GET and HEAD, a query or not', async () => {
    expect(await ask('/healthz?probe=1')).toMatchObject({ status: 200, body: 'ok\n' });
    expect(await ask('/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect(JSON.parse((await ask('/version')).body)).toEqual({ version: '1' });
  });

  it('with headers that keep pages and caches out', async () => {
    expect((await ask('/healthz')).headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'nosniff',
    });
  });
});

it.each([
  ['127.0.0.1:9464', true],
  ['[::1]:9464', true],
  ['10.1.2.3', true],
  ['localhost:9464', true],
  ['prometheus-target', true],
  ['pinwarden.mesh.svc', true],
  ['pinwarden.mesh.svc.cluster.local:9464', true],
  ['METRICS.corp.example', true],
  ['corp.example', false],
  ['svc.attacker.test', false],
  ['[::1].attacker.test', false],
])('host %s: %s', (host, allowed) => {
  expect(hostAllowed(host, '127.0.0.1', ['metrics.corp.example'])).toBe(allowed);
});
