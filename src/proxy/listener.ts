/**
 * The front: a node:http server that takes CONNECTs and plain requests and hands them to the straight line.
 *
 * Does: strict parsing limits and timeouts, one connection count for each client, an error listener on every socket
 * before anything else, plain requests one after the other, answers for bytes that are no request.
 * Does not: listen: the runtime gives it a handle. Nor read what comes behind a CONNECT.
 * The caller must: `listen` and `close` it. One connection carries plain requests, or one CONNECT or upgrade.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Code } from '../model/codes.ts';
import { Problem } from '../model/problem.ts';
import { HEAD_BYTES_MAX, HEAD_FIELDS_MAX } from '../wire/connect-head.ts';
import { readPlain } from '../wire/request-head.ts';
import { clientOf, peerAddress } from './admission.ts';
import { serveConnect } from './connect.ts';
import type { Entry, Full } from './gate.ts';
import type { House } from './house.ts';
import { CHECK_TIMEOUTS_EVERY_MS, CONNECTION_HEADROOM, RELAY_HIGH_WATER_BYTES } from './limits.ts';
import { refusalOf, refuseByReply, verdictWord } from './refuse.ts';
import { serveRequest, serveUpgrade, spoilContent } from './request.ts';
import { createTurns } from './turns.ts';

/** A server for one listening address of the house; several may share the house. */
export function createListener(house: House): Server {
  const { limits } = house;
  const entries = new WeakMap<Socket, Entry>();
  const server = createServer({
    maxHeaderSize: HEAD_BYTES_MAX,
    headersTimeout: limits.headersTimeoutMs,
    // Content may take its time; the lane ends what stands still.
    requestTimeout: 0,
    keepAliveTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_TIMEOUTS_EVERY_MS, limits.headersTimeoutMs),
    highWaterMark: RELAY_HIGH_WATER_BYTES,
    noDelay: true,
    insecureHTTPParser: false,
    // Checked by wire/connect-head.ts, which can say what is wrong.
    requireHostHeader: false,
    // Any other upgrade is an ordinary request to us.
    shouldUpgradeCallback: wantsUpgrade,
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
  const fullOf = (socket: Socket): Full | null => entries.get(socket)?.full ?? null;
  const turns = createTurns();
  server.on('connect', (request: IncomingMessage, stream, head: Buffer) => {
    // node:http declares a Duplex; a server without TLS has net.Socket only.
    const socket = stream as Socket;
    if (turns.busy(socket)) return dropOutOfTurn(house, socket);
    const { method, url, httpVersion, rawHeaders } = request;
    void serveConnect(house, { method, url, httpVersion, rawHeaders }, socket, head, fullOf(socket));
  });
  server.on('upgrade', (request: IncomingMessage, stream, head: Buffer) => {
    const socket = stream as Socket;
    if (turns.busy(socket)) return dropOutOfTurn(house, socket);
    void serveUpgrade(house, request, socket, head, fullOf(socket));
  });
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    response.on('error', ignore);
    request.on('error', ignore);
    const taken = turns.take(socket, () => serveRequest(house, request, response, fullOf(socket)));
    if (!taken) dropOutOfTurn(house, socket);
  };
  server.on('request', onRequest);
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket;
    answerUnreadable(house, error, socket, turns.busy(socket));
  });
  return server;
}

function ignore(): void {}

/** Whether a request is one that `upgrade` is emitted for: one that can be forwarded as such. */
function wantsUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): boolean {
  const read = readPlain({ method, url, httpVersion, rawHeaders });
  return read.ok && read.value.upgrade !== null;
}

/** Pipelined where it cannot be: the requests before it are being answered on this very connection. */
function dropOutOfTurn(house: House, socket: Socket): void {
  recordRefusal(house, socket, house.eventId(), new Problem('request.malformed', 'client', { why: 'out-of-turn' }));
  socket.destroy();
}

/** Bytes that are no HTTP request, or not in time. `busy`: a request before them, or their own head, is being served. */
function answerUnreadable(house: House, error: NodeJS.ErrnoException, socket: Socket, busy: boolean): void {
  // It has got its answer, and goes when that is read.
  if (socket.writableEnded) return;
  if (busy && error.code?.startsWith('HPE_') === true && spoilContent(socket)) return;
  // Nobody there, or nothing asked: a port scan or a spare connection that timed out is no request to answer.
  if (busy || error.code === 'ECONNRESET' || !socket.writable || socket.bytesRead === 0) {
    socket.destroy();
    return;
  }
  const eventId = house.eventId();
  const problem = new Problem(unreadableCode(error.code), 'client');
  recordRefusal(house, socket, eventId, problem);
  refuseByReply(
    socket,
    refusalOf(problem, { eventId, authority: null, rule: null, report: null }),
    house.limits.lingerMs,
  );
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
      traceId: null,
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
