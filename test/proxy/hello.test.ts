import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Authority } from '../../src/model/authority.ts';
import { asProblem, Problem } from '../../src/model/problem.ts';
import { helloOf, listenForHello, serverNameProblem } from '../../src/proxy/hello.ts';
import { ClientHelloReader } from '../../src/wire/client-hello.ts';
import type { ClientHello } from '../../src/wire/hello-body.ts';
import { helloBytes } from '../support/hello-bytes.ts';
import { dialLocal } from '../support/sockets.ts';
import { closeAfterEach, serve } from './stage.ts';

closeAfterEach();

const HELLO = helloBytes({ serverName: 'good.test' });
const NEVER = new AbortController().signal;

/** Both ends of a connection: what the proxy holds, and the client. */
async function pair(): Promise<{ socket: Socket; client: Socket }> {
  const accepted = Promise.withResolvers<Socket>();
  const port = await serve(createServer({ allowHalfOpen: true, pauseOnConnect: true }, accepted.resolve));
  const client = dialLocal(port);
  client.on('error', () => undefined);
  return { socket: await accepted.promise, client };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (thrown) {
    return asProblem(thrown).code;
  }
  return 'fulfilled';
}

describe('listening for the hello', () => {
  it('gives up after its time', async () => {
    const { socket, client } = await pair();
    client.write(HELLO.subarray(0, 10));
    const first = listenForHello(socket, Buffer.alloc(0));
    expect(await codeOf(first.wait(20, NEVER))).toBe('hello.timeout');
    first.release();
    client.destroy();
  });

  it('gives up when it is aborted, before and while it waits', async () => {
    const { socket, client } = await pair();
    const first = listenForHello(socket, Buffer.alloc(0));
    const gone = new Problem('client.gone', 'client');
    expect(await codeOf(first.wait(9_000, AbortSignal.abort(gone)))).toBe('client.gone');
    const controller = new AbortController();
    const waiting = codeOf(first.wait(9_000, controller.signal));
    controller.abort(gone);
    expect(await waiting).toBe('client.gone');
    client.destroy();
  });

  it.each([
    ['bytes that are no TLS', Buffer.from('GET / HTTP/1.1\r\n'), 'not-tls'],
    ['a malformed record', Buffer.from([0x16, 3, 1, 0, 0]), 'malformed'],
  ])('names %s', async (_what, bytes, kind) => {
    const { socket, client } = await pair();
    const first = listenForHello(socket, Buffer.alloc(0));
    client.write(bytes);
    expect((await first.wait(9_000, NEVER)).kind).toBe(kind);
    client.destroy();
  });

  it('knows at once a hello that came with the CONNECT', async () => {
    const { socket, client } = await pair();
    const first = listenForHello(socket, HELLO);
    expect(first.now()?.kind).toBe('hello');
    expect((await first.wait(9_000, NEVER)).kind).toBe('hello');
    expect(socket.read()).toEqual(HELLO);
    client.destroy();
  });

  it.each([0, 1, 100])('puts every byte back, in order, with %i of them in the head', async (inHead) => {
    const { socket, client } = await pair();
    client.setNoDelay(true);
    const first = listenForHello(socket, HELLO.subarray(0, inHead));
    const early = Buffer.from('early data behind the hello');
    for (const byte of Buffer.concat([HELLO.subarray(inHead), early])) client.write(Buffer.from([byte]));
    const word = await first.wait(9_000, NEVER);
    expect(word.kind === 'hello' && word.hello.serverName).toBe('good.test');
    expect(socket.isPaused()).toBe(true);
    let got = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
    });
    socket.resume();
    client.end();
    await once(socket, 'end');
    expect(got).toEqual(Buffer.concat([HELLO, early]));
  });

  it('puts back what is unclear, and only once', async () => {
    const { socket, client } = await pair();
    const first = listenForHello(socket, HELLO.subarray(0, 20));
    expect(first.now()).toBeNull();
    first.release();
    first.release();
    expect(socket.read()).toEqual(HELLO.subarray(0, 20));
    client.destroy();
  });

  it('puts nothing back into a socket that has ended', async () => {
    const { socket, client } = await pair();
    const first = listenForHello(socket, HELLO.subarray(0, 20));
    client.end();
    await once(socket, 'end');
    first.release();
    expect(socket.readableLength).toBe(0);
  });
});

describe('helloOf', () => {
  it.each([
    [{ kind: 'not-tls' }, 'hello.not-tls'],
    [{ kind: 'too-large' }, 'hello.too-large'],
    [{ kind: 'malformed', why: 'empty record' }, 'hello.malformed'],
  ] as const)('%j is a problem', (word, code) => {
    expect(() => helloOf(word)).toThrow(expect.objectContaining({ code, side: 'client' }));
  });
});

describe('the server name', () => {
  const NAME: Authority = { host: 'good.test', kind: 'name', port: 443 };
  const ADDRESS: Authority = { host: '192.0.2.1', kind: 'ipv4', port: 443 };

  function hello(serverName: string | null, change: Partial<ClientHello> = {}): ClientHello {
    const reading = new ClientHelloReader().feed(helloBytes({ serverName: null }));
    if (reading.kind !== 'hello') throw new Error(reading.kind);
    return { ...reading.hello, serverName, ...change };
  }

  it.each([
    ['another name', NAME, hello('evil.test'), 'sni.mismatch'],
    ['a name below', NAME, hello('a.good.test'), 'sni.mismatch'],
    ['no name', NAME, hello(null), 'sni.missing'],
    ['a name for an address', ADDRESS, hello('good.test'), 'sni.mismatch'],
    ['a hidden name (ESNI)', NAME, hello('good.test', { hasEsni: true }), 'sni.mismatch'],
    ['the name', NAME, hello('good.test'), undefined],
    ['the name beside ECH or its GREASE', NAME, hello('good.test', { hasEch: true }), undefined],
    ['no name for an address', ADDRESS, hello(null), undefined],
    ['the address itself', ADDRESS, hello('192.0.2.1'), undefined],
  ])('%s', (_what, authority, said, code) => {
    expect(serverNameProblem(said, authority)?.code).toBe(code);
  });
});
