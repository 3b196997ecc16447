/**
 * Listens to the first bytes that a client sends into its tunnel, from the moment of the CONNECT.
 *
 * Does: collect them until it is clear whether they are a ClientHello, then put every byte back into the socket, which
 * stays paused; whoever reads it next sees the tunnel from its first byte.
 * Does not: judge the hello beyond its server name, or answer the client.
 * The caller must: end it with `release` when it stops waiting, and not read the socket before that.
 */
import type { Socket } from 'node:net';
import type { Authority } from '../model/authority.ts';
import { Problem } from '../model/problem.ts';
import { ClientHelloReader, type HelloReading } from '../wire/client-hello.ts';
import type { ClientHello } from '../wire/hello-body.ts';

/** What the first bytes are, once that is clear. */
export type FirstWord = Exclude<HelloReading, { kind: 'need-more' }>;

export interface FirstBytes {
  /** Null: not clear yet. */
  now(): FirstWord | null;
  /**
   * Waits until it is clear.
   * @throws Problem `hello.timeout`, or the reason of the aborted signal.
   */
  wait(timeoutMs: number, signal: AbortSignal): Promise<FirstWord>;
  /** Stops listening and puts back what was taken. Safe to call twice. */
  release(): void;
}

/** @param head the bytes that came behind the CONNECT in the same read. */
export function listenForHello(socket: Socket, head: Buffer): FirstBytes {
  const reader = new ClientHelloReader();
  const clear = Promise.withResolvers<FirstWord>();
  let word: FirstWord | null = null;
  let listening = true;

  function feed(chunk: Buffer): void {
    const reading = reader.feed(chunk);
    if (reading.kind === 'need-more') return;
    word = reading;
    release();
    clear.resolve(reading);
  }

  function release(): void {
    if (!listening) return;
    listening = false;
    socket.off('data', feed);
    socket.pause();
    const taken = reader.bytes();
    if (taken.length > 0 && !socket.readableEnded && !socket.destroyed) socket.unshift(taken);
  }

  if (head.length > 0) feed(head);
  if (listening) socket.on('data', feed).resume();
  return {
    now: () => word,
    release,
    wait: (timeoutMs, signal) => (word === null ? within(clear.promise, timeoutMs, signal) : Promise.resolve(word)),
  };
}

async function within<T>(promise: Promise<T>, timeoutMs: number, signal: AbortSignal): Promise<T> {
  const other = Promise.withResolvers<never>();
  const timer = setTimeout(() => other.reject(new Problem('hello.timeout', 'client')), timeoutMs);
  const onAbort = (): void => other.reject(signal.reason as Problem);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, other.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** The hello, or the Problem that says why there is none: `hello.not-tls`, `hello.malformed`, `hello.too-large`. */
export function helloOf(word: FirstWord): ClientHello {
  switch (word.kind) {
    case 'hello':
      return word.hello;
    case 'not-tls':
      throw new Problem('hello.not-tls', 'client');
    case 'too-large':
      throw new Problem('hello.too-large', 'client');
    case 'malformed':
      throw new Problem('hello.malformed', 'client', { why: word.why });
  }
}

/**
 * Whether the hello speaks of the host that was asked for; null: it does. A name must be sent and be the same; for an
 * address none is sent (RFC 6066 §3 allows names only), and one that is sent must be the same.
 */
export function serverNameProblem(hello: ClientHello, authority: Authority): Problem | null {
  // The old draft hides the real name behind one we cannot hold the client to (GREASE ECH is harmless and stays).
  if (hello.hasEsni) return new Problem('sni.mismatch', 'client', { why: 'esni' });
  if (hello.serverName === null) {
    return authority.kind === 'name' ? new Problem('sni.missing', 'client') : null;
  }
  if (hello.serverName === authority.host) return null;
  return new Problem('sni.mismatch', 'client', { serverName: hello.serverName });
}
