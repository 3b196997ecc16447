/** Honest origins on 127.0.0.1: raw echo, HTTP/1.1 and HTTP/2 over TLS, counting what reached them. */
import { createHash } from 'node:crypto';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { closeServer, listen, track } from './sockets.ts';
import type { Issued } from './test-ca.ts';

export interface Origin {
  readonly port: number;
  applicationBytes(): number;
  connections(): number;
  /** Sockets open right now. */
  open(): number;
  /** Cuts every open connection with RST. */
  resetAll(): void;
  close(): Promise<void>;
}

/** Over TLS: sends back every byte. */
export async function echoOrigin(
  leaf: Pick<Issued, 'keyPem' | 'chainPem'>,
  alpn: readonly string[] = [],
): Promise<Origin> {
  const counts = newCounts();
  const options = { key: leaf.keyPem, cert: leaf.chainPem, ALPNProtocols: [...alpn] };
  const server = createTlsServer(alpn.length === 0 ? { key: options.key, cert: options.cert } : options, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      counts.bytes += chunk.length;
    });
    socket.pipe(socket);
  });
  return await originOf(server, counts);
}

/**
 * HTTP/1.1 and HTTP/2 by ALPN. `GET /` answers `hello <protocol>`; `GET /bytes/N` N pseudo-random bytes;
 * `POST /sha256` the digest of the body in hex; `GET /headers` the request's fields as JSON.
 */
export async function webOrigin(leaf: Issued, alpn: 'h2' | 'http/1.1' | 'both' = 'both'): Promise<Origin> {
  const counts = newCounts();
  const protocols = alpn === 'both' ? ['h2', 'http/1.1'] : [alpn];
  const server = createSecureServer(
    { key: leaf.keyPem, cert: leaf.chainPem, allowHTTP1: alpn !== 'h2', ALPNProtocols: protocols },
    (request, response) => serve(request, response, counts),
  );
  server.on('sessionError', () => undefined);
  return await originOf(server as unknown as Server, counts);
}

/** The same over plain HTTP. */
export async function plainOrigin(): Promise<Origin> {
  const counts = newCounts();
  const server = createPlainServer((request, response) => serve(request, response, counts));
  return await originOf(server, counts);
}

interface Counts {
  bytes: number;
  connections: number;
}

function newCounts(): Counts {
  return { bytes: 0, connections: 0 };
}

async function originOf(server: Server, counts: Counts): Promise<Origin> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    counts.connections += 1;
    track(open, socket);
  });
  server.on('tlsClientError', () => undefined);
  server.on('clientError', (_error: Error, socket: Socket) => socket.destroy());
  const port = await listen(server);
  return {
    port,
    applicationBytes: () => counts.bytes,
    connections: () => counts.connections,
    open: () => open.size,
    resetAll: () => {
      for (const socket of open) socket.resetAndDestroy();
    },
    close: async () => await closeServer(server, open),
  };
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

function serve(request: Request, response: Response, counts: Counts): void {
  // A request that arrived counts, even one without a body.
  counts.bytes += 1;
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  const hash = createHash('sha256');
  request.on('data', (chunk: Buffer) => {
    counts.bytes += chunk.length;
    hash.update(chunk);
  });
  request.on('end', () => {
    const bytes = /^\/bytes\/(\d+)$/.exec(request.url ?? '')?.[1];
    if (bytes !== undefined) sendBytes(response, Number(bytes));
    else if (request.url === '/sha256') response.end(hash.digest('hex'));
    else if (request.url === '/headers') response.end(JSON.stringify(request.headers));
    else response.end(`hello ${request.httpVersion === '2.0' ? 'h2' : 'http/1.1'}\n`);
  });
}

const BLOCK = Buffer.alloc(65_536, 'pinwarden carries bytes and changes none of them. ');

/** SHA-256 (hex) of what `GET /bytes/<size>` sends. */
export function bytesDigest(size: number): string {
  const hash = createHash('sha256');
  for (let left = size; left > 0; left -= BLOCK.length) hash.update(BLOCK.subarray(0, Math.min(left, BLOCK.length)));
  return hash.digest('hex');
}

function sendBytes(response: Response, size: number): void {
  response.setHeader('content-length', size);
  let left = size;
  const more = () => {
    while (left > 0) {
      const chunk = BLOCK.subarray(0, Math.min(left, BLOCK.length));
      left -= chunk.length;
      if (!(response as ServerResponse).write(chunk)) return;
    }
    response.off('drain', more);
    response.end();
  };
  response.on('drain', more);
  more();
}
