/**
 * The last words of an upstream: what it said before it broke the connection off.
 *
 * An upstream may answer before it has read everything (401, 413) and close. Its kernel then resets the connection for
 * what was left unread, and our next write fails while the answer lies in ours, not read yet. Node destroys a socket
 * whose write fails, and with it the answer.
 *
 * Does: take a failed write as the end of writing only, throw away what is still to be sent, and let the socket end with
 * that failure when all that had come is read.
 * Does not: call such an end orderly. After a reset the kernel says end of file, which would make a part look whole.
 * The caller must: read the socket by `data` (relay, node:http) once it writes, and have an error listener on it.
 */
import type { Socket } from 'node:net';

/** How a write fails when the other side has gone. */
const GONE: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ECONNRESET']);

type Told = (error?: Error | null) => void;

/** For a TCP socket or a TLSSocket; once for each. */
export function keepLastWords(socket: Socket): void {
  let broken: Error | null = null;
  const forgiving =
    (told: Told): Told =>
    (error) => {
      if (!GONE.has((error as NodeJS.ErrnoException | null | undefined)?.code)) {
        told(error);
        return;
      }
      broken ??= error ?? null;
      told();
    };
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  const final = socket._final.bind(socket);
  const push = socket.push.bind(socket);
  socket._write = (chunk, encoding, told) => {
    if (broken === null) write(chunk, encoding, forgiving(told));
    else told();
  };
  if (writev !== undefined) {
    socket._writev = (chunks, told) => {
      if (broken === null) writev(chunks, forgiving(told));
      else told();
    };
  }
  socket._final = (told) => {
    if (broken === null) final(forgiving(told));
    else told();
  };
  socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk !== null || broken === null) return push(chunk, encoding);
    endBroken(socket, broken);
    return false;
  };
}

/** Now, or when a reader who was slower has taken what is left. */
function endBroken(socket: Socket, broken: Error): void {
  const endWhenRead = (): void => {
    if (socket.readableLength === 0) socket.destroy(broken);
  };
  endWhenRead();
  if (!socket.destroyed) socket.on('data', endWhenRead);
}
