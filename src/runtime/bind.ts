/**
 * Binding without accepting. The supervisor binds each address once and keeps the socket; every worker inherits its
 * descriptor, listens on it and accepts from it. While the supervisor lives the socket lives: when a worker dies, the
 * kernel keeps queueing connections for the others or for its successor.
 *
 * A second instance fails loudly: on an address where somebody listens the bind fails here; when two instances have
 * bound at the same moment and neither listens yet (Linux allows that under SO_REUSEADDR), the second `listen` fails
 * in its worker, which the supervisor treats as fatal at start.
 *
 * Measured against SO_REUSEPORT in each worker: the same cost of an accept, but no connections lost in the queue of a
 * worker that stalls, and no two instances sharing a port in silence.
 */
import { BoundSocket } from 'node:net';
import type { ListenAddress } from '../policy/config.ts';

export interface Bound {
  /** As bound: the port is the real one when 0 was asked for. */
  readonly address: string;
  readonly port: number;
  /** Descriptor that workers inherit. It belongs to this value. */
  readonly fd: number;
  /** Later calls do nothing. Workers that have the descriptor keep the socket. */
  close(): void;
}

/** An address that cannot be bound; `message` is for the operator. */
export class BindError extends Error {
  constructor(listen: ListenAddress, cause: unknown) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    const hint = HINTS[why] ?? 'check listen: in the configuration';
    super(`cannot listen on ${printListen(listen)}: ${why}; ${hint}`, { cause });
    this.name = 'BindError';
  }
}

const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'ports below 1024 need CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'this machine does not have that address',
};

/** @throws BindError */
export function bindAddress(listen: ListenAddress): Bound {
  try {
    const socket = new BoundSocket({ host: listen.address, port: listen.port });
    const { address, port } = socket.address();
    let open = true;
    return {
      address,
      port,
      fd: socket.fd(),
      close() {
        if (open) socket.close();
        open = false;
      },
    };
  } catch (thrown) {
    throw new BindError(listen, thrown);
  }
}

/** `address:port`, with brackets around IPv6. */
export function printListen({ address, port }: ListenAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
