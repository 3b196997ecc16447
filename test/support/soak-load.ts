/**
 * A bounded crowd of clients that behave well and badly at once: tunnels with bytes that are compared, half-closes,
 * hosts that must stay blocked, clients that go at any moment, garbage, pipelined plain requests. The seed decides who
 * does what; only the moments are the machine's.
 *
 * A fault is told with what the client saw. What broke while a worker was killed is the killer's, and not told.
 */
import { hash, randomBytes } from 'node:crypto';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { connectHead, connectTo, openTunnel } from './client.ts';
import type { Reachable } from './house.ts';
import { bytesDigest } from './origins.ts';
import { plainHead, RawClient } from './raw-client.ts';
import { dialLocal } from './sockets.ts';

export interface SoakWorld {
  /** Of the proxy. */
  readonly port: number;
  readonly ca: Buffer;
  /** Echo what they are sent. */
  readonly echoes: readonly Reachable[];
  readonly blocked: readonly Reachable[];
  /** As `plainOrigin` answers. */
  readonly plain: Reachable;
  /** Whether a worker was killed since this moment of `performance.now()`. */
  readonly killedSince: (startedMs: number) => boolean;
}

export interface SoakCounts {
  readonly tasks: Map<string, number>;
  readonly faults: string[];
}

export type Random = () => number;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}

/** What a client saw wrong; null: all is as it must be. */
type Task = (world: SoakWorld, random: Random) => Promise<string | null>;

const TASKS: Readonly<Record<string, Task>> = { echo, halfClose, blocked, leave, garbage, wrongName, pipeline };
const PAUSE_MAX_MS = 150;
const WHOLE_MS = 30_000;

/** `clients` of them at a time, for `durationMs`; ends when the last one has ended. */
export async function runSoakLoad(
  world: SoakWorld,
  random: Random,
  clients: number,
  durationMs: number,
  counts: SoakCounts,
): Promise<void> {
  const until = performance.now() + durationMs;
  const client = async () => {
    while (performance.now() < until) {
      const [name, task] = pick(random, Object.entries(TASKS));
      const startedMs = performance.now();
      const fault = await task(world, random).catch((thrown: unknown) => String(thrown));
      counts.tasks.set(name, (counts.tasks.get(name) ?? 0) + 1);
      if (fault !== null && !world.killedSince(startedMs)) counts.faults.push(`${name}: ${fault}`);
      await pause(random() * PAUSE_MAX_MS);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

async function pause(durationMs: number): Promise<void> {
  await new Promise((done) => setTimeout(done, durationMs));
}

const authorityOf = ({ host, port }: Reachable) => `${host}:${port}`;

async function echo({ port, ca, echoes }: SoakWorld, random: Random): Promise<string | null> {
  const host = pick(random, echoes);
  const { secured, raw } = await openTunnel(port, authorityOf(host), { ca });
  const message = randomBytes(1 + Math.floor(random() * 200_000));
  const fault = await compared(secured, message, () => secured.write(message));
  if (random() < 0.5) raw.resetAndDestroy();
  else secured.destroy();
  return fault === null ? null : `${host.host}: ${fault}`;
}

/** Ends its half at once; all must come back, and then the end. */
async function halfClose({ port, ca, echoes }: SoakWorld, random: Random): Promise<string | null> {
  const host = pick(random, echoes);
  const { secured } = await openTunnel(port, authorityOf(host), { ca, allowHalfOpen: true } as { ca: Buffer });
  const message = randomBytes(1 + Math.floor(random() * 50_000));
  const fault = await compared(secured, message, () => secured.end(message));
  secured.destroy();
  return fault === null ? null : `${host.host}: ${fault}`;
}

/** Null when exactly `message` comes back. */
async function compared(socket: TLSSocket, message: Buffer, send: () => void): Promise<string | null> {
  const parts: Buffer[] = [];
  let length = 0;
  const done = Promise.withResolvers<void>();
  const late = setTimeout(done.resolve, WHOLE_MS);
  socket.on('error', () => done.resolve()).once('close', () => done.resolve());
  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk);
    length += chunk.length;
    if (length >= message.length) done.resolve();
  });
  send();
  await done.promise;
  clearTimeout(late);
  if (Buffer.concat(parts).equals(message)) return null;
  return length < message.length ? `${length} of ${message.length} bytes came back` : 'other bytes came back';
}

async function blocked({ port, blocked: hosts }: SoakWorld, random: Random): Promise<string | null> {
  const host = pick(random, hosts);
  const { reply, socket } = await connectTo(port, authorityOf(host));
  socket.destroy();
  return reply.status >= 500 ? null : `${host.host} was answered ${reply.status}`;
}

/** Goes before the 200, within the hello, or right after it. */
async function leave({ port, echoes, blocked: hosts }: SoakWorld, random: Random): Promise<null> {
  const { host, port: hostPort } = pick(random, [...echoes, ...hosts]);
  const head = connectHead(`${host}:${hostPort}`);
  const socket = dialLocal(port).on('error', () => undefined);
  const part = random() < 0.3 ? head.slice(0, Math.floor(random() * head.length)) : head;
  socket.write(part);
  if (part === head && random() < 0.5) {
    await pause(random() * 30);
    tlsConnect({ socket, servername: host }).on('error', () => undefined);
  }
  await pause(random() * 40);
  if (random() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
  return null;
}

async function garbage({ port, plain }: SoakWorld, random: Random): Promise<string | null> {
  const text = pick(random, [
    randomBytes(1 + Math.floor(random() * 2000)).toString('latin1'),
    'CONNECT  HTTP/1.1\r\n\r\n',
    `GET http://${authorityOf(plain)}/ HTTP/1.1\r\nHost: other.test\r\n\r\n`,
    `POST http://${authorityOf(plain)}/ HTTP/1.1\r\nHost: ${authorityOf(plain)}\r\nContent-Length: 1, 2\r\n\r\nab`,
  ]);
  const client = new RawClient(port).send(`${text}\r\n\r\n`);
  await client.end(1000);
  return client.has('HTTP/1.1 2')
    ? `${JSON.stringify(text.slice(0, 60))} was answered ${client.statuses().join()}`
    : null;
}

async function wrongName({ port, ca, echoes }: SoakWorld, random: Random): Promise<string | null> {
  const options = { ca, servername: 'elsewhere.test', checkServerIdentity: () => undefined };
  const opened = await openTunnel(port, authorityOf(pick(random, echoes)), options).catch(() => null);
  opened?.secured.destroy();
  return opened === null ? null : 'a tunnel to another name was opened';
}

/** Requests behind each other on one connection, the last one with `close`; the digest is that of all answers. */
async function pipeline({ port, plain }: SoakWorld, random: Random): Promise<string | null> {
  const sizes = Array.from({ length: 1 + Math.floor(random() * 5) }, () => Math.floor(random() * 30_000));
  const asked = sizes.map((size) => plainHead(`GET /bytes/${size}`, authorityOf(plain)));
  const last = plainHead('GET /', authorityOf(plain), 'Connection: close');
  const client = new RawClient(port).send(asked.join('') + last);
  await client.end(WHOLE_MS);
  const bodies = client.text.split(/HTTP\/1\.1 200 [\s\S]*?\r\n\r\n/).slice(1);
  const lengths = bodies.map((body) => body.length);
  if (lengths.length !== sizes.length + 1) return `${lengths.length - 1} of ${sizes.length} answers`;
  const wrong = sizes.find((size, index) => digestOf(bodies[index] ?? '') !== bytesDigest(size));
  return wrong === undefined ? null : `the answer of ${wrong} bytes has ${lengths.join()} bytes`;
}

function digestOf(body: string): string {
  return hash('sha256', Buffer.from(body, 'latin1'), 'hex');
}
