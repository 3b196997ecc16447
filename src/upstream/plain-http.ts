/**
 * Whether an upstream whose first bytes were no TLS speaks plain HTTP, so that the client can be told how to ask.
 *
 * Does: one more connection, on which nothing of the client is sent: a TLS alert and an empty line, and five bytes are
 * read. OpenSSL does not show the bytes that it gave up on.
 * Does not: use the answer for anything but words.
 * The caller must: ask only after a handshake has failed, with addresses that were permitted.
 */
import type { Socket } from 'node:net';
import { ALERT, fatalAlert } from '../wire/alerts.ts';
import { dial } from './dial.ts';

export interface PlainHttpAsk {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly dialTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** The client waits for the refusal meanwhile; a server that refuses garbage does it at once. */
const ANSWER_MS = 1_000;
const STATUS_LINE = Buffer.from('HTTP/');
/** No server takes it for a request, and one that reads lines has one. */
const NO_REQUEST = Buffer.concat([fatalAlert(ALERT.internalError), Buffer.from('\r\n\r\n')]);

/** Never rejects; false when it is not HTTP, or nobody knows. */
export async function answersInPlainHttp({ addresses, port, dialTimeoutMs, signal }: PlainHttpAsk): Promise<boolean> {
  try {
    const { socket } = await dial(addresses, port, { timeoutMs: dialTimeoutMs, signal });
    const first = await firstBytes(socket, signal);
    socket.destroy();
    return first.equals(STATUS_LINE);
  } catch {
    return false;
  }
}

function firstBytes(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      socket.off('data', onData).off('close', end).off('end', end);
      resolve(bytes.subarray(0, STATUS_LINE.length));
    };
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk.subarray(0, STATUS_LINE.length)]);
      if (bytes.length >= STATUS_LINE.length) end();
    };
    const timer = setTimeout(end, ANSWER_MS);
    signal.addEventListener('abort', end, { once: true });
    socket.on('data', onData).once('close', end).once('end', end);
    socket.write(NO_REQUEST);
  });
}
