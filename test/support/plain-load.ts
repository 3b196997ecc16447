/**
 * A bounded load of plain requests through the proxy: some clients at a time, each sending its requests over
 * connections that carry `perConnection` of them; 1 means a connection each.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { plainHead } from './raw-client.ts';
import { dialLocal } from './sockets.ts';

export interface PlainLoad {
  readonly port: number;
  readonly authority: string;
  readonly requests: number;
  /** Connections at a time. */
  readonly clients: number;
  /** Requests over one connection; the last one says `Connection: close`. */
  readonly perConnection: (connection: number) => number;
}

/** Answers how many were answered whole with 200. Rejects when a connection breaks. */
export async function runPlainLoad(load: PlainLoad): Promise<number> {
  let left = load.requests;
  let connections = 0;
  let good = 0;
  const client = async () => {
    while (left > 0) {
      const count = Math.min(left, load.perConnection(connections));
      connections += 1;
      left -= count;
      // Not `good += await`: it would add to what was there before the wait.
      const answered = await oneConnection(load, count);
      good += answered;
    }
  };
  await Promise.all(Array.from({ length: load.clients }, client));
  return good;
}

async function oneConnection({ port, authority }: PlainLoad, count: number): Promise<number> {
  const socket = dialLocal(port);
  const broken = Promise.withResolvers<never>();
  socket.on('error', (error) => broken.reject(error));
  broken.promise.catch(() => undefined);
  let good = 0;
  for (let index = 0; index < count; index += 1) {
    const last = index === count - 1;
    socket.write(plainHead(`GET /${index}`, authority, ...(last ? ['Connection: close'] : [])));
    const text = await Promise.race([answerOf(socket), broken.promise]);
    if (text.startsWith('HTTP/1.1 200 ')) good += 1;
  }
  if (!socket.closed) await once(socket, 'close');
  return good;
}

/** One response with a Content-Length. */
function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      socket.off('data', onData).off('end', onEnd);
      resolve(text);
    };
    const onEnd = () => reject(new Error(`the connection ended behind ${JSON.stringify(text)}`));
    socket.on('data', onData);
    socket.once('end', onEnd);
  });
}
