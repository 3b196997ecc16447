/** A plain HTTP upstream by hand: it answers any bytes, ends as it is told, and keeps what it was sent. */
import { createServer, type Socket } from 'node:net';
import { closeServer, listen, track } from './sockets.ts';

export interface RawOrigin {
  readonly port: number;
  /** What came over each connection, latin1, in the order of the connections. */
  readonly received: readonly string[];
  connections(): number;
  /** Sockets open right now. */
  open(): number;
  close(): Promise<void>;
}

/** Called once a head is complete, with all that has come so far over this connection. */
export type Answering = (socket: Socket, text: string) => void;

export async function rawOrigin(serve: Answering): Promise<RawOrigin> {
  const open = new Set<Socket>();
  const received: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    track(open, socket);
    socket.once('end', () => socket.end());
    const index = received.push('') - 1;
    let served = false;
    socket.on('data', (chunk: Buffer) => {
      received[index] += chunk.toString('latin1');
      if (served || !received[index]?.includes('\r\n\r\n')) return;
      served = true;
      serve(socket, received[index] ?? '');
    });
  });
  return {
    port: await listen(server),
    received,
    connections: () => received.length,
    open: () => open.size,
    close: async () => await closeServer(server, open),
  };
}

/** Always the same bytes, and the connection stays open. */
export function answers(text: string): Answering {
  return (socket) => socket.write(text, 'latin1');
}

/** Bytes, and then an end or a reset that comes behind them. */
export function answersAndEnds(text: string, how: 'fin' | 'reset'): Answering {
  return (socket) => {
    if (how === 'fin') socket.end(text, 'latin1');
    // The kernel must have sent the bytes, or the reset overtakes them.
    else socket.write(text, 'latin1', () => setTimeout(() => socket.resetAndDestroy(), 20));
  };
}
