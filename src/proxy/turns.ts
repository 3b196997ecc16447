/**
 * Turns: the requests of one client connection, one after the other.
 *
 * Does: start the next one when the one before is over, since node:http hands over pipelined requests at once and an
 * answer that closes the connection must be the last thing that is done for it.
 * Does not: answer anybody.
 * The caller must: end the connection when `take` refuses.
 */
import type { Socket } from 'node:net';
import { PIPELINE_MAX } from './limits.ts';

export interface Turns {
  /** False: too many wait already; `serve` will never be called. Nor is it when the connection ends before its turn. */
  take(socket: Socket, serve: () => Promise<void>): boolean;
  /** Whether a request is being served. */
  busy(socket: Socket): boolean;
}

interface Queue {
  readonly waiting: (() => Promise<void>)[];
  serving: boolean;
}

/** @param max requests that may wait behind the one that is served. */
export function createTurns(max: number = PIPELINE_MAX): Turns {
  const queues = new WeakMap<Socket, Queue>();
  return {
    take(socket, serve) {
      const queue = queues.get(socket) ?? { waiting: [], serving: false };
      queues.set(socket, queue);
      if (queue.waiting.length >= max) return false;
      queue.waiting.push(serve);
      if (!queue.serving) void work(socket, queue);
      return true;
    },
    busy: (socket) => queues.get(socket)?.serving ?? false,
  };
}

async function work(socket: Socket, queue: Queue): Promise<void> {
  queue.serving = true;
  for (let next = queue.waiting.shift(); next !== undefined; next = queue.waiting.shift()) {
    if (socket.destroyed || socket.writableEnded) break;
    await next();
  }
  queue.waiting.length = 0;
  queue.serving = false;
}
