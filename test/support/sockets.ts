/** The few socket things that every test server needs: loopback only, port 0, closed for certain. */

import { once } from 'node:events';
import { connect, type Server, type Socket } from 'node:net';

/** Listens on a free port of 127.0.0.1 and answers it. */
export async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return portOf(server);
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return address.port;
}

export function dialLocal(port: number): Socket {
  return connect({ host: '127.0.0.1', port });
}

/** Keeps `socket` in `open` while it lives and swallows its errors: the test asserts on what arrives, not on noise. */
export function track<T extends Socket>(open: Set<Socket>, socket: T): T {
  open.add(socket);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => open.delete(socket));
  return socket;
}

/** Destroys what is open and waits until the server has ended. */
export async function closeServer(server: Server, open: ReadonlySet<Socket> = new Set()): Promise<void> {
  for (const socket of open) socket.destroy();
  if (!server.listening) return;
  await new Promise<void>((done) => server.close(() => done()));
}

/** Resolves when `socket` is closed, by whom and how ever (`once` of node:events rejects on a reset). */
export async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((done) => socket.once('close', () => done()));
}

/** Resolves when `condition` holds; rejects with `what` after `withinMs`. For states that no event announces. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>, withinMs = 30_000) {
  const end = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
