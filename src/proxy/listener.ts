/**
 * The front: a node:http server that takes CONNECT requests and hands them to the straight line.
 *
 * Does: strict parsing limits and timeouts, one connection count for each client, an error listener on every socket
 * before anything else, answers for bytes that are no request, and for requests that are no CONNECT.
 * Does not: listen: the runtime gives it a handle. Nor read what comes behind a CONNECT.
 * The caller must: `listen` and `close` it. One connection carries one CONNECT.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Code } from '../model/codes.ts';
import { Problem } from '../model/problem.ts';
import { HEAD_BYTES_MAX, HEAD_FIELDS_MAX } from '../wire/connect-head.ts';
import { refusalParts } from '../wire/reply.ts';
import { clientOf, peerAddress } from './admission.ts';
import { serveConnect } from './connect.ts';
import type { Entry, Full } from './gate.ts';
import type { House } from './house.ts';
import { CHECK_TIMEOUTS_EVERY_MS, CONNECTION_HEADROOM, RELAY_HIGH_WATER_BYTES } from './limits.ts';
import { refusalOf, refuseByReply, verdictWord } from './refuse.ts';

/** A server for one listening address of the house; several may share the house. */
export function createListener(house: House): Server {
  const { limits } = house;
  const entries = new WeakMap<Socket, Entry>();
  const server = createServer({
    maxHeaderSize: HEAD_BYTES_MAX,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.headersTimeoutMs,
    keepAliveTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_TIMEOUTS_EVERY_MS, limits.headersTimeoutMs),
    highWaterMark: RELAY_HIGH_WATER_BYTES,
    noDelay: true,
    insecureHTTPParser: false,
    // Checked by wire/connect-head.ts, which can say what is wrong.
    requireHostHeader: false,
  });
  // One more than is allowed: Node drops what is above silently, and the head parser must see that there was more.
  server.maxHeadersCount = HEAD_FIELDS_MAX + 1;
  // Some above the limit are still told why; the rest are closed by the kernel's side of Node.
  server.maxConnections = limits.connections + CONNECTION_HEADROOM;

  server.on('connection', (socket: Socket) => {
    socket.on('error', ignore);
    const entry = house.gate.enterConnection(peerAddress(socket));
    const closed = house.recorder.connection('client');
    entries.set(socket, entry);
    socket.once('close', () => {
      entry.leave();
      closed();
    });
  });
  server.on('connect', (request: IncomingMessage, stream, head: Buffer) => {
    // node:http declares a Duplex; a server without TLS has net.Socket only.
    const socket = stream as Socket;
    const full: Full | null = entries.get(socket)?.full ?? null;
    const { method, url, httpVersion, rawHeaders } = request;
    void serveConnect(house, { method, url, httpVersion, rawHeaders }, socket, head, full);
  });
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    answerPlainRequest(house, request, response);
  };
  server.on('request', onRequest);
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    answerUnreadable(house, error, stream as Socket);
  });
  return server;
}

function ignore(): void {}

/**
 * A request that is no CONNECT. Plain HTTP is not carried: an absolute http URI is `plaintext.denied` (403), anything
 * else is not meant for a proxy (400). The body is not read; the connection closes.
 */
function answerPlainRequest(house: House, request: IncomingMessage, response: ServerResponse): void {
  const code: Code = /^http:\/\//i.test(request.url ?? '') ? 'plaintext.denied' : 'request.malformed';
  const eventId = house.eventId();
  const problem = new Problem(code, 'client', { why: 'method' });
  recordRefusal(house, request.socket, eventId, problem);
  const { status, reason, headers, body } = refusalParts(refusalOf(problem, eventId, null, null));
  response.on('error', ignore);
  response.writeHead(status, reason, Object.fromEntries(headers));
  response.end(body);
  response.once('finish', () => request.socket.destroySoon());
}

/** Bytes that are no HTTP request, or not in time. */
function answerUnreadable(house: House, error: NodeJS.ErrnoException, socket: Socket): void {
  // Nobody there, or nothing asked: a port scan or a spare connection that timed out is no request to answer.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesRead === 0 || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const eventId = house.eventId();
  const problem = new Problem(unreadableCode(error.code), 'client');
  recordRefusal(house, socket, eventId, problem);
  refuseByReply(socket, refusalOf(problem, eventId, null, null), house.limits.lingerMs);
}

function unreadableCode(code: string | undefined): Code {
  if (code === 'HPE_HEADER_OVERFLOW') return 'request.too-large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request.timeout' : 'request.malformed';
}

function recordRefusal(house: House, socket: Socket, eventId: string, problem: Problem): void {
  const generation = house.generation();
  try {
    house.recorder.verdict({
      eventId,
      atMs: house.clock.nowMs(),
      client: clientOf({ address: peerAddress(socket), port: socket.remotePort ?? 0 }, generation.config.clients),
      authority: null,
      rule: null,
      evidence: null,
      report: null,
      verdict: verdictWord(problem.code),
      code: problem.code,
      facts: problem.facts,
      generation: generation.number,
      mode: null,
    });
  } catch {
    // The audit file is full and the recorder has counted it; nothing is relayed either way.
  }
}
