import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { codeOfFailure, Exchange, type Exchanged } from '../../../src/proxy/lanes/exchange.ts';

/** A socket whose counts a test sets. */
function countedSocket(): { readonly socket: Socket; readonly counts: { read: number; written: number } } {
  const counts = { read: 0, written: 0 };
  const socket = new Socket();
  Object.defineProperty(socket, 'bytesRead', { get: () => counts.read });
  Object.defineProperty(socket, 'bytesWritten', { get: () => counts.written });
  return { socket, counts };
}

function begin(idleTimeoutMs = 60_000) {
  const { socket: upstream, counts } = countedSocket();
  const cut = new AbortController();
  const told: string[] = [];
  const ends: Exchanged[] = [];
  let idle = 0;
  const options = {
    idleTimeoutMs,
    cut: cut.signal,
    onBytes: (direction: 'up' | 'down', count: number) => void told.push(`${direction} ${count}`),
    onEnd: (end: Exchanged) => void ends.push(end),
  };
  const exchange = new Exchange(upstream, options, () => {
    idle += 1;
    exchange.settle('idle');
  });
  return { upstream, counts, cut, told, ends, exchange, idled: () => idle };
}

describe('an exchange', () => {
  it('counts in steps, and the rest at the end', async () => {
    const { counts, told, exchange } = begin();
    Object.assign(counts, { read: 5, written: 7 });
    exchange.meter();
    exchange.meter();
    counts.read = 6;
    exchange.settle('upstream');
    expect(told).toEqual(['up 7', 'down 5', 'down 1']);
    expect(await exchange.done).toEqual({ bytesUp: 7, bytesDown: 6, reason: 'upstream', code: null, problem: null });
  });

  it('ends once, at once, and takes the upstream with it', async () => {
    const { upstream, ends, exchange } = begin();
    exchange.fail('response.none', 'upstream', { reason: 'closed' });
    exchange.settle('client');
    expect(upstream.destroyed).toBe(true);
    expect(exchange.over).toBe(true);
    expect(ends).toMatchObject([{ reason: 'upstream', code: 'response.none', problem: { code: 'response.none' } }]);
    expect((await exchange.done).reason).toBe('upstream');
  });

  it('is cut, before it began as well', async () => {
    const { cut, exchange } = begin();
    cut.abort('policy');
    expect(await exchange.done).toMatchObject({ reason: 'policy', problem: null });
    const { socket: upstream } = countedSocket();
    const options = { idleTimeoutMs: 1, cut: AbortSignal.abort('drain'), onBytes: () => undefined };
    expect(await new Exchange(upstream, options, () => undefined).done).toMatchObject({ reason: 'drain' });
    expect(upstream.destroyed).toBe(true);
  });

  it('is idle when nothing moved for a whole period', async () => {
    const { counts, exchange, idled } = begin(20);
    const moving = setInterval(() => {
      counts.read += 1;
    }, 2);
    await new Promise((done) => setTimeout(done, 100));
    expect(idled()).toBe(0);
    clearInterval(moving);
    expect(await exchange.done).toMatchObject({ reason: 'idle' });
    expect(idled()).toBe(1);
  });

  it('that is released leaves the upstream to somebody else', async () => {
    const { upstream, cut, exchange, ends } = begin(1);
    exchange.release();
    cut.abort('policy');
    await new Promise((done) => setTimeout(done, 10));
    expect(upstream.destroyed).toBe(false);
    expect(ends).toEqual([]);
    upstream.destroy();
  });
});

it.each([
  ['HPE_INVALID_CONSTANT', 'response.malformed'],
  ['HPE_HEADER_OVERFLOW', 'response.malformed'],
  ['ECONNRESET', 'response.none'],
  ['UNKNOWN', 'response.none'],
])('%s means %s', (code, expected) => {
  expect(codeOfFailure(Object.assign(new Error('x'), { code }))).toBe(expected);
});
