/** Writes the bytes of ClientHellos part by part, so that any part can be wrong; and records what a real client sends. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { closeServer, listen } from '../support/sockets.ts';

export interface HelloSpec {
  readonly version?: number;
  readonly sessionId?: Buffer;
  readonly ciphers?: readonly number[] | Buffer;
  readonly compression?: Buffer;
  readonly serverName?: string | Buffer;
  readonly alpn?: readonly string[];
  /** Added behind the others, as they are. */
  readonly extensions?: readonly (readonly [type: number, content: Buffer])[];
  /** The whole extensions block as it is; null: none at all. */
  readonly block?: Buffer | null;
  /** Behind everything, inside the message. */
  readonly tail?: Buffer;
}

export function vector(size: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const length = Buffer.alloc(size);
  length.writeUIntBE(content.length, 0, size);
  return Buffer.concat([length, content]);
}

export function uint16(...values: readonly number[]): Buffer {
  return Buffer.concat(values.map((value) => Buffer.from([value >> 8, value & 0xff])));
}

export function serverNameExtension(name: string | Buffer): Buffer {
  return vector(2, Buffer.from([0]), vector(2, Buffer.isBuffer(name) ? name : Buffer.from(name, 'latin1')));
}

export function alpnExtension(names: readonly string[]): Buffer {
  return vector(2, ...names.map((name) => vector(1, Buffer.from(name, 'latin1'))));
}

function extensionsOf(spec: HelloSpec): Buffer {
  const list: (readonly [number, Buffer])[] = [];
  if (spec.serverName !== undefined) list.push([0, serverNameExtension(spec.serverName)]);
  if (spec.alpn !== undefined) list.push([16, alpnExtension(spec.alpn)]);
  list.push(...(spec.extensions ?? []));
  return vector(2, ...list.map(([type, content]) => Buffer.concat([uint16(type), vector(2, content)])));
}

/** The body of a ClientHello, without message or record header. */
export function helloBody(spec: HelloSpec = {}): Buffer {
  const ciphers = spec.ciphers ?? [0x1301, 0xc02b];
  return Buffer.concat([
    uint16(spec.version ?? 0x0303),
    Buffer.alloc(32, 7),
    vector(1, spec.sessionId ?? Buffer.alloc(0)),
    vector(2, Buffer.isBuffer(ciphers) ? ciphers : uint16(...(ciphers as readonly number[]))),
    vector(1, spec.compression ?? Buffer.from([0])),
    ...(spec.block === null ? [] : [spec.block ?? extensionsOf(spec)]),
    spec.tail ?? Buffer.alloc(0),
  ]);
}

export function helloMessage(spec: HelloSpec = {}): Buffer {
  return Buffer.concat([Buffer.from([1]), vector(3, helloBody(spec))]);
}

/** One record; `type` 22 is handshake. */
export function record(content: Uint8Array, type = 22): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 1]), vector(2, content)]);
}

/** The message in records of at most `size` bytes. */
export function records(message: Buffer, size = 16_384): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) parts.push(record(message.subarray(at, at + size)));
  return Buffer.concat(parts);
}

export function hello(spec: HelloSpec = {}): Buffer {
  return records(helloMessage(spec));
}

/** The first flight of the TLS client of this runtime. */
export async function realHello(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer();
  const port = await listen(server);
  const client = connect({ host: '127.0.0.1', port, ...options });
  client.on('error', () => undefined);
  const [socket] = await once(server, 'connection');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    const all = Buffer.concat(chunks);
    if (all.length >= 5 && all.length >= 5 + all.readUInt16BE(3)) break;
  }
  client.destroy();
  await closeServer(server);
  return Buffer.concat(chunks);
}
