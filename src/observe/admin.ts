/**
 * The metrics address: counters, health and version for machines, nothing personal.
 *
 * Does: a fixed table of routes, GET and HEAD only, and a Host allow-list so that a web page cannot read it by DNS
 * rebinding.
 * Does not: change anything, read files, or parse a path: what is not in the table is 404.
 * The caller must: give answers that do not wait for a worker longer than a scrape may take.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Content-Security-Policy of a page; absent: nothing at all may load. */
  readonly policy?: string;
}

export interface AdminOptions {
  /** Path → answer; exact match only. */
  readonly routes: Readonly<Record<string, () => Answer | Promise<Answer>>>;
  /** Further names under which the address is reached, beside loopback names and the address itself. */
  readonly hosts: readonly string[];
  /** Bound address: its literal is allowed as Host. */
  readonly address: string;
}

/** A scrape is one short request; REQ-20 of the threat model gives a head 10 s. */
const HEAD_TIMEOUT_MS = 10_000;
/** Node looks every 30 s unless told: a head that drips would hold its place for three times its limit. */
const CHECK_TIMEOUTS_EVERY_MS = 1000;
const MAX_HEAD_BYTES = 8 * 1024;
/** Scrapers, probes and a few people: far below what would cost the supervisor memory. */
const MAX_CONNECTIONS = 64;
/** Of one address, so that whoever reaches this address cannot keep the probes out and have us restarted. */
const MAX_CONNECTIONS_EACH = 16;
/** Names that no public zone can answer for: a page of a stranger cannot be rebound to them. */
const PRIVATE_SUFFIXES = ['.localhost', '.svc', '.cluster.local', '.internal'];

/** The caller listens on it and closes it. */
export function createAdmin(options: AdminOptions): Server {
  const server = createServer(
    {
      requestTimeout: HEAD_TIMEOUT_MS,
      headersTimeout: HEAD_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_TIMEOUTS_EVERY_MS,
      maxHeaderSize: MAX_HEAD_BYTES,
    },
    (request, response) => {
      request.on('error', () => undefined);
      response.on('error', () => undefined);
      request.resume();
      answer(options, request)
        .catch((): Answer => text(500, 'internal error'))
        .then(
          (made) => send(response, request.method === 'HEAD', made),
          () => response.destroy(),
        );
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket;
    const count = (open.get(remoteAddress) ?? 0) + 1;
    open.set(remoteAddress, count);
    socket.once('close', () => {
      const left = (open.get(remoteAddress) ?? 1) - 1;
      if (left === 0) open.delete(remoteAddress);
      else open.set(remoteAddress, left);
    });
    if (count > MAX_CONNECTIONS_EACH) socket.destroy();
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

async function answer({ routes, hosts, address }: AdminOptions, request: IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET and HEAD');
  const { host } = request.headers;
  // RFC 9112 §3.2; node:http would take the first.
  if ((request.headersDistinct['host']?.length ?? 0) > 1) return text(400, 'more than one Host');
  if (host === undefined || !hostAllowed(host, address, hosts)) return text(421, 'unknown host');
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  return route === undefined ? text(404, 'not found') : route();
}

/** `host` as a client sent it, with or without a port. */
export function hostAllowed(host: string, address: string, names: readonly string[]): boolean {
  const bracketed = /^\[([0-9a-f:.]{2,45})\](?::\d{1,5})?$/i.exec(host)?.[1];
  const name = (bracketed ?? host.replace(/:\d{1,5}$/, '')).toLowerCase();
  // An IP literal cannot be rebound: the browser's own page would have to come from here.
  if (isIP(name) !== 0) return true;
  // Neither can these: public DNS holds no such names, and container networks use them.
  if (/^[a-z0-9_-]+$/.test(name) || PRIVATE_SUFFIXES.some((suffix) => name.endsWith(suffix))) return true;
  return name === address.toLowerCase() || names.some((one) => one.toLowerCase() === name);
}

export function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` };
}

export function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

function send(
  response: ServerResponse,
  headOnly: boolean,
  { status, type, body, policy = "default-src 'none'" }: Answer,
): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(headOnly ? undefined : bytes);
}
