import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { upgrade } from '../../../src/proxy/lanes/upgrade.ts';
import { RawClient } from '../../support/raw-client.ts';
import { answers, answersAndEnds } from '../../support/raw-origin.ts';
import { OK, type Plain, plainStage } from '../plain.ts';
import { closeAfterEach, HOST, proxyFor, serve } from '../stage.ts';

closeAfterEach();

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ASKS = [
  'Connection: keep-alive, Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${KEY}`,
];
const SWITCH =
  'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: a\r\nKeep-Alive: x\r\n\r\n';

function asking({ client, head }: Plain, ...more: readonly string[]): RawClient {
  return client().send(head('GET /socket', ...ASKS, ...more));
}

/** A text frame of a client is masked (RFC 6455 §5.3), that of a server is not. */
function frame(text: string, mask?: readonly number[]): Buffer {
  const bytes = Buffer.from(text);
  const head = [0x81, bytes.length | (mask === undefined ? 0 : 0x80), ...(mask ?? [])];
  return Buffer.concat([Buffer.from(head), bytes.map((byte, index) => byte ^ (mask?.[index % 4] ?? 0))]);
}

it('a WebSocket server and client understand each other', async () => {
  const server = createServer();
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1').update(
      `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
    );
    const fields = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept.digest('base64')}`];
    socket.write(['HTTP/1.1 101 Switching Protocols', ...fields, '', ''].join('\r\n'));
    socket.once('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      const length = chunk[1]! & 0x7f;
      const mask = [...chunk.subarray(2, 6)];
      const text = chunk.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]!);
      socket.write(frame(`echo ${Buffer.from(text).toString()}`));
    });
  });
  const port = await serve(server);
  const proxy = await proxyFor({ port });
  // Node's own client asks for a tunnel where it speaks through a proxy; the plain way is by hand.
  const one = new RawClient(proxy.port);
  one.send([`GET http://${HOST}:${port}/ HTTP/1.1`, `Host: ${HOST}:${port}`, ...ASKS, '', ''].join('\r\n'));
  await one.until('\r\n\r\n');
  expect(one.text).toContain('HTTP/1.1 101 Switching Protocols\r\n');
  expect(one.text).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  one.send(frame('hello', [1, 2, 3, 4]).toString('latin1'));
  await one.until('echo hello');
  expect(proxy.verdicts).toMatchObject([{ verdict: 'allow', mode: 'plaintext' }]);
  one.close();
  await expect.poll(() => proxy.closes).toMatchObject([{ reason: 'client', code: null }]);
});

describe('a 101', () => {
  it('is passed on with its own fields, and so is what comes with it', async () => {
    const stage = await plainStage(answers(`${SWITCH}first`));
    const one = asking(stage, 'Proxy-Authorization: Basic x');
    await one.until('first');
    expect(one.text.split('\r\n\r\n')[0]?.split('\r\n')).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'Sec-WebSocket-Accept: a',
      'Via: 1.1 pinwarden',
      'Connection: Upgrade',
      'Upgrade: websocket',
    ]);
    expect(stage.upstream.received[0]?.split('\r\n').slice(0, -2)).toEqual([
      'GET /socket HTTP/1.1',
      `Host: ${stage.authority}`,
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${KEY}`,
      'Via: 1.1 pinwarden',
      'Connection: Upgrade',
      'Upgrade: websocket',
    ]);
  });

  it('opens the way for what the client sent too early, and not before', async () => {
    const stage = await plainStage((socket) => setTimeout(() => socket.write(SWITCH), 50));
    const one = stage.client().send(`${stage.head('GET /', ...ASKS)}early`);
    await one.until('101 Switching');
    await expect.poll(() => stage.upstream.received[0]?.endsWith('\r\n\r\nearly')).toBe(true);
  });

  it('for another protocol is refused', async () => {
    const stage = await plainStage(answers(SWITCH.replace('WebSocket', 'h2c')));
    const one = asking(stage);
    await one.until('HTTP/1.1 502 pinwarden: response.malformed');
    expect(await one.end()).toBe('fin');
    expect(stage.proxy.verdicts).toHaveLength(1);
  });
});

describe('another answer', () => {
  it('is passed on, and ends the connection', async () => {
    const stage = await plainStage(answers(OK));
    const one = asking(stage);
    await one.until('\r\n\r\nhi');
    expect(one.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(one.text).toContain('Connection: close\r\n');
    expect(await one.end()).toBe('fin');
    await expect.poll(() => stage.proxy.closes).toMatchObject([{ reason: 'upstream', code: null }]);
  });

  it.each([
    ['099', 'HTTP/1.1 099 W\r\nContent-Length: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi'],
    ['junk', 'junk\r\n\r\n'],
    ['seventeen hints', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(17)],
  ])('that is none (%s): 502', async (_what, bytes) => {
    const one = asking(await plainStage(answers(bytes)));
    await one.until('HTTP/1.1 502 pinwarden: response.malformed');
    expect(await one.end()).toBe('fin');
  });

  it.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', 'fin'],
    ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc', 'reset'],
    ['until the end', 'HTTP/1.1 200 OK\r\n\r\nabc', 'reset'],
  ] as const)('that breaks off (%s): the client is reset', async (_what, bytes, how) => {
    const stage = await plainStage(answersAndEnds(bytes, how));
    expect(await asking(stage).end()).toBe('reset');
    await expect.poll(() => stage.proxy.closes).toMatchObject([{ reason: 'error', code: 'response.incomplete' }]);
  });

  it('that stands still is cut', async () => {
    const bytes = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc';
    const stage = await plainStage(answers(bytes), {}, { limits: { idleTimeoutMs: 500 } });
    expect(await asking(stage).end()).toBe('reset');
  });
});

describe('no answer', () => {
  it.each(['fin', 'reset'] as const)('%s: 502', async (how) => {
    const one = asking(await plainStage(answersAndEnds('', how)));
    await one.until('HTTP/1.1 502 pinwarden: response.none');
    expect(await one.end()).toBe('fin');
  });

  it('in time: 504', async () => {
    const one = asking(await plainStage(() => undefined, {}, { limits: { idleTimeoutMs: 50 } }));
    await one.until('HTTP/1.1 504 pinwarden: response.timeout');
  });
});

describe('a side that breaks', () => {
  it('a client before the answer: the upstream is closed', async () => {
    const stage = await plainStage(() => undefined);
    const one = asking(stage);
    await expect.poll(() => stage.upstream.received[0]?.length).toBeGreaterThan(0);
    one.socket.resetAndDestroy();
    await expect.poll(() => stage.upstream.open()).toBe(0);
    await expect.poll(() => stage.proxy.closes).toMatchObject([{ reason: 'client' }]);
  });

  it.each(['client', 'upstream'] as const)('the %s behind a 101: the other is closed', async (side) => {
    const switched = Promise.withResolvers<Socket>();
    const stage = await plainStage((socket) => {
      socket.write(SWITCH);
      switched.resolve(socket);
    });
    const one = asking(stage);
    await one.until('101 Switching');
    if (side === 'client') one.socket.resetAndDestroy();
    else {
      (await switched.promise).resetAndDestroy();
      await one.end();
    }
    await expect.poll(() => stage.upstream.open()).toBe(0);
    await expect.poll(() => stage.proxy.closes.length).toBe(1);
  });

  it('a reload that forbids it: both are closed', async () => {
    const stage = await plainStage(answers(SWITCH));
    const one = asking(stage);
    await one.until('101 Switching');
    stage.proxy.reload([{ name: 'bank', match: [HOST], plaintext: 'block' }]);
    const { rejudge } = await import('../../../src/proxy/tunnels.ts');
    expect(await rejudge(stage.proxy.house)).toEqual({ kept: 0, cut: 1 });
    await one.end();
    await expect.poll(() => stage.proxy.closes).toMatchObject([{ reason: 'policy' }]);
  });
});

it('the lane takes no permit of another line', async () => {
  const use = () => {
    throw new TypeError('of another line');
  };
  const work = { permit: { use }, line: { evidence: {} } } as unknown as Parameters<typeof upgrade>[0];
  await expect(upgrade(work)).rejects.toThrow('of another line');
});
