import { createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { askThrough } from '../../src/cli/demo-client.ts';
import { closeServer, listen } from '../support/sockets.ts';

const servers: ReturnType<typeof createServer>[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await closeServer(server);
});

async function askOneThatSays(answer: string) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  servers.push(server);
  return askThrough({ proxyPort: await listen(server), host: 'a.example', port: 443, caPem: '' });
}

it('fails when nobody is there, or what answers is no proxy', async () => {
  await expect(askThrough({ proxyPort: 1, host: 'a.example', port: 443, caPem: '' })).rejects.toThrow();
  await expect(askOneThatSays('hello')).rejects.toThrow();
  await expect(askOneThatSays('HTTP/1.1 200 OK\r\n\r\nnot TLS')).rejects.toThrow();
});

it('reads a refusal with its problem object, or with a body that is none', async () => {
  const body = '{"code":"pin.mismatch"}';
  const head = 'HTTP/1.1 502 pinwarden: pin.mismatch\r\nProxy-Status: pinwarden; error=tls_certificate_error\r\n';
  expect(await askOneThatSays(`${head}Content-Length: ${body.length}\r\n\r\n${body}`)).toEqual({
    status: 502,
    proxyStatus: 'pinwarden; error=tls_certificate_error',
    problem: { code: 'pin.mismatch' },
    body: null,
  });
  expect(await askOneThatSays('HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnope')).toMatchObject({ problem: null });
  expect(await askOneThatSays('HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnull')).toMatchObject({ problem: null });
});
