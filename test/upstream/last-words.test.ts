import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepLastWords } from '../../src/upstream/last-words.ts';
import { authority } from '../support/test-ca.ts';

/**
 * An origin in a thread of its own: answers the first bytes, resets the connection or ends it in order, and says so in
 * `gone`, so that the thread of the test can stand still until the reset lies in its kernel.
 */
const ORIGIN = `
const { parentPort, workerData: { key, cert, gone, answer, inOrder } } = require('node:worker_threads');
const serve = (socket, raw) => socket.on('error', () => undefined).once('data', () => {
  socket.pause();
  raw.once('close', () => { Atomics.store(gone, 0, 1); Atomics.notify(gone, 0); });
  const leave = () => inOrder ? socket.end(() => raw.destroy()) : raw.resetAndDestroy();
  setTimeout(() => answer === '' ? leave() : socket.write(answer, () => setTimeout(leave, 20)), 200);
});
const plain = require('node:net').createServer((socket) => serve(socket, socket));
const tls = require('node:tls').createServer({ key, cert }, (socket) => serve(socket, socket._parent));
plain.listen(0, '127.0.0.1', () => tls.listen(0, '127.0.0.1', () =>
  parentPort.postMessage({ plain: plain.address().port, tls: tls.address().port })));
`;
const root = authority();
const leaf = root.issueLeaf({ dns: ['origin.test'] });
const ANSWER = 'HTTP/1.1 413 Too Large\r\n\r\n';

interface Origin {
  readonly worker: Worker;
  readonly ports: { readonly plain: number; readonly tls: number };
  readonly gone: Int32Array;
}

async function start(answer: string, how: 'by a reset' | 'in order' = 'by a reset'): Promise<Origin> {
  const gone = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { key: leaf.keyPem, cert: leaf.chainPem, gone, answer, inOrder: how === 'in order' };
  const worker = new Worker(ORIGIN, { eval: true, workerData });
  const [ports] = (await once(worker, 'message')) as [Origin['ports']];
  return { worker, ports, gone };
}

let answering: Origin;
let silent: Origin;
let orderly: Origin;

beforeAll(async () => {
  [answering, silent, orderly] = await Promise.all([start(ANSWER), start(''), start(ANSWER, 'in order')]);
});

afterAll(async () => {
  await Promise.all([answering, silent, orderly].map(({ worker }) => worker.terminate()));
});

async function open({ ports }: Origin, kind: 'plain' | 'tls'): Promise<Socket> {
  const raw = connectTcp({ host: '127.0.0.1', port: ports[kind], allowHalfOpen: true });
  raw.on('error', () => undefined);
  const socket = kind === 'plain' ? raw : connectTls({ socket: raw, ca: root.pem, servername: 'origin.test' });
  socket.on('error', () => undefined);
  keepLastWords(raw);
  if (socket !== raw) keepLastWords(socket);
  await once(socket, kind === 'plain' ? 'connect' : 'secureConnect');
  return socket;
}

/** Writes; stands still until the origin has closed; writes again, before anything could be read. */
async function writeTooLate(socket: Socket, { gone }: Origin): Promise<void> {
  Atomics.store(gone, 0, 0);
  socket.write('POST / HTTP/1.1\r\n');
  // TLS encrypts behind the event that it is in.
  await nextTurn();
  Atomics.wait(gone, 0, 0, 20_000);
  socket.write('more');
  socket.write('and more');
}

async function heard(socket: Socket): Promise<{ text: string; error: string | undefined; ended: boolean }> {
  let text = '';
  let ended = false;
  let error: string | undefined;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.on('end', () => {
    ended = true;
  });
  socket.on('error', (thrown: NodeJS.ErrnoException) => {
    error = thrown.code;
  });
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { text, error, ended };
}

const BROKEN = /^(EPIPE|ECONNRESET)$/;

describe.each(['plain', 'tls'] as const)('a write that fails (%s)', (kind) => {
  it('leaves the answer that came before to be read, and then the socket breaks', async () => {
    const socket = await open(answering, kind);
    await writeTooLate(socket, answering);
    expect(await heard(socket)).toEqual({ text: ANSWER, error: expect.stringMatching(BROKEN), ended: false });
  });

  it('leaves it to a reader who was away, too', async () => {
    const socket = await open(answering, kind);
    socket.on('data', () => undefined).pause();
    await writeTooLate(socket, answering);
    await new Promise((done) => setTimeout(done, 100));
    const hearing = heard(socket);
    socket.resume();
    expect(await hearing).toEqual({ text: ANSWER, error: expect.stringMatching(BROKEN), ended: false });
  });

  it('breaks the socket when nothing came, and when it was ended meanwhile', async () => {
    const socket = await open(silent, kind);
    const hearing = heard(socket);
    await writeTooLate(socket, silent);
    socket.end();
    expect(await hearing).toEqual({ text: '', error: expect.stringMatching(BROKEN), ended: false });
  });

  it('takes nothing more that would be thrown away, and says so when all is read', async () => {
    const socket = await open(answering, kind);
    socket.on('data', () => undefined).pause();
    await writeTooLate(socket, answering);
    let drained = false;
    socket.on('drain', () => {
      drained = true;
    });
    const late = new Promise((told) => socket.write(Buffer.alloc(1024 * 1024), told));
    await new Promise((done) => setTimeout(done, 100));
    expect(drained).toBe(false);
    expect(socket.writableLength).toBeGreaterThanOrEqual(1024 * 1024);
    const hearing = heard(socket);
    socket.resume();
    expect(await late).toMatchObject({ code: expect.stringMatching(BROKEN) });
    expect(await hearing).toMatchObject({ text: ANSWER, ended: false });
    expect(drained).toBe(false);
  });

  it('breaks the socket at once when the upstream had ended in order before', async () => {
    const socket = await open(orderly, kind);
    const hearing = heard(socket);
    socket.write('POST / HTTP/1.1\r\n');
    await once(socket, 'end');
    const writing = setInterval(() => socket.write('and more'), 10);
    expect(await hearing).toEqual({ text: ANSWER, error: expect.stringMatching(BROKEN), ended: true });
    clearInterval(writing);
  });
});
