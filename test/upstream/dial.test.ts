import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import { abortProblem, dial, interleave } from '../../src/upstream/dial.ts';
import { freePorts } from '../support/house.ts';
import { socketBaseline } from '../support/leaks.ts';
import { closeServer, listen, track } from '../support/sockets.ts';
import { problemOf } from './support.ts';

const closers: (() => Promise<void>)[] = [];
const quiet = socketBaseline();

afterEach(async () => {
  while (closers.length > 0) await closers.pop()?.();
  await quiet();
});

async function accepting(): Promise<{ port: number; accepted: () => number }> {
  const open = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    count++;
    track(open, socket);
  });
  closers.push(() => closeServer(server, open));
  return { port: await listen(server), accepted: () => count };
}

/** A port whose backlog of one is full and whose process accepts nothing: the next SYN gets no answer. */
async function unanswered(): Promise<number> {
  const script = `const s = require('node:net').createServer();
    s.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(s.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  closers.push(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(line.toString());
}

const never = () => new AbortController().signal;

describe('dial', () => {
  it('refuses anything that is not an address', async () => {
    const { port, accepted } = await accepting();
    for (const addresses of [[], ['localhost'], ['127.1'], ['127.0.0.1', 'localhost']]) {
      const problem = await problemOf(dial(addresses, port, { timeoutMs: 1_000, signal: never() }));
      expect(problem.code).toBe('internal.failure');
    }
    expect(accepted()).toBe(0);
  });

  it('says that every address refused, and which', async () => {
    const [port = 0] = await freePorts(1);
    const problem = await problemOf(dial(['127.0.0.1', '127.0.0.2'], port, { timeoutMs: 5_000, signal: never() }));
    expect(problem.code).toBe('dial.refused');
    expect(problem.facts['tried']).toEqual(['127.0.0.1 ECONNREFUSED', '127.0.0.2 ECONNREFUSED']);
  });

  it('says that there is no route', async () => {
    const problem = await problemOf(dial(['255.255.255.255'], 9, { timeoutMs: 5_000, signal: never() }));
    expect(problem.code).toBe('dial.unreachable');
  });

  it('gives up in time, and tells every address that it tried', async () => {
    const port = await unanswered();
    // The kernel takes one connection more than the backlog says.
    const fillers = await Promise.all(
      [1, 2].map(() => dial(['127.0.0.1'], port, { timeoutMs: 5_000, signal: never() })),
    );
    const problem = await problemOf(dial(['127.0.0.1'], port, { timeoutMs: 50, signal: never() }));
    expect(problem.code).toBe('dial.timeout');
    expect(problem.facts['tried']).toEqual(['127.0.0.1 ETIMEDOUT']);
    for (const { socket } of fillers) socket.destroy();
  });

  it('tries the next address when the first does not answer', async () => {
    const port = await unanswered();
    const fillers = await Promise.all(
      [1, 2].map(() => dial(['127.0.0.1'], port, { timeoutMs: 5_000, signal: never() })),
    );
    const server = createServer();
    server.listen(port, '127.0.0.2');
    await once(server, 'listening');
    closers.push(() => closeServer(server));
    const { socket, address } = await dial(['127.0.0.1', '127.0.0.2'], port, { timeoutMs: 5_000, signal: never() });
    expect(address).toBe('127.0.0.2');
    for (const one of [socket, ...fillers.map((filler) => filler.socket)]) one.destroy();
  });

  it('is ended by its signal, before and during', async () => {
    const { port } = await accepting();
    const abort = new AbortController();
    abort.abort();
    expect((await problemOf(dial(['127.0.0.1'], port, { timeoutMs: 1_000, signal: abort.signal }))).code).toBe(
      'client.gone',
    );
    const during = new AbortController();
    const pending = dial(['127.0.0.1'], port, { timeoutMs: 1_000, signal: during.signal });
    during.abort(new Problem('proxy.draining', 'self'));
    expect((await problemOf(pending)).code).toBe('proxy.draining');
  });

  it('goes on to the next address at once when one refuses', async () => {
    const { port } = await accepting();
    // Nothing listens on 127.0.0.2 with this port.
    const { socket, address } = await dial(['127.0.0.2', '127.0.0.1'], port, { timeoutMs: 5_000, signal: never() });
    expect(address).toBe('127.0.0.1');
    expect(socket.remoteAddress).toBe('127.0.0.1');
    expect(socket.allowHalfOpen).toBe(true);
    expect(socket.listenerCount('error')).toBeGreaterThan(0);
    socket.destroy();
  });

  it('connects to one address only when the first answers', async () => {
    const { port, accepted } = await accepting();
    const { socket } = await dial(['127.0.0.1', '127.0.0.1'], port, { timeoutMs: 5_000, signal: never() });
    await expect.poll(accepted).toBe(1);
    socket.destroy();
  });
});

describe('interleave', () => {
  it('alternates families, starting with the first', () => {
    expect(interleave(['1.1.1.1', '2.2.2.2', '::1', '::2', '::3'])).toEqual([
      '1.1.1.1',
      '::1',
      '2.2.2.2',
      '::2',
      '::3',
    ]);
    expect(interleave(['::1', '1.1.1.1', '::2'])).toEqual(['::1', '1.1.1.1', '::2']);
    expect(interleave([])).toEqual([]);
  });
});

describe('abortProblem', () => {
  it('is the given Problem, or a client that went away', () => {
    const given = new Problem('limit.client', 'client');
    expect(abortProblem(AbortSignal.abort(given))).toBe(given);
    expect(abortProblem(AbortSignal.abort()).code).toBe('client.gone');
  });
});
