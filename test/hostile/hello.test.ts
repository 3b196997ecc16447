/** What a client says first inside its tunnel, against the proxy as people run it. The cases are data. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectHead, exchange } from '../support/client.ts';
import { type HelloSpec, helloBytes } from '../support/hello-bytes.ts';
import { type House, pinnedTo, startHouse } from '../support/house.ts';
import { echoOrigin, type Origin } from '../support/origins.ts';
import { eventually } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';

interface Case {
  readonly id: string;
  readonly why: string;
  readonly hello?: HelloSpec;
  /** Bytes as latin1 instead of a hello. */
  readonly raw?: string;
  /** Bytes of one write; default: all at once. */
  readonly segment?: number;
  /** `either`: refused with one of the codes, or answered; never anything else. */
  readonly expect: {
    readonly answer: 'server-hello' | 'refused' | 'either';
    readonly code?: string | readonly string[];
  };
}

const file = fileURLToPath(new URL('../cases/hostile/hello.json', import.meta.url));
const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly Case[];
const HANDSHAKE_RECORD = 0x16;
const ALERT_RECORD = 0x15;

let house: House;
let origin: Origin;
let pids: readonly number[];

beforeAll(async () => {
  const pki = testPki();
  origin = await echoOrigin(pki.inter.issueLeaf({ dns: ['pin.test'] }));
  house = await startHouse({
    anchors: pki.root.pem,
    upstreams: [{ host: 'pin.test', port: origin.port }],
    rules: [{ name: 'pin', match: ['pin.test'], pins: pinnedTo(pki.inter.pin), checks: { ct: 'off' } }],
    limits: { helloTimeoutMs: 3_000 },
  });
  pids = house.pids();
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  await origin.close();
});

async function send(socket: Socket, bytes: Buffer, segment: number): Promise<void> {
  socket.setNoDelay(true);
  for (let start = 0; start < bytes.length && !socket.destroyed; start += segment) {
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.write(bytes.subarray(start, start + segment), () => resolve());
    await promise;
  }
}

/** First bytes of the answer; empty when the tunnel was closed without one. */
async function firstAnswer(socket: Socket): Promise<Buffer> {
  return await new Promise((done) => {
    socket.once('data', done);
    socket.once('close', () => done(Buffer.alloc(0)));
    socket.once('end', () => done(Buffer.alloc(0)));
  });
}

const verdicts = () => house.audit().filter((line) => line['event.action'] === 'verdict');

describe('what a client says first in its tunnel', () => {
  it.each(cases)('$id $why', async (one) => {
    const before = verdicts().length;
    const reached = origin.applicationBytes();
    const { reply, socket } = await exchange(house.port, connectHead(`pin.test:${origin.port}`));
    expect(reply.status).toBe(200);
    const answering = firstAnswer(socket);
    socket.resume();
    const bytes = one.hello === undefined ? Buffer.from(one.raw ?? '', 'latin1') : helloBytes(one.hello);
    await send(socket, bytes, one.segment ?? bytes.length);
    const answer = await answering;
    const refused = answer.length === 0 || answer[0] === ALERT_RECORD;
    if (!refused) expect(answer[0]).toBe(HANDSHAKE_RECORD);
    if (one.expect.answer !== 'either') expect(refused).toBe(one.expect.answer === 'refused');
    socket.destroy();
    await eventually('a verdict line', () => verdicts().length > before);
    const line = verdicts().at(-1)!;
    expect(verdicts(), 'one verdict a tunnel').toHaveLength(before + 1);
    if (refused) {
      expect([one.expect.code].flat()).toContain(line['pinwarden.code']);
      expect(['block', 'error']).toContain(line['pinwarden.verdict']);
    } else expect(line['pinwarden.verdict']).toBe('allow');
    expect(origin.applicationBytes(), 'no application byte upstream').toBe(reached);
    expect(house.pids()).toEqual(pids);
  });
});

it('a client that says nothing is let go, and recorded', async () => {
  const before = verdicts().length;
  const { reply, socket } = await exchange(house.port, connectHead(`pin.test:${origin.port}`));
  expect(reply.status).toBe(200);
  socket.resume();
  await firstAnswer(socket);
  await eventually('a verdict line', () => verdicts().length > before);
  expect(verdicts().at(-1)?.['pinwarden.code']).toBe('hello.timeout');
  socket.destroy();
});

it('names from outside are escaped in the audit and absent from the metrics', async () => {
  const text = readFileSync(`${house.dir}/audit.ndjson`, 'latin1');
  const control = text.split('').filter((character) => character !== '\n' && character < ' ');
  expect(control).toEqual([]);
  const series = (await house.metrics()).series.join('\n');
  for (const word of ['evil', 'script', 'passwd']) expect(series).not.toContain(word);
});

it('nothing stays open', async () => {
  await eventually('upstream sockets are closed', () => origin.open() === 0);
});
