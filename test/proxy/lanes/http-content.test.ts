import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { answers } from '../../support/raw-origin.ts';
import { plainStage } from '../plain.ts';
import { closeAfterEach } from '../stage.ts';

closeAfterEach();

describe('a client that leaves', () => {
  it.each([
    ['before the answer', ''],
    ['during the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc'],
  ])('%s: the upstream is closed', async (_when, bytes) => {
    const { client, head, upstream, proxy } = await plainStage((socket) => socket.write(bytes));
    const one = client().send(head('GET /'));
    await expect.poll(() => upstream.received[0]?.includes('\r\n\r\n')).toBe(true);
    if (bytes !== '') await one.until('abc');
    one.socket.resetAndDestroy();
    await expect.poll(() => upstream.open()).toBe(0);
    await expect.poll(() => proxy.closes[0]).toMatchObject({ reason: 'client', code: null });
    expect(proxy.verdicts).toMatchObject([{ verdict: 'allow' }]);
  });

  it('in the middle of its content: the upstream is closed and never sees a whole request', async () => {
    const { client, head, upstream } = await plainStage(() => undefined);
    const one = client().send(`${head('POST /', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`);
    await expect.poll(() => upstream.received[0]?.includes('hello')).toBe(true);
    one.socket.resetAndDestroy();
    await expect.poll(() => upstream.open()).toBe(0);
    expect(upstream.received[0]).not.toContain('\r\n0\r\n');
  });

  it('or whose chunk cannot be read: the same', async () => {
    const { client, head, upstream } = await plainStage(() => undefined);
    const one = client().send(`${head('POST /', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`);
    await expect.poll(() => upstream.received[0]?.includes('hello')).toBe(true);
    one.send('zz\r\n');
    await one.end();
    await expect.poll(() => upstream.open()).toBe(0);
    expect(upstream.received[0]).not.toContain('\r\n0\r\n');
  });
});

describe('an answer before the whole request', () => {
  const early = 'HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n';

  it('is passed on; the rest is thrown away and the connection stays in step', async () => {
    const { client, head, upstream } = await plainStage(answers(early));
    const one = client().send(`${head('POST /', 'Content-Length: 10')}12345`);
    await one.until('413 Too Large');
    one.send(`67890${head('GET /next')}`);
    await expect.poll(() => one.statuses()).toEqual([413, 413]);
    expect(upstream.received[1]).toMatch(/^GET \/next /);
  });

  it('when the rest does not come, the connection goes', async () => {
    const { client, head, proxy } = await plainStage(answers(early));
    Object.assign(proxy.house.limits, { lingerMs: 50 });
    const one = client().send(`${head('POST /', 'Content-Length: 10')}12345`);
    await one.until('413 Too Large');
    expect(await one.end()).not.toBe('open');
  });
});

describe('large content', () => {
  const SIZE = 8 * 1024 * 1024;
  const digest = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

  it('arrives whole although both sides read slowly', async () => {
    const body = randomBytes(SIZE);
    const hash = createHash('sha256');
    let taken = 0;
    const { client, head, proxy } = await plainStage((socket, text) => {
      const take = (chunk: Buffer) => {
        hash.update(chunk);
        taken += chunk.length;
        // Reads in steps, so that the proxy must wait.
        socket.pause();
        setImmediate(() => socket.resume());
        if (taken === SIZE)
          socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`), body]));
      };
      take(Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1'));
      socket.on('data', take);
    });
    const one = client().send(head('PUT /', `Content-Length: ${SIZE}`));
    one.socket.write(body);
    one.socket.on('data', () => {
      one.socket.pause();
      setImmediate(() => one.socket.resume());
    });
    await expect.poll(() => one.text.length, { timeout: 100_000 }).toBeGreaterThan(SIZE);
    const received = Buffer.from(one.text.slice(one.text.indexOf('\r\n\r\n') + 4), 'latin1');
    expect(digest(received)).toBe(digest(body));
    expect(hash.digest('hex')).toBe(digest(body));
    await expect.poll(() => proxy.closes[0]?.bytesUp).toBeGreaterThan(SIZE);
    expect(proxy.closes[0]?.bytesDown).toBeGreaterThan(SIZE);
  });

  it('of an upstream that is faster than the client does not pile up', async () => {
    let written = 0;
    const block = Buffer.alloc(64 * 1024);
    const total = 64 * 1024 * 1024;
    const { client, head, upstream } = await plainStage((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      const more = () => {
        while (written < total && socket.write(block)) written += block.length;
      };
      socket.on('drain', more);
      more();
    });
    const one = client();
    one.socket.pause();
    one.send(head('GET /'));
    let before = -1;
    await expect
      .poll(
        () => {
          const still = written > 0 && written === before;
          before = written;
          return still;
        },
        { interval: 200, timeout: 100_000 },
      )
      .toBe(true);
    expect(written).toBeLessThan(total / 2);
    one.close();
    await expect.poll(() => upstream.open()).toBe(0);
  });
});
