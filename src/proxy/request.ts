/**
 * The straight line of one plain HTTP request, top to bottom: admission → rule → plaintext allowed? → resolve → dial →
 * examine → judge → record → lane. It is the line of connect.ts with nothing to examine, and its verdict says so.
 *
 * Does not: decide. Verdicts come from verify/, words of refusal from refuse.ts.
 * The caller must: serve the requests of one connection one after the other (turns.ts), with an error listener on the
 * socket.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Authority } from '../model/authority.ts';
import { asProblem, Problem } from '../model/problem.ts';
import type { RawLine } from '../upstream/line.ts';
import { parseWithDefaultPort } from '../wire/authority.ts';
import { fieldValues } from '../wire/connect-head.ts';
import { type PlainAsk, readPlain } from '../wire/request-head.ts';
import type { Full } from './gate.ts';
import type { House } from './house.ts';
import { rawEvidence } from './lanes/bypass.ts';
import type { Exchanged } from './lanes/exchange.ts';
import { forward } from './lanes/http.ts';
import { upgrade } from './lanes/upgrade.ts';
import { isOwnPage, OWN_PAGE_FIELDS, type OwnPage, ownPage } from './own-pages.ts';
import { Passage } from './passage.ts';
import { refusalOf, refuseByReply, verdictWord } from './refuse.ts';
import { type Asked, admit, checkGeneration, dialRaw, type Judged, judgeLine, type RunLane, runLane } from './steps.ts';
import { Visit } from './visit.ts';

/** The request that each client connection is served with now. */
const serving = new WeakMap<Socket, RequestPassage>();

/**
 * The parser has given up on this connection. True: in the content of the request that is being served, which ends with
 * an answer; false: in what came behind it.
 */
export function spoilContent(socket: Socket): boolean {
  return serving.get(socket)?.spoil() ?? false;
}

/** The passage of one request; the client's socket stays with node:http. */
class RequestPassage extends Passage {
  readonly #request: IncomingMessage;

  constructor(house: House, request: IncomingMessage, response: ServerResponse) {
    super(house, request.socket, request.rawHeaders);
    this.kind = 'request';
    this.#request = request;
    serving.set(request.socket, this);
    response.once('close', () => {
      if (!response.writableFinished) this.leave();
    });
    if (response.closed || request.socket.destroyed) this.leave();
  }

  spoil(): boolean {
    if (this.#request.complete) return false;
    this.leave(new Problem('request.malformed', 'client', { why: 'content' }));
    return true;
  }

  override close(): void {
    serving.delete(this.#request.socket);
    super.close();
  }
}

/**
 * Serves one request until its response has ended. Never rejects; whatever fails is recorded, answered and closed.
 * @param full the bound that this client's connection went over, if any.
 */
export async function serveRequest(
  house: House,
  request: IncomingMessage,
  response: ServerResponse,
  full: Full | null,
): Promise<void> {
  const page = pageFor(house, request);
  if (page !== null) {
    await answerPage(request, response, page);
    return;
  }
  const passage = new RequestPassage(house, request, response);
  try {
    const { ask, asked } = admitRequest(passage, request, full);
    const judged = await openJudged(passage, asked);
    const { permit, line } = judged;
    const { limits } = house;
    const last = (): boolean => house.draining();
    const { gone } = passage;
    await runRequest(passage, asked, judged, (cut, onBytes) =>
      forward({ permit, line, ask, request, response, limits, cut, onBytes, last, gone }),
    );
  } catch (thrown) {
    refuse(passage, request, request.socket, asProblem(thrown));
  } finally {
    passage.close();
  }
  await finishReading(request, house.limits.lingerMs);
}

/**
 * Serves one request for another protocol (WebSocket) until its connection has ended, whatever came of it. Never
 * rejects. `head`: what came behind the request in the same read.
 */
export async function serveUpgrade(
  house: House,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  full: Full | null,
): Promise<void> {
  const visit = new Visit(house, socket, head, request.rawHeaders);
  visit.kind = 'request';
  try {
    const { ask, asked } = admitRequest(visit, request, full);
    const judged = await openJudged(visit, asked);
    const { permit, line } = judged;
    const { limits } = house;
    const { gone } = visit;
    const takeClient = (): void => visit.handOver();
    await runRequest(visit, asked, judged, (cut, onBytes) =>
      upgrade({ permit, line, ask, request, client: socket, limits, cut, onBytes, gone, takeClient }),
    );
  } catch (thrown) {
    visit.handOver();
    refuse(visit, request, socket, asProblem(thrown));
  } finally {
    visit.close();
  }
}

// The steps.

/** @throws Problem `request.*`, `auth.required`, and what `admit` throws. */
function admitRequest(
  passage: Passage,
  request: IncomingMessage,
  full: Full | null,
): { readonly ask: PlainAsk; readonly asked: Asked } {
  const { method, url, httpVersion, rawHeaders } = request;
  const read = readPlain({ method, url, httpVersion, rawHeaders });
  if (!read.ok) throw new Problem(read.code, 'client', { why: read.why });
  const asked = admit(passage, read.value.authority, full);
  if (asked.rule.plaintext === 'block') throw new Problem('plaintext.denied', 'client');
  return { ask: read.value, asked };
}

async function openJudged(passage: Passage, asked: Asked): Promise<Judged<RawLine>> {
  const { socket, address, dialMs } = await dialRaw(passage, asked);
  const raw = rawEvidence(asked.authority, address, passage.house.clock, dialMs);
  return judgeLine(passage, asked, { socket, evidence: Object.freeze({ ...raw, protocol: 'http' }) });
}

/** Records, then lets the lane run. @throws Problem of the lane when the client has got no answer yet. */
async function runRequest(
  passage: Passage,
  asked: Asked,
  judged: Judged<RawLine>,
  run: RunLane<Exchanged>,
): Promise<void> {
  const { evidence } = judged.line;
  checkGeneration(passage, asked, evidence);
  passage.record(judged.verdict, judged.code);
  passage.opening?.leave();
  const { problem } = await runLane(passage, evidence, run);
  if (problem !== null) throw problem;
}

/** Every way out without an answer of the upstream: one record, one answer, closed. */
function refuse(passage: Passage, request: IncomingMessage, socket: Socket, problem: Problem): void {
  const { house } = passage;
  try {
    // A verdict that is written already stands: what came after it is in the close line.
    passage.record(verdictWord(problem.code), problem.code, problem.facts);
  } catch {
    // The audit file is full. Nothing was relayed, and the recorder has counted the loss: the refusal stands.
  }
  if (problem.code === 'client.gone') {
    socket.destroy();
    return;
  }
  // Content that nobody wants is drained, so that the answer is not lost to a reset.
  request.resume();
  refuseByReply(socket, refusalOf(problem, passage), house.limits.lingerMs, request.method);
}

/** An upstream may answer before it has read everything: the rest is thrown away, or the connection goes. */
async function finishReading(request: IncomingMessage, lingerMs: number): Promise<void> {
  const { socket } = request;
  // What it was piped to is gone or going, and would pause it once more.
  request.unpipe();
  request.resume();
  if (request.complete || socket.destroyed || socket.writableEnded) return;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  await new Promise<void>((done) => request.once('close', done));
  clearTimeout(timer);
}

// Requests to the proxy itself.

function pageFor(house: House, request: IncomingMessage): OwnPage | null {
  const { method, url = '' } = request;
  if ((method !== 'GET' && method !== 'HEAD') || !isOwnPage(url)) return null;
  return ownPage(url, { proxy: ownAuthority(request), cas: house.authorities() });
}

/** As the client calls us, so that it is right behind a port mapping; else the address that it reached. */
function ownAuthority(request: IncomingMessage): Authority {
  const [named = ''] = fieldValues(request.rawHeaders, 'host');
  const host = parseWithDefaultPort(named, 80);
  if (host.ok) return host.value;
  const { localAddress = '127.0.0.1', localPort = 80 } = request.socket;
  const local = parseWithDefaultPort(localAddress.includes(':') ? `[${localAddress}]` : localAddress, localPort);
  return local.ok ? local.value : { host: '127.0.0.1', kind: 'ipv4', port: localPort };
}

async function answerPage(request: IncomingMessage, response: ServerResponse, page: OwnPage): Promise<void> {
  const body = Buffer.from(page.body);
  request.resume();
  response.writeHead(200, {
    ...OWN_PAGE_FIELDS,
    'Content-Type': page.contentType,
    'Content-Length': body.length,
    Connection: 'close',
  });
  response.end(body);
  if (!response.closed) await once(response, 'close').catch(() => undefined);
}
