/** Another HTTP proxy: opens tunnels to a fixed address, or answers as a test says. */
import { createServer, type Server, type Socket } from 'node:net';
import { closeServer, dialLocal, listen, track } from './sockets.ts';

export interface OtherProxy {
  readonly port: number;
  /** Request lines so far. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** `to`: the port of 127.0.0.1 that every tunnel leads to, or what is sent instead of an answer. */
export async function otherProxy(to: number | string): Promise<OtherProxy> {
  const open = new Set<Socket>();
  const asked: string[] = [];
  const server: Server = createServer((socket) => {
    track(open, socket);
    socket.once('data', (chunk: Buffer) => {
      asked.push(chunk.toString('latin1').split('\r\n', 1)[0] ?? '');
      if (typeof to === 'string') {
        if (to === '') socket.end();
        else socket.write(to);
        return;
      }
      const through = track(open, dialLocal(to));
      through.once('connect', () => {
        // In two pieces, as networks do.
        socket.write('HTTP/1.1 200 Connection esta');
        setImmediate(() => {
          socket.write('blished\r\n\r\n');
          through.pipe(socket);
          socket.pipe(through);
        });
      });
    });
  });
  return { port: await listen(server), asked, close: () => closeServer(server, open) };
}
