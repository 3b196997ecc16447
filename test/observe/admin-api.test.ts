import type { Server } from 'node:http';
import { request as ask, type IncomingHttpHeaders } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiError, CHANGE_HEADER, createAdminApi, type Guard, type Route } from '../../src/observe/admin-api.ts';
import { closeServer, listen } from '../support/sockets.ts';

const TOKEN = 'c29tZSB0b2tlbiBmb3IgdGVzdHM';
const open: Server[] = [];
let changes = 0;

const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/things',
    query: ['a'],
    handle: ({ query }) => ({ status: 200, body: { a: query.get('a') ?? null } }),
  },
  { method: 'GET', path: '/v1/things/*', query: [], handle: ({ rest }) => ({ status: 200, body: { rest } }) },
  {
    method: 'POST',
    path: '/v1/change',
    query: [],
    handle: ({ body }) => {
      changes += 1;
      return { status: 202, body };
    },
  },
  {
    method: 'GET',
    path: '/v1/fails',
    query: [],
    handle: () => {
      throw new Error('a secret of ours');
    },
  },
  {
    method: 'POST',
    path: '/v1/no',
    query: [],
    handle: () => {
      throw new ApiError(422, 'no', { why: 1 });
    },
  },
  {
    method: 'GET',
    path: '/v1/stream',
    query: ['full'],
    handle: ({ query }) => ({
      stream: (response) => {
        if (query.has('full')) return false;
        response.end('data: 1\n\n');
        return true;
      },
    }),
  },
];

afterEach(async () => {
  changes = 0;
  await Promise.all(open.splice(0).map(async (server) => closeServer(server)));
});

async function serve(guard: Guard) {
  const server = createAdminApi(ROUTES, guard);
  open.push(server);
  return listen(server);
}

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function send(port: number, path: string, { method = 'GET', headers = {}, body }: Ask = {}) {
  return new Promise<{ status: number; type: string; text: string; headers: IncomingHttpHeaders }>(
    (resolve, reject) => {
      const request = ask({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            text,
            headers: response.headers,
          }),
        );
      });
      request.once('error', reject);
      request.end(body);
    },
  );
}

const auth = { authorization: `Bearer ${TOKEN}` };
const change = { ...auth, [CHANGE_HEADER]: '1' };
const onAddress = async () => serve({ kind: 'token', token: TOKEN, address: '127.0.0.1' });

describe('refuses', () => {
  it.each([
    [401, {}],
    [401, { authorization: 'Bearer wrong' }],
    [401, { authorization: `bearer${TOKEN}` }],
    [401, { authorization: `Basic ${TOKEN}` }],
    [401, { authorization: `Bearer ${TOKEN} x` }],
    [403, { ...auth, origin: 'http://attacker.test' }],
    [403, { ...auth, origin: 'null' }],
    [421, { ...auth, host: 'attacker.test' }],
  ])('%s: %j', async (status, headers) => {
    const answer = await send(await onAddress(), '/v1/things', { headers });
    expect(answer.status).toBe(status);
    expect(answer.type).toBe('application/problem+json; charset=utf-8');
    expect(JSON.parse(answer.text)).toMatchObject({ type: 'about:blank', status, title: expect.any(String) });
    expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
  });

  it.each([
    '/',
    '/v1',
    '/v1/things/',
    '/v1/things/a/b',
    '/v1/things/..%2f..',
    '/v1/things/%00',
    '//v1/things',
    '/v1/../v1/things',
    '/V1/things',
    `/v1/things/${'a'.repeat(65)}`,
  ])('404: %s', async (path) => {
    expect((await send(await onAddress(), path, { headers: auth })).status).toBe(404);
  });

  it.each(['bearer', 'BEARER', 'Bearer'])('nobody with the token for how %s is written', async (scheme) => {
    const answer = await send(await onAddress(), '/v1/things', { headers: { authorization: `${scheme} ${TOKEN}` } });
    expect(answer.status).toBe(200);
  });

  it('changes by GET, without the header, and with a web page behind it', async () => {
    const port = await onAddress();
    const got = await send(port, '/v1/change', { headers: change });
    expect([got.status, got.headers['allow']]).toEqual([405, 'POST']);
    expect((await send(port, '/v1/change', { method: 'POST', headers: auth })).status).toBe(403);
    const fromPage = { ...change, origin: 'http://localhost' };
    expect((await send(port, '/v1/change', { method: 'POST', headers: fromPage })).status).toBe(403);
    expect((await send(port, '/v1/change', { method: 'DELETE', headers: change })).status).toBe(405);
    expect(changes).toBe(0);
  });

  it.each([
    [413, 'application/json', `{"a":"${'x'.repeat(20_000)}"}`],
    [415, 'text/plain', '{}'],
    [415, 'application/x-www-form-urlencoded', 'a=1'],
    [400, 'application/json', '{'],
    [400, 'application/json', '[1]'],
    [400, 'application/json', 'null'],
  ])('%s: a body of %s', async (status, type, body) => {
    const headers = { ...change, 'content-type': type };
    const answer = await send(await onAddress(), '/v1/change', { method: 'POST', headers, body });
    expect(answer.status).toBe(status);
    expect(changes).toBe(0);
  });

  it('parameters that it does not know, or twice', async () => {
    const port = await onAddress();
    expect((await send(port, '/v1/things?b=1', { headers: auth })).status).toBe(400);
    expect((await send(port, '/v1/things?a=1&a=2', { headers: auth })).status).toBe(400);
  });

  it('and says nothing of its own mistakes', async () => {
    const answer = await send(await onAddress(), '/v1/fails', { headers: auth });
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('secret');
  });
});

describe('answers', () => {
  it('JSON that nothing stores or sniffs', async () => {
    const answer = await send(await onAddress(), '/v1/things?a=%C3%A4', { headers: auth });
    expect(answer).toMatchObject({ status: 200, type: 'application/json; charset=utf-8', text: '{"a":"ä"}\n' });
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    expect((await send(await onAddress(), '/v1/things/ab-9', { headers: auth })).text).toBe('{"rest":"ab-9"}\n');
  });

  it('a change with token and header, with and without a body', async () => {
    const port = await onAddress();
    const headers = { ...change, 'content-type': 'application/json; charset=utf-8' };
    expect(await send(port, '/v1/change', { method: 'POST', headers, body: '{"a":1}' })).toMatchObject({
      status: 202,
      text: '{"a":1}\n',
    });
    expect(await send(port, '/v1/change', { method: 'POST', headers: change })).toMatchObject({ text: '{}\n' });
    expect(changes).toBe(2);
    expect(JSON.parse((await send(port, '/v1/no', { method: 'POST', headers: change })).text)).toMatchObject({
      status: 422,
      detail: 'no',
      why: 1,
    });
  });

  it('with a stream, or with why there is none', async () => {
    const port = await onAddress();
    expect(await send(port, '/v1/stream', { headers: auth })).toMatchObject({
      status: 200,
      type: 'text/event-stream; charset=utf-8',
      text: 'data: 1\n\n',
    });
    expect(await send(port, '/v1/stream?full=1', { headers: auth })).toMatchObject({
      status: 503,
      type: 'application/problem+json; charset=utf-8',
    });
  });

  it('without a token on a socket of the file system, and still no web page', async () => {
    const port = await serve({ kind: 'unix' });
    expect((await send(port, '/v1/things', { headers: { host: 'anything' } })).status).toBe(200);
    expect((await send(port, '/v1/things', { headers: { origin: 'http://a' } })).status).toBe(403);
    expect((await send(port, '/v1/change', { method: 'POST' })).status).toBe(403);
  });
});
