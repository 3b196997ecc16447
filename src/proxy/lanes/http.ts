/**
 * The plain lane: one HTTP/1 request over an upstream connection that is ours, carried by http-proxy behind a guard. The
 * only door to http-proxy.
 *
 * Does: give http-proxy a request without fields and a connection that is open; write the head itself, exactly as
 * wire/request-head.ts says; let it move the content; take the response away from it (answer.ts).
 * Does not: dial, judge, or use an upstream connection twice.
 * The caller must: hold a permit for this line, and answer when `problem` says so.
 *
 * The guard, each with what happens without it (1.18.1): the pass `deleteLength` is out (a chunked DELETE is smuggled
 * as a second request); http-proxy never sees the target (it rewrites paths) or the fields (it forwards hop-by-hop
 * ones); it never writes the response (a status like 099 ends the process, an upstream that breaks off leaves the
 * client waiting, trailers and repeated fields are lost); the upstream connection is destroyed with the exchange (it
 * leaks when a client leaves).
 */
import { Agent, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { Problem } from '../../model/problem.ts';
import type { RawLine } from '../../upstream/line.ts';
import type { Permit } from '../../verify/permit.ts';
import { endToEndTrailers, grouped } from '../../wire/fields.ts';
import type { PlainAsk } from '../../wire/request-head.ts';
import type { Limits } from '../limits.ts';
import { addTrailers, INFORMATIONAL_MAX, sendAnswer, sendInformation } from './answer.ts';
import { codeOfFailure, Exchange, type Exchanged, type ExchangeOptions } from './exchange.ts';

export interface HttpWork {
  readonly permit: Permit;
  readonly line: RawLine;
  readonly ask: PlainAsk;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly limits: Limits;
  readonly cut: AbortSignal;
  readonly onBytes: ExchangeOptions['onBytes'];
  /** Asked when the response begins: must it be the last one on the client's connection? */
  readonly last: () => boolean;
  /** Aborted with a Problem when the content of the request cannot be read; of a client that went the sockets tell. */
  readonly gone: AbortSignal;
}

/** What we use of http-proxy, which brings no types. */
interface HttpProxy {
  webPasses: ((...passed: never[]) => unknown)[];
  on(event: 'proxyReq', told: (outgoing: ClientRequest, request: IncomingMessage) => void): void;
  on(event: 'proxyRes', told: (upstream: IncomingMessage, request: IncomingMessage) => void): void;
  on(event: 'error', told: () => void): void;
  web(
    request: IncomingMessage,
    response: ServerResponse,
    options: Readonly<Record<string, unknown>>,
    failed: (error: NodeJS.ErrnoException) => void,
  ): void;
}

/** Exchanges by their request: http-proxy's events name nothing else. */
const open = new WeakMap<IncomingMessage, HttpExchange>();
const proxy = loadHttpProxy();

/**
 * http-proxy takes `util._extend` when it is loaded, and each call would warn (DEP0060). It gets Object.assign, which
 * does the same for what it copies; node:util is put back at once.
 */
function loadHttpProxy(): HttpProxy {
  const require = createRequire(import.meta.url);
  const util = require('node:util') as { _extend: unknown };
  const { _extend } = util;
  util._extend = Object.assign;
  try {
    const { createProxyServer } = require('http-proxy') as {
      readonly createProxyServer: (options: object) => HttpProxy;
    };
    const made = createProxyServer({ selfHandleResponse: true, xfwd: false, toProxy: true });
    made.webPasses = made.webPasses.filter((pass) => pass.name !== 'deleteLength');
    made.on('proxyReq', (outgoing, request) => open.get(request)?.onOutgoing(outgoing));
    made.on('proxyRes', (upstream, request) => open.get(request)?.onAnswer(upstream));
    // Failures reach the callback of `web`; without a listener http-proxy would throw what it cannot place.
    made.on('error', () => undefined);
    return made;
  } finally {
    util._extend = _extend;
  }
}

/** Hands out the one connection that was judged, once. */
class JudgedConnection extends Agent {
  #socket: Socket | null;

  constructor(socket: Socket) {
    super({ keepAlive: false, maxSockets: 1 });
    this.#socket = socket;
  }

  override createConnection(): Socket {
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) throw new TypeError('a judged connection carries one request');
    return socket;
  }
}

/** Never rejects for anything that client or upstream do. @throws when the permit is not for this line. */
export async function forward(work: HttpWork): Promise<Exchanged> {
  work.permit.use(work.line.evidence);
  return new HttpExchange(work).run();
}

class HttpExchange {
  readonly #work: HttpWork;
  readonly #exchange: Exchange;
  #continued = false;
  #informational = 0;
  #upstream: IncomingMessage | null = null;

  constructor(work: HttpWork) {
    this.#work = work;
    const { limits, cut, onBytes, line } = work;
    const options = { idleTimeoutMs: limits.idleTimeoutMs, cut, onBytes, onEnd: this.#endClient };
    this.#exchange = new Exchange(line.socket, options, this.#onIdle);
  }

  async run(): Promise<Exchanged> {
    const { request, response, line, gone } = this.#work;
    open.set(request, this);
    gone.addEventListener('abort', this.#onSpoiled);
    response.on('error', ignore);
    response.once('close', this.#onResponseClose);
    if (response.closed || request.socket.destroyed) this.#exchange.settle('client');
    if (!this.#exchange.over) {
      // Shadows the getter: http-proxy copies this object, and nothing of it must reach the upstream.
      Object.defineProperty(request, 'headers', { value: {} });
      const { authority } = line.evidence;
      const target = { protocol: 'http:', host: authority.host, port: authority.port };
      proxy.web(request, response, { target, agent: new JudgedConnection(line.socket) }, this.#onFailure);
    }
    const end = await this.#exchange.done;
    gone.removeEventListener('abort', this.#onSpoiled);
    open.delete(request);
    return end;
  }

  /** Before a byte of the head is written. */
  onOutgoing(outgoing: ClientRequest): void {
    const { ask, request } = this.#work;
    if (outgoing.headersSent) {
      this.#exchange.fail('internal.failure', 'error', { why: 'head-already-sent' });
      return;
    }
    // No count of our own: Node would drop fields in silence; the size of the head is limited.
    outgoing.maxHeadersCount = 0;
    try {
      this.#writeHead(outgoing);
    } catch {
      // Node reads by one table of characters and writes by another; what only the first takes ends here.
      this.#exchange.fail('request.malformed', 'client', { why: 'field' });
      return;
    }
    outgoing.on('information', (info) => {
      this.#informational += 1;
      if (this.#informational > INFORMATIONAL_MAX)
        this.#exchange.fail('response.malformed', 'upstream', { why: '1xx' });
      else if (info.statusCode !== 100) sendInformation(info, this.#work.response);
    });
    outgoing.once('continue', this.#onContinue);
    // Nobody asked for another protocol.
    outgoing.once('upgrade', () => this.#exchange.fail('response.malformed', 'upstream', { why: 'upgrade' }));
    request.on('data', this.#exchange.meter);
    // Before http-proxy ends the request.
    request.prependOnceListener('end', () => {
      const trailers = endToEndTrailers(request.rawTrailers);
      if (trailers.length > 0 && ask.content === 'chunked') addTrailers(outgoing, trailers);
    });
    // The client waits, so there is no content that would send the head.
    if (ask.expectsContinue) outgoing.flushHeaders();
  }

  #writeHead(outgoing: ClientRequest): void {
    const { ask } = this.#work;
    outgoing.path = ask.path;
    for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name);
    for (const [name, values] of grouped(ask.fields))
      outgoing.setHeader(name, values.length === 1 ? values[0]! : values);
    outgoing.setHeader('Connection', 'close');
    if (ask.content === 'chunked') outgoing.setHeader('Transfer-Encoding', 'chunked');
    if (ask.expectsContinue) outgoing.setHeader('Expect', '100-continue');
  }

  onAnswer(upstream: IncomingMessage): void {
    const { request, response, ask } = this.#work;
    this.#upstream = upstream;
    upstream.on('error', ignore);
    if (this.#exchange.over || response.headersSent) return;
    // A client that was never told to go on may or may not send its content: what follows could be either.
    const last = this.#work.last() || (ask.expectsContinue && !this.#continued && !request.complete);
    const onBroken = (): void => this.#exchange.settle('error', 'response.incomplete');
    const why = sendAnswer(upstream, response, { last, onBytes: this.#exchange.meter, onBroken });
    if (why !== null) this.#exchange.fail('response.malformed', 'upstream', { why });
  }

  readonly #onContinue = (): void => {
    if (!this.#work.ask.expectsContinue || this.#work.response.headersSent) return;
    this.#continued = true;
    this.#work.response.writeContinue();
  };

  readonly #onFailure = (error: NodeJS.ErrnoException): void => {
    const { request, response } = this.#work;
    if (response.headersSent) {
      // Node calls a response without a length complete when its connection breaks; here it is not so yet.
      if (this.#upstream?.complete === false) this.#exchange.settle('error', 'response.incomplete');
    } else if (request.socket.destroyed) this.#exchange.settle('client');
    else this.#exchange.fail(codeOfFailure(error), 'upstream', { reason: error.code ?? 'closed' });
  };

  readonly #onResponseClose = (): void => {
    this.#exchange.settle(this.#work.response.writableFinished ? 'upstream' : 'client');
  };

  readonly #onSpoiled = (): void => {
    const { gone, response } = this.#work;
    const problem: unknown = gone.reason;
    if (!(problem instanceof Problem) || problem.code === 'client.gone') return;
    this.#exchange.settle('client', problem.code, response.headersSent ? null : problem);
  };

  readonly #onIdle = (): void => {
    if (this.#work.response.headersSent) this.#exchange.settle('idle');
    else this.#exchange.fail('response.timeout', 'idle');
  };

  /** A response that has begun and not ended must not look whole, whoever ended it. */
  readonly #endClient = (end: Exchanged): void => {
    const { response, request } = this.#work;
    if (end.problem !== null || response.writableFinished) return;
    if (!request.socket.destroyed) request.socket.resetAndDestroy();
  };
}

function ignore(): void {}
