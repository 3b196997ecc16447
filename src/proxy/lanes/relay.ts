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
  /** One side has ended and the other does not follow. */
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
    let bytesUp = 0;
    let bytesDown = 0;
    let reason: CloseReason | null = null;
    let errorCode: string | null = null;
    let open = 2;
    const idle = setTimeout(() => finish('idle'), options.idleTimeoutMs);
    let halfClosed: NodeJS.Timeout | null = null;

    /** Ends both sides at once. The first reason stands. */
    function finish(why: CloseReason): void {
      reason ??= why;
      client.destroy();
      upstream.destroy();
    }

    /** One way. Names what it does to the other way in `ended` and `closed` below. */
    function pump(from: Socket, to: Socket, side: Side, guard: Guard | undefined): void {
      let watching = guard;
      const held: Buffer[] = [];
      const send = (chunk: Buffer): void => {
        if (!to.write(chunk)) from.pause();
      };
      from.on('data', (chunk: Buffer) => {
        idle.refresh();
        if (side === 'client') bytesUp += chunk.length;
        else bytesDown += chunk.length;
        options.onBytes?.(side === 'client' ? 'up' : 'down', chunk.length);
        if (watching === undefined) {
          send(chunk);
          return;
        }
        held.push(chunk);
        const word = watching.push(chunk);
        if (word === 'hold') return;
        watching = undefined;
        if (word === 'cut') finish('refused');
        else for (const part of held.splice(0)) send(part);
      });
      to.on('drain', () => from.resume());
      const passEnd = (): void => {
        reason ??= side;
        // Bytes that the guard still holds were never judged: they are dropped with the end.
        if (!to.destroyed && !to.writableEnded) to.end();
        halfClosed ??= setTimeout(() => finish(side), options.halfCloseTimeoutMs);
      };
      // A side that ended before we listened does not say so again, and a paused one with nothing to read does end.
      if (from.readableEnded) passEnd();
      else from.once('end', passEnd);
      from.on('error', (error: NodeJS.ErrnoException) => {
        errorCode ??= error.code ?? 'UNKNOWN';
        finish('error');
      });
      from.on('close', () => {
        // A close without an end, or before what we wrote was taken, is a break: the other side must not wait for more.
        if (!from.readableEnded || !from.writableFinished) finish(reason ?? 'error');
        open -= 1;
        if (open === 0) settle();
      });
    }

    function settle(): void {
      clearTimeout(idle);
      if (halfClosed !== null) clearTimeout(halfClosed);
      options.cut.removeEventListener('abort', cutNow);
      resolve({ bytesUp, bytesDown, reason: reason ?? 'error', errorCode });
    }

    function cutNow(): void {
      finish(options.cut.reason as CloseReason);
    }

    // A side that closed before we came emits nothing any more.
    if (client.closed || upstream.closed || options.cut.aborted) {
      reason = options.cut.aborted ? (options.cut.reason as CloseReason) : 'error';
      open = Number(!client.closed) + Number(!upstream.closed);
      if (open === 0) return settle();
    }
    options.cut.addEventListener('abort', cutNow);
    pump(client, upstream, 'client', options.guard);
    pump(upstream, client, 'upstream', undefined);
    if (reason !== null) finish(reason);
    client.resume();
    upstream.resume();
  });
}
