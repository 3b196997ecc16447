/**
 * The admin interface: events, evidence, policies, explanations, reload and drain for operators and their scripts.
 *
 * Does: a fixed table of routes, bounded heads and bodies, problem+json for every error (RFC 9457); on an address also
 * a bearer token and a Host allow-list; for every change the header that no web page can send without being asked.
 * Does not: know what a route does (runtime/admin-service.ts), listen (runtime/admin-socket.ts), or decode a path: what
 * is not literally in the table is 404.
 * The caller must: keep the socket of `unix` to its owner, because whoever reaches it may use it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { hostAllowed } from './admin.ts';

/** How callers prove themselves. */
export type Guard =
  | { readonly kind: 'unix' }
  | { readonly kind: 'token'; readonly token: string; readonly address: string };

export interface ApiRequest {
  /** Each name once; only names that the route lists. */
  readonly query: ReadonlyMap<string, string>;
  /** What stands for `*` in the path of the route. */
  readonly rest: string;
  /** The JSON object of a POST; empty when none was sent. */
  readonly body: Readonly<Record<string, unknown>>;
}

export type ApiAnswer =
  /** `allow`: the methods of the resource, for a 405 (RFC 9110 §15.5.6). */
  | { readonly status: number; readonly body: unknown; readonly allow?: readonly string[] }
  /** Server-sent events: the head is sent, then the response is handed over. False: no room. */
  | { readonly stream: (response: ServerResponse) => boolean };

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Literal; a last `*` stands for one segment of [0-9A-Za-z-]. */
  readonly path: string;
  readonly query: readonly string[];
  readonly handle: (request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>;
}

/** An error that the caller of a route shall see. */
export class ApiError extends Error {
  readonly status: number;
  readonly more: Readonly<Record<string, unknown>>;

  constructor(status: number, detail: string, more: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
    this.more = more;
  }
}

/** Without it nothing changes: a page of a browser cannot set it across origins without asking first. */
export const CHANGE_HEADER = 'pinwarden-admin';
/** REQ-20 of the threat model gives a head 10 s. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_BODY_BYTES = 16 * 1024;
/** A few people, scripts and collectors. */
const MAX_CONNECTIONS = 64;

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Token missing or wrong',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Content too large',
  415: 'Unsupported media type',
  421: 'Unknown host',
  422: 'Refused',
  500: 'Internal error',
  503: 'Unavailable',
};

/** The caller listens on it and closes it. */
export function createAdminApi(routes: readonly Route[], guard: Guard): Server {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: MAX_HEAD_BYTES },
    (request, response) => {
      request.on('error', () => undefined);
      response.on('error', () => undefined);
      answer(routes, guard, request)
        .catch(asProblem)
        .then((made) => send(response, made))
        .catch(() => response.destroy());
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

async function answer(routes: readonly Route[], guard: Guard, request: IncomingMessage): Promise<ApiAnswer> {
  admit(guard, request);
  const [path = '', search = ''] = (request.url ?? '').split('?', 2);
  const here = routes.flatMap((route) => {
    const rest = matchPath(route.path, path);
    return rest === null ? [] : [{ route, rest }];
  });
  const found = here.find(({ route }) => route.method === request.method);
  if (found === undefined) {
    if (here.length === 0) throw new ApiError(404, 'there is no such resource');
    const allow = [...new Set(here.map(({ route }) => route.method))];
    return { ...problemAnswer(new ApiError(405, `only ${allow.join(' and ')}`)), allow };
  }
  const { route, rest } = found;
  if (route.method === 'POST' && request.headers[CHANGE_HEADER] === undefined) {
    throw new ApiError(403, `a change needs the header ${CHANGE_HEADER}`);
  }
  const query = readQuery(search, route.query);
  const body = route.method === 'POST' ? await readBody(request) : discard(request);
  return route.handle({ query, rest, body });
}

/** @throws ApiError for callers that may not ask at all. */
function admit(guard: Guard, { headers }: IncomingMessage): void {
  // No page of ours exists, so whatever a browser sends for a page is another's.
  if (headers.origin !== undefined) throw new ApiError(403, 'no web page may ask');
  if (guard.kind === 'unix') return;
  if (headers.host === undefined || !hostAllowed(headers.host, guard.address, [])) {
    throw new ApiError(421, 'this host is not served');
  }
  // The scheme may be written in any case (RFC 9110 §11.1).
  const given = /^bearer ([\x21-\x7e]{1,1024})$/i.exec(headers.authorization ?? '')?.[1];
  if (given === undefined || !sameToken(given, guard.token))
    throw new ApiError(401, 'send Authorization: Bearer <token>');
}

/** In the same time for any two texts. */
function sameToken(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** What `*` stands for, empty without one; null: another path. */
function matchPath(pattern: string, path: string): string | null {
  if (!pattern.endsWith('*')) return pattern === path ? '' : null;
  const prefix = pattern.slice(0, -1);
  if (!path.startsWith(prefix)) return null;
  const rest = path.slice(prefix.length);
  return /^[0-9A-Za-z-]{1,64}$/.test(rest) ? rest : null;
}

function readQuery(search: string, names: readonly string[]): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(search)) {
    if (!names.includes(name))
      throw new ApiError(400, `this resource knows no such parameter; known: ${names.join(', ')}`);
    if (query.has(name)) throw new ApiError(400, `${name} is given twice`);
    query.set(name, value);
  }
  return query;
}

function discard(request: IncomingMessage): Readonly<Record<string, unknown>> {
  request.resume();
  return {};
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new ApiError(413, `at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (length === 0) return {};
  if (!/^application\/json(?:;|$)/.test(request.headers['content-type'] ?? '')) {
    throw new ApiError(415, 'send application/json, or nothing');
  }
  const value = parseJson(Buffer.concat(chunks).toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ApiError(400, 'send one JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, 'the body is not JSON');
  }
}

function asProblem(thrown: unknown): ApiAnswer {
  return problemAnswer(thrown instanceof ApiError ? thrown : new ApiError(500, 'the request failed'));
}

function problemAnswer({ status, message, more }: ApiError): { readonly status: number; readonly body: unknown } {
  return { status, body: { type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail: message, ...more } };
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'",
  'x-content-type-options': 'nosniff',
};

function send(response: ServerResponse, answered: ApiAnswer): void {
  if ('stream' in answered) {
    response.setHeaders(new Map(Object.entries({ ...HEADERS, 'content-type': 'text/event-stream; charset=utf-8' })));
    if (answered.stream(response)) return;
    response.removeHeader('content-type');
    send(response, asProblem(new ApiError(503, 'too many watch already')));
    return;
  }
  const { status, body, allow } = answered;
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  const type = status < 400 ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8';
  response.writeHead(status, {
    ...HEADERS,
    'content-type': type,
    'content-length': bytes.length,
    ...(allow === undefined ? {} : { allow: allow.join(', ') }),
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    // What is left of a body that was too large is not read.
    ...(status === 413 ? { connection: 'close' } : {}),
  });
  response.end(bytes);
}
