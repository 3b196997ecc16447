/**
 * The relay: bytes both ways between two connections, unread and unchanged.
 *
 * Does: backpressure (a slow reader pauses its writer), half-close (an end is passed on, the other way stays open),
 * byte counts, an idle and a half-close limit, and the end of both sides when one breaks.
 * Does not: know policy. Nothing may reach it without a Permit; the lanes that call it hold one.
 * The caller must: pass paused connections made with `allowHalfOpen`, with an error listener on each that stays.
 */
import type { Socket } from 'node:net';
import type { CloseReason } from '../../observe/recorder.ts';

export interface RelayOptions {
  /** No byte either way for so long ends the relay. */
  readonly idleTimeoutMs: number;
  /** One side has ended, and the other neither follows nor sends. */
  readonly halfCloseTimeoutMs: number;
  /** Ends the relay at once; its `reason` is a CloseReason. */
  readonly cut: AbortSignal;
  /** Told each chunk that passes, in bytes. */
  readonly onBytes?: (direction: 'up' | 'down', count: number) => void;
  /** Looks at the first bytes from the client until it lets go (bypass). */
  readonly guard?: Guard;
}

/**
 * Decides on the client's first bytes before any of them is sent: `hold` asks for more, `pass` sends all that was held
 * and is not asked again, `cut` sends nothing and ends the relay.
 */
export interface Guard {
  push(chunk: Buffer): 'hold' | 'pass' | 'cut';
}

export interface Relayed {
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Who or what ended it: of two orderly ends the first. */
  readonly reason: CloseReason;
  /** What broke, when something did; a Node error code, never a peer's text. */
  readonly errorCode: string | null;
}

type Side = 'client' | 'upstream';

/** Relays until both sides are closed. Never rejects; destroys both connections before it answers. */
export function relay(client: Socket, upstream: Socket, options: RelayOptions): Promise<Relayed> {
  return new Promise((resolve) => {
    // The relay keeps itself alive through its sockets and timers.
    void new Relay(client, upstream, options, resolve);
  });
}

/** One relay. A class, because both ways, two timers and the cut share its end. */
class Relay {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #options: RelayOptions;
  readonly #answer: (relayed: Relayed) => void;
  readonly #idle: NodeJS.Timeout;
  #halfClosed: NodeJS.Timeout | undefined;
  #bytesUp = 0;
  #bytesDown = 0;
  #reason: CloseReason | null = null;
  #errorCode: string | null = null;
  #open = 2;

  constructor(client: Socket, upstream: Socket, options: RelayOptions, answer: (relayed: Relayed) => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#options = options;
    this.#answer = answer;
    this.#idle = setTimeout(() => this.#finish('idle'), options.idleTimeoutMs);
    options.cut.addEventListener('abort', this.#onCut);
    this.#pump(client, upstream, 'client', options.guard);
    this.#pump(upstream, client, 'upstream', undefined);
    if (options.cut.aborted) this.#onCut();
    client.resume();
    upstream.resume();
  }

  readonly #onCut = (): void => this.#finish(this.#options.cut.reason as CloseReason);

  /** Ends both sides at once. The first reason stands. */
  #finish(why: CloseReason): void {
    this.#reason ??= why;
    this.#client.destroy();
    this.#upstream.destroy();
  }

  /** One way: bytes, the end, and a break. */
  #pump(from: Socket, to: Socket, side: Side, guard: Guard | undefined): void {
    const send = (chunk: Buffer): void => {
      this.#count(side, chunk.length);
      if (!to.write(chunk)) from.pause();
    };
    from.on('data', guard === undefined ? send : this.#guarded(guard, send));
    to.on('drain', () => from.resume());
    from.on('error', (error: NodeJS.ErrnoException) => {
      this.#errorCode ??= error.code ?? 'UNKNOWN';
      this.#finish('error');
    });
    // A side that ended or closed before we listened does not say so again: a paused one with nothing to read does.
    if (from.readableEnded) this.#passEnd(to, side);
    else from.once('end', () => this.#passEnd(to, side));
    if (from.closed) this.#onClose(from);
    else from.once('close', () => this.#onClose(from));
  }

  /** Bytes that a guard still holds were never judged: they go with the relay. */
  #guarded(guard: Guard, send: (chunk: Buffer) => void): (chunk: Buffer) => void {
    let watching = true;
    const held: Buffer[] = [];
    return (chunk) => {
      if (!watching) {
        send(chunk);
        return;
      }
      held.push(chunk);
      const word = guard.push(chunk);
      watching = word === 'hold';
      if (word === 'cut') this.#finish('refused');
      else if (word === 'pass') for (const part of held.splice(0)) send(part);
    };
  }

  #count(side: Side, length: number): void {
    this.#idle.refresh();
    // What has ended one way may still carry a long answer the other way.
    this.#halfClosed?.refresh();
    if (side === 'client') this.#bytesUp += length;
    else this.#bytesDown += length;
    this.#options.onBytes?.(side === 'client' ? 'up' : 'down', length);
  }

  #passEnd(to: Socket, side: Side): void {
    this.#reason ??= side;
    if (!to.destroyed && !to.writableEnded) to.end();
    this.#halfClosed ??= setTimeout(() => this.#finish(side), this.#options.halfCloseTimeoutMs);
  }

  #onClose(socket: Socket): void {
    // A close without an end, or before what we wrote was taken, is a break: the other side must not wait for more.
    if (!socket.readableEnded || !socket.writableFinished) this.#finish(this.#reason ?? 'error');
    this.#open -= 1;
    if (this.#open > 0) return;
    clearTimeout(this.#idle);
    clearTimeout(this.#halfClosed);
    this.#options.cut.removeEventListener('abort', this.#onCut);
    this.#answer({
      bytesUp: this.#bytesUp,
      bytesDown: this.#bytesDown,
      reason: this.#reason ?? 'error',
      errorCode: this.#errorCode,
    });
  }
}
