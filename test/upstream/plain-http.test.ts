import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { answersInPlainHttp } from '../../src/upstream/plain-http.ts';
import { closeServer, listen } from '../support/sockets.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function ask(server: Server, signal = new AbortController().signal): Promise<boolean> {
  const port = await listen(server);
  closers.push(() => closeServer(server));
  return await answersInPlainHttp({ addresses: ['127.0.0.1'], port, dialTimeoutMs: 1000, signal });
}

const tcp = (serve: (socket: Socket) => void) =>
  createServer((socket) => {
    socket.on('error', () => socket.destroy()).resume();
    serve(socket);
  });

it.each<readonly [string, (socket: Socket) => void]>([
  ['SSH', (socket) => socket.end('SSH-2.0-x\r\n')],
  ['a TLS alert', (socket) => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 80]))],
  ['nothing, and closes', (socket) => socket.end()],
  ['less than a status line', (socket) => socket.end('HTT')],
  ['nothing at all', () => undefined],
])('is false for %s', async (_, serve) => {
  expect(await ask(tcp(serve))).toBe(false);
});

it('is false where nothing listens, and when the client has gone', async () => {
  const where = { addresses: ['127.0.0.1'], port: 1, dialTimeoutMs: 1000 };
  expect(await answersInPlainHttp({ ...where, signal: new AbortController().signal })).toBe(false);
  expect(await ask(createHttpServer(), AbortSignal.abort())).toBe(false);
});

it('is true for an HTTP server, which gets no request', async () => {
  let requests = 0;
  const server = createHttpServer(() => {
    requests += 1;
  });
  expect(await ask(server)).toBe(true);
  expect(requests).toBe(0);
});

it('is true for a status line in pieces', async () => {
  const server = tcp((socket) => {
    socket.write('HT');
    setTimeout(() => socket.end('TP/1.0 400 Bad Request\r\n\r\n'), 20);
  });
  expect(await ask(server)).toBe(true);
});
