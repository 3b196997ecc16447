import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Guard, type Relayed, relay } from '../../../src/proxy/lanes/relay.ts';

/**
 * client ═ near │ relay │ far ═ server: the two outer sockets are what a client and an upstream would hold.
 */
interface Wire {
  readonly client: Socket;
  readonly server: Socket;
  readonly near: Socket;
  readonly far: Socket;
  readonly done: Promise<Relayed>;
  readonly cut: AbortController;
}

const opened: Socket[] = [];

async function pair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const outer = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [[inner]] = (await Promise.all([once(server, 'connection'), once(outer, 'connect')])) as [[Socket], unknown];
  server.close();
  for (const socket of [outer, inner]) {
    socket.on('error', () => undefined);
    opened.push(socket);
  }
  return [outer, inner];
}

async function wire(options: { idleMs?: number; halfCloseMs?: number; guard?: Guard } = {}): Promise<Wire> {
  const [client, near] = await pair();
  const [server, far] = await pair();
  const cut = new AbortController();
  const done = relay(near, far, {
    idleTimeoutMs: options.idleMs ?? 20_000,
    halfCloseTimeoutMs: options.halfCloseMs ?? 20_000,
    cut: cut.signal,
    ...(options.guard === undefined ? {} : { guard: options.guard }),
  });
  return { client, server, near, far, done, cut };
}

/** Sends `chunks` copies of `block`, respecting backpressure, and ends. Answers the SHA-256 of all. */
async function pour(socket: Socket, block: Buffer, chunks: number): Promise<string> {
  const hash = createHash('sha256');
  for (let sent = 0; sent < chunks; sent++) {
    hash.update(block);
    if (!socket.write(block)) await once(socket, 'drain');
  }
  socket.end();
  return hash.digest('hex');
}

/** Reads to the end without closing the own half, which an async iterator would do. */
function drink(socket: Socket, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('data', take);
    socket.on('end', resolve);
    socket.on('close', () => reject(new Error('closed without an end')));
  });
}

async function hashOf(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  await drink(socket, (chunk) => hash.update(chunk));
  return hash.digest('hex');
}

async function text(socket: Socket): Promise<string> {
  let all = '';
  await drink(socket, (chunk) => {
    all += chunk.toString();
  });
  return all;
}

const socketHandles = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
const handlesAtStart = socketHandles();

afterEach(async () => {
  for (const socket of opened.splice(0)) {
    socket.destroy();
    if (!socket.closed) await once(socket, 'close');
  }
  await expect.poll(socketHandles).toBeLessThanOrEqual(handlesAtStart);
});

describe('a side that breaks', () => {
  it.each(['client', 'server'] as const)('%s resets before a byte: the other side is destroyed', async (who) => {
    const w = await wire();
    w[who].resetAndDestroy();
    const relayed = await w.done;
    expect(relayed).toMatchObject({ bytesUp: 0, bytesDown: 0, reason: 'error' });
    expect(w.near.destroyed && w.far.destroyed).toBe(true);
  });

  it.each([0, 1, 2, 5, 10])('resets in the midst of a stream, after %i chunks', async (after) => {
    const w = await wire();
    const block = randomBytes(256 * 1024);
    let got = 0;
    w.server.on('data', () => {
      if (got++ >= after) w.server.resetAndDestroy();
    });
    w.client.on('close', () => undefined);
    const pump = (): void => {
      while (!w.client.destroyed && w.client.write(block));
    };
    w.client.on('drain', pump);
    pump();
    const relayed = await w.done;
    expect(relayed.reason).toBe('error');
    expect(relayed.errorCode).not.toBeNull();
    expect(w.near.closed && w.far.closed).toBe(true);
  });

  it('resets after its end: the other way does not hang', async () => {
    // A socket that has been read to its end is not polled any more: only the half-close limit can notice the reset.
    const w = await wire({ halfCloseMs: 50 });
    w.client.end('last words');
    w.server.resume();
    await once(w.server, 'end');
    w.client.resetAndDestroy();
    const relayed = await w.done;
    expect(relayed.bytesUp).toBe(10);
    expect(w.far.closed).toBe(true);
  });

  it('was closed before the relay began', async () => {
    const [, near] = await pair();
    const [, far] = await pair();
    near.destroy();
    await once(near, 'close');
    const cut = new AbortController();
    const relayed = await relay(near, far, { idleTimeoutMs: 9e3, halfCloseTimeoutMs: 9e3, cut: cut.signal });
    expect(relayed).toMatchObject({ reason: 'error', bytesUp: 0, bytesDown: 0 });
    expect(far.closed).toBe(true);
  });
});

describe('limits', () => {
  it('ends an idle relay', async () => {
    const w = await wire({ idleMs: 30 });
    expect((await w.done).reason).toBe('idle');
  });

  it('ends a relay whose other half never closes', async () => {
    const w = await wire({ halfCloseMs: 30 });
    w.server.resume();
    w.client.end();
    expect((await w.done).reason).toBe('client');
    expect(w.far.closed).toBe(true);
  });

  it('lets a long answer through after the client has ended its half', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const w = await wire({ halfCloseMs: 1000 });
      w.client.end('question');
      w.server.resume();
      await once(w.server, 'end');
      for (const part of ['a', 'b', 'c', 'd']) {
        w.server.write(part);
        const [got] = (await once(w.client, 'data')) as [Buffer];
        expect(got.toString()).toBe(part);
        vi.advanceTimersByTime(600);
      }
      vi.advanceTimersByTime(600);
      expect(await w.done).toMatchObject({ reason: 'client', bytesDown: 4 });
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends at once when it is cut, with the reason of who cut', async () => {
    const w = await wire();
    w.cut.abort('policy');
    expect((await w.done).reason).toBe('policy');
    expect(w.near.closed && w.far.closed).toBe(true);
  });

  it('was cut before it began', async () => {
    const [, near] = await pair();
    const [, far] = await pair();
    const options = { idleTimeoutMs: 9e3, halfCloseTimeoutMs: 9e3, cut: AbortSignal.abort('drain') };
    expect((await relay(near, far, options)).reason).toBe('drain');
  });

  it('holds a bounded amount for a reader that does not read', async () => {
    const w = await wire();
    // More than the kernel holds for both connections: the rest waits in the writer.
    const block = randomBytes(1024 * 1024);
    const total = 64 * block.length;
    for (let sent = 0; sent < total; sent += block.length) w.server.write(block);
    let [read, stillTurns, most] = [0, 0, 0];
    while (stillTurns < 200 && read < total) {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, w.near.writableLength + w.far.readableLength);
      stillTurns = w.far.isPaused() && w.far.bytesRead === read ? stillTurns + 1 : 0;
      read = w.far.bytesRead;
    }
    expect(read).toBeLessThan(total);
    // One high-water mark on either side of the relay, and the chunk that went over it.
    expect(most).toBeLessThanOrEqual(64 * 1024 * 3);
    w.client.resume();
    w.client.end();
    w.server.resume();
    w.server.end();
    expect((await w.done).bytesDown).toBe(total);
  });
});

describe('a guard', () => {
  const guardOf = (...words: ('hold' | 'pass' | 'cut')[]): Guard => ({ push: () => words.shift() ?? 'pass' });

  it('cuts before anything was sent up', async () => {
    const w = await wire({ guard: guardOf('cut') });
    const got = text(w.server).catch(() => 'broken');
    w.client.write('secret');
    expect((await w.done).reason).toBe('refused');
    expect(['', 'broken']).toContain(await got);
  });

  it('drops what it holds when the client ends', async () => {
    const w = await wire({ guard: guardOf('hold') });
    const got = text(w.server);
    w.client.end('half a hello');
    expect(await got).toBe('');
    w.server.end();
    w.client.resume();
    expect((await w.done).bytesUp, 'held is not relayed').toBe(0);
  });

  it('lets the other way flow while it holds, and sends all that it held', async () => {
    const w = await wire({ guard: guardOf('hold', 'hold', 'pass') });
    w.server.write('220 banner');
    const [banner] = (await once(w.client, 'data')) as [Buffer];
    expect(banner.toString()).toBe('220 banner');
    const got = text(w.server);
    for (const part of ['one ', 'two ', 'three']) {
      const seen = once(w.near, 'data');
      w.client.write(part);
      await seen;
    }
    w.client.end();
    expect(await got).toBe('one two three');
    w.server.end();
    w.client.resume();
    expect(await w.done).toMatchObject({ reason: 'client', bytesUp: 13, bytesDown: 10 });
  });
});

describe('bytes', () => {
  it('of a side that had ended before the relay began: the end is passed on', async () => {
    const [client, near] = await pair();
    const [server, far] = await pair();
    const ended = once(near, 'end');
    client.end();
    near.resume();
    await ended;
    near.pause();
    const cut = new AbortController();
    const done = relay(near, far, { idleTimeoutMs: 9e3, halfCloseTimeoutMs: 9e3, cut: cut.signal });
    expect(await text(server)).toBe('');
    server.end('answer all the same');
    expect(await text(client)).toBe('answer all the same');
    expect(await done).toMatchObject({ reason: 'client', bytesUp: 0, bytesDown: 19 });
  });

  it('passes 100 MiB each way at once, unchanged', async () => {
    const w = await wire();
    const up = randomBytes(1024 * 1024);
    const down = randomBytes(1024 * 1024);
    const [sentUp, sentDown, gotUp, gotDown] = await Promise.all([
      pour(w.client, up, 100),
      pour(w.server, down, 100),
      hashOf(w.server),
      hashOf(w.client),
    ]);
    expect(gotUp).toBe(sentUp);
    expect(gotDown).toBe(sentDown);
    const total = 100 * 1024 * 1024;
    expect(await w.done).toMatchObject({ bytesUp: total, bytesDown: total, errorCode: null });
  });

  it.each([
    ['client', 'server'],
    ['server', 'client'],
  ] as const)('%s ends first and still gets the answer', async (first, second) => {
    const w = await wire();
    w[first].end('question');
    expect(await text(w[second])).toBe('question');
    w[second].end('answer after the end');
    expect(await text(w[first])).toBe('answer after the end');
    const relayed = await w.done;
    expect(relayed.reason).toBe(first === 'client' ? 'client' : 'upstream');
    expect(relayed.errorCode).toBeNull();
  });
});
