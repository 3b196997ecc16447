import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import { connectHead, connectTo, exchange } from '../support/client.ts';
import { dialLocal } from '../support/sockets.ts';
import { closeAfterEach, HOST, origin, proxyFor, soleVerdict } from './stage.ts';

closeAfterEach();

async function proxy(limits: Readonly<Record<string, number>> = {}) {
  const upstream = await origin();
  return { upstream, proxy: await proxyFor({ port: upstream.port, more: { limits } }) };
}

describe('bytes that are no CONNECT', () => {
  it.each([
    ['junk', 'hello\r\n\r\n', 400, 'request.malformed'],
    ['a TLS hello', '\x16\x03\x01\x00\x05hello', 400, 'request.malformed'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'request.malformed'],
    ['a bare LF in the head', 'CONNECT good.test:443 HTTP/1.1\nHost: good.test:443\n\n', 400, 'request.malformed'],
    ['a folded field', `${connectHead('good.test:443').slice(0, -2)}X: a\r\n b\r\n\r\n`, 400, 'request.malformed'],
    ['control characters', 'CONNECT good\x00.test:443 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request.malformed'],
    [
      '20 kB of head',
      `${connectHead('good.test:443').slice(0, -2)}X: ${'a'.repeat(20_000)}\r\n\r\n`,
      431,
      'request.too-large',
    ],
    [
      'a hundred and one fields',
      connectHead('good.test:443', ...Array.from({ length: 100 }, (_, index) => `X-${index}: 1`)),
      431,
      'request.too-large',
    ],
    ['two lengths', connectHead('good.test:443', 'Content-Length: 1', 'Content-Length: 2'), 400, 'request.malformed'],
    ['a plain request elsewhere', 'GET http://good.test/ HTTP/1.1\r\nHost: good.test\r\n\r\n', 403, 'port.denied'],
    ['a page that we do not have', 'GET /x HTTP/1.1\r\nHost: good.test\r\n\r\n', 400, 'request.malformed'],
    [
      'an upgrade',
      'GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
      400,
      'request.malformed',
    ],
    [
      'a request that waits for 100',
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n',
      400,
      'request.malformed',
    ],
    ['an expectation', 'GET /x HTTP/1.1\r\nHost: a\r\nExpect: something\r\n\r\n', 400, 'request.malformed'],
  ])('%s', async (_what, bytes, status, code) => {
    const { upstream, proxy: front } = await proxy();
    const { reply } = await exchange(front.port, Buffer.from(bytes, 'latin1'));
    expect(reply).toMatchObject({ status, reason: `pinwarden: ${code}` });
    expect(JSON.parse(reply.body)).toMatchObject({ code });
    expect(reply.headers['connection']).toBe('close');
    await expect.poll(() => front.verdicts.length).toBe(1);
    expect(front.verdicts[0]).toMatchObject({ code });
    expect(upstream.connections()).toBe(0);
  });

  it('a second request behind a refused CONNECT is never read', async () => {
    const { proxy: front } = await proxy();
    const bytes = `${connectHead('good.test:1')}GET http://good.test/ HTTP/1.1\r\nHost: good.test\r\n\r\n`;
    const { reply } = await exchange(front.port, bytes);
    expect(reply.status).toBe(403);
    expect(reply.body.match(/HTTP\/1\.1/g)).toBeNull();
    await soleVerdict(front, 'block', 'port.denied');
  });

  it('a head that does not come in time', async () => {
    // Long enough for its beginning to arrive: whoever said nothing gets no answer.
    const { proxy: front } = await proxy({ headTimeoutMs: 1_000 });
    const { reply } = await exchange(front.port, 'CONNECT good.test:443 HTTP/1.1\r\n');
    expect(reply.status).toBe(408);
    await soleVerdict(front, 'error', 'request.timeout');
  });

  it('a connection that says nothing leaves no record', async () => {
    const { proxy: front } = await proxy({ headTimeoutMs: 50 });
    const client = dialLocal(front.port);
    client.resume();
    await once(client, 'close');
    expect(front.verdicts).toEqual([]);
    const other = dialLocal(front.port);
    await once(other, 'connect');
    other.resetAndDestroy();
    await expect.poll(() => front.openConnections()).toBe(0);
    expect(front.verdicts).toEqual([]);
  });

  it('is answered although the audit file is full', async () => {
    const { proxy: front } = await proxy();
    front.recorderFails = new Problem('audit.full', 'self');
    expect((await exchange(front.port, 'junk\r\n\r\n')).reply.status).toBe(400);
    expect((await connectTo(front.port, 'good.test:1')).reply.status).toBe(403);
  });
});

describe('connections', () => {
  it('are counted until they close', async () => {
    const { upstream, proxy: front } = await proxy();
    const { reply, socket } = await connectTo(front.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(200);
    // The client's and the upstream's.
    expect(front.openConnections()).toBe(2);
    expect(front.house.gate.connections).toBe(1);
    socket.destroy();
    await expect.poll(() => front.openConnections()).toBe(0);
    expect(front.house.gate.connections).toBe(0);
  });

  it('above the limit of all are told so', async () => {
    const { upstream, proxy: front } = await proxy({ connections: 1 });
    const first = dialLocal(front.port);
    await once(first, 'connect');
    await expect.poll(() => front.house.gate.connections).toBe(1);
    const { reply } = await connectTo(front.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(503);
    expect(reply.headers['proxy-status']).toContain('error=connection_limit_reached');
    await soleVerdict(front, 'error', 'limit.connections');
    first.destroy();
  });
});
