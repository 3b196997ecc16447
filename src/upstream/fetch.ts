/**
 * Fetches one small file over plain HTTP, as CAs publish CRLs and issuers (RFC 5280 §8: HTTPS would ask for the very
 * certificates that are being looked for).
 *
 * Does: the same guard as for tunnels (resolve, judge every address, dial only those), one GET, bounded in bytes and
 * time. What comes back is signed, and its signature is what counts.
 * Does not: follow redirects, decompress, keep connections, send anything that tells who asks.
 * The caller must: never wait for it on the way to a verdict.
 */
import { request } from 'node:http';
import type { Authority } from '../model/authority.ts';
import { Problem } from '../model/problem.ts';
import { parseHost } from '../wire/authority.ts';
import { dial } from './dial.ts';
import type { Resolver } from './resolve.ts';

export interface FetchAsk {
  readonly url: string;
  readonly resolver: Pick<Resolver, 'resolve'>;
  /** Ranges that may be dialled although they are private. */
  readonly allowPrivate: readonly string[];
  readonly ports: readonly number[];
  readonly maxBytes: number;
  /** For everything together. */
  readonly timeoutMs: number;
}

/** Why nothing came; `message` names the reason, and nothing of what the server sent. */
export class FetchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FetchError';
  }
}

/** Longest URL that a certificate may send us to. */
const MAX_URL = 1_024;
const MAX_HEADER_BYTES = 8_192;

export interface FetchTarget {
  readonly authority: Authority;
  /** Path and query. */
  readonly path: string;
  /** `Host` header. */
  readonly hostHeader: string;
}

/** Null: not a plain `http://` URL to one of the ports. */
export function fetchTarget(url: string, ports: readonly number[]): FetchTarget | null {
  if (url.length > MAX_URL || !URL.canParse(url)) return null;
  const { protocol, username, password, hostname, port: written, host, pathname, search } = new URL(url);
  if (protocol !== 'http:' || username !== '' || password !== '') return null;
  const port = written === '' ? 80 : Number(written);
  const parsed = parseHost(hostname);
  if (!parsed.ok || !ports.includes(port)) return null;
  return { authority: { ...parsed.value, port }, path: `${pathname}${search}`, hostHeader: host };
}

/** The body of a 200. @throws FetchError, or Problem `dns.*`, `address.*`, `dial.*`. */
export async function fetchBytes(ask: FetchAsk): Promise<Buffer> {
  const target = fetchTarget(ask.url, ask.ports);
  if (target === null) throw new FetchError('not a URL that may be fetched');
  const signal = AbortSignal.timeout(ask.timeoutMs);
  try {
    return await fetchUnder(signal, target, ask);
  } catch (thrown) {
    // A resolve or a dial that is aborted speaks of a client that has gone, and here there is none.
    throw signal.aborted ? new FetchError('no answer in time') : thrown;
  }
}

async function fetchUnder(signal: AbortSignal, target: FetchTarget, ask: FetchAsk): Promise<Buffer> {
  const { port } = target.authority;
  const addresses = await ask.resolver.resolve(target.authority, ask.allowPrivate, signal);
  const { socket } = await dial(addresses, port, { timeoutMs: ask.timeoutMs, signal });
  try {
    return await get(target, socket, ask.maxBytes, signal);
  } finally {
    socket.destroy();
  }
}

type Dialled = Awaited<ReturnType<typeof dial>>['socket'];

async function get(target: FetchTarget, socket: Dialled, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const outgoing = request({
    method: 'GET',
    path: target.path,
    headers: { Host: target.hostHeader, Connection: 'close' },
    setHost: false,
    // No `agent`: with one, Node would dial by itself, past the guard.
    createConnection: () => socket,
    maxHeaderSize: MAX_HEADER_BYTES,
    signal,
  });
  outgoing.on('error', (error) => reject(failure(error)));
  outgoing.on('response', (response) => {
    if (response.statusCode !== 200) {
      reject(new FetchError(`status ${response.statusCode ?? 0}`));
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) reject(new FetchError(`more than ${maxBytes} bytes`));
      else chunks.push(chunk);
    });
    response.on('error', (error) => reject(failure(error)));
    response.on('end', () => resolve(Buffer.concat(chunks)));
  });
  outgoing.end();
  return promise;
}

function failure(error: Error): FetchError {
  const code: unknown = (error as NodeJS.ErrnoException).code;
  return new FetchError(typeof code === 'string' ? code : 'the connection broke');
}

/** Whether a thrown value is a failed fetch and not a mistake of ours. */
export function isFetchFailure(thrown: unknown): thrown is FetchError | Problem {
  return thrown instanceof FetchError || (thrown instanceof Problem && thrown.code !== 'internal.failure');
}
