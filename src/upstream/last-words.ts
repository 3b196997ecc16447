/**
 * The last words of an upstream: what it said before it broke the connection off.
 *
 * An upstream may answer before it has read everything (401, 413) and close. Its kernel then resets the connection for
 * what was left unread, and our next write fails while the answer lies in ours, not read yet. Node destroys a socket
 * whose write fails, and with it the answer.
 *
 * Does: hold the failure of such a write back until all that had come is read. Until then the write is neither done nor
 * failed: whoever writes is held back, and nothing more is taken for a socket that will not send it.
 * Does not: call such an end orderly. After a reset the kernel says end of file, which would make a part look whole.
 * The caller must: read the socket by `data` (relay, node:http) once it writes, have an error listener on it, and limit
 * how long a reader may stay away.
 */
import type { Socket } from 'node:net';

/** How a write fails when the other side has gone. */
const GONE: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ECONNRESET']);

type Told = (error?: Error | null) => void;

/** For a TCP socket or a TLSSocket; once for each. */
export function keepLastWords(socket: Socket): void {
  let fail: (() => void) | null = null;
  const patient =
    (told: Told): Told =>
    (error) => {
      const isGone = GONE.has((error as NodeJS.ErrnoException | null | undefined)?.code);
      if (!isGone || socket.readableEnded) {
        told(error);
        return;
      }
      fail = () => told(error);
      // It had ended in order before, and its reader is slower.
      socket.once('end', fail);
    };
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  const final = socket._final.bind(socket);
  const push = socket.push.bind(socket);
  socket._write = (chunk, encoding, told) => write(chunk, encoding, patient(told));
  if (writev !== undefined) socket._writev = (chunks, told) => writev(chunks, patient(told));
  socket._final = (told) => final(patient(told));
  socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk !== null || fail === null) return push(chunk, encoding);
    whenRead(socket, fail);
    return false;
  };
}

/** Now, or when a reader who was slower has taken what is left. */
function whenRead(socket: Socket, fail: () => void): void {
  const failWhenRead = (): void => {
    if (socket.readableLength > 0) return;
    socket.off('data', failWhenRead);
    fail();
  };
  failWhenRead();
  if (!socket.destroyed) socket.on('data', failWhenRead);
}
