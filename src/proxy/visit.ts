/**
 * A visit: the passage of one CONNECT, which owns the client's socket until a lane takes it.
 *
 * Does: listen for the client's first bytes and for its departure.
 * Does not: know the order of the steps (connect.ts).
 * The caller must: call `close` on every way out.
 */
import type { Socket } from 'node:net';
import { type FirstBytes, listenForHello } from './hello.ts';
import type { House } from './house.ts';
import { Passage } from './passage.ts';

export class Visit extends Passage {
  readonly socket: Socket;
  readonly firstBytes: FirstBytes;
  /** The 200 is out: what is refused from now on is refused in the tunnel. */
  answered = false;

  constructor(house: House, socket: Socket, head: Buffer, rawHeaders: readonly string[]) {
    super(house, socket, rawHeaders);
    this.socket = socket;
    socket.once('close', this.#onGone);
    // An end before a hello: nobody waits for an answer. With a hello put back into the socket it is not emitted.
    socket.once('end', this.#onGone);
    this.firstBytes = listenForHello(socket, head);
    if (socket.destroyed) this.#onGone();
  }

  readonly #onGone = (): void => this.leave();

  /** From here on a lane owns the client's socket: an end is half-close and no longer a departure. */
  handOver(): void {
    this.firstBytes.release();
    this.socket.off('close', this.#onGone).off('end', this.#onGone);
    this.opening?.leave();
  }

  override close(): void {
    this.handOver();
    super.close();
  }
}
