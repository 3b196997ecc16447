/**
 * The upgrade lane: a WebSocket handshake over the upstream connection that was judged, then bytes both ways.
 *
 * Does: send the head itself, wait for 101 or any other answer, pass either on, relay unread after a 101.
 * Does not: read WebSocket frames, or use http-proxy: its way of doing this merges fields and ends the process when a
 * client resets (its pass was never guarded).
 * The caller must: hold a permit for this line; hand over the client's socket without a parser, with what it read
 * behind the head put back, and answer when `problem` says so.
 */
import { request as httpRequest, type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { RawLine } from '../../upstream/line.ts';
import type { Permit } from '../../verify/permit.ts';
import { endToEnd, type Field, listMembers, viaField } from '../../wire/fields.ts';
import type { PlainAsk } from '../../wire/request-head.ts';
import type { Limits } from '../limits.ts';
import { flat, INFORMATIONAL_MAX, sendAnswer } from './answer.ts';
import { codeOfFailure, Exchange, type Exchanged, type ExchangeOptions } from './exchange.ts';
import { relay } from './relay.ts';

const UPGRADE_FIELDS: readonly Field[] = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
];

export interface UpgradeWork {
  readonly permit: Permit;
  readonly line: RawLine;
  readonly ask: PlainAsk;
  readonly request: IncomingMessage;
  readonly client: Socket;
  readonly limits: Limits;
  readonly cut: AbortSignal;
  readonly onBytes: ExchangeOptions['onBytes'];
  /** Ends the wait for an answer: the client has gone. Its bytes stay untouched. */
  readonly gone: AbortSignal;
  /** Called before the client's socket is used: nobody else may listen to it from then on. */
  readonly takeClient: () => void;
}

/** Never rejects for anything that client or upstream do. @throws when the permit is not for this line. */
export async function upgrade(work: UpgradeWork): Promise<Exchanged> {
  work.permit.use(work.line.evidence);
  return new Upgrading(work).run();
}

/** A 101: the connection is no longer HTTP. */
interface Switched {
  readonly upstream: IncomingMessage;
  /** What came behind the head. */
  readonly rest: Buffer;
}

class Upgrading {
  readonly #work: UpgradeWork;
  readonly #exchange: Exchange;
  readonly #switched = Promise.withResolvers<Switched>();
  #informational = 0;
  /** An answer that is no 101, on its way to the client. */
  #answer: IncomingMessage | null = null;
  #response: ServerResponse | null = null;

  constructor(work: UpgradeWork) {
    this.#work = work;
    const { limits, cut, onBytes, line } = work;
    const options = { idleTimeoutMs: limits.idleTimeoutMs, cut, onBytes, onEnd: this.#endClient };
    this.#exchange = new Exchange(line.socket, options, this.#onIdle);
  }

  async run(): Promise<Exchanged> {
    const { gone } = this.#work;
    gone.addEventListener('abort', this.#onGone);
    if (gone.aborted) this.#onGone();
    if (!this.#exchange.over) this.#ask();
    const first = await Promise.race([this.#switched.promise, this.#exchange.done]);
    gone.removeEventListener('abort', this.#onGone);
    return 'rest' in first ? this.#splice(first) : first;
  }

  #ask(): void {
    const { ask, line } = this.#work;
    const outgoing = httpRequest({
      createConnection: () => line.socket,
      method: ask.method,
      path: ask.path,
      setHost: false,
      headers: flat([...ask.fields, ...UPGRADE_FIELDS]),
    });
    // No count of our own: Node would drop fields in silence; the size of the head is limited.
    outgoing.maxHeadersCount = 0;
    outgoing.on('error', this.#onFailure);
    outgoing.on('information', () => {
      this.#informational += 1;
      if (this.#informational > INFORMATIONAL_MAX) this.#refuse('1xx');
    });
    outgoing.once('response', (upstream) => this.#passOn(upstream));
    outgoing.once('upgrade', (upstream, _socket, rest) => {
      if (this.#exchange.over) return;
      const protocols = listMembers(upstream.rawHeaders, 'upgrade');
      if (protocols.length !== 1 || protocols[0] !== ask.upgrade) {
        this.#refuse('upgrade');
        return;
      }
      this.#exchange.release();
      this.#switched.resolve({ upstream, rest });
    });
    outgoing.end();
  }

  async #splice({ upstream, rest }: Switched): Promise<Exchanged> {
    const { client, line, limits, cut, onBytes, takeClient } = this.#work;
    takeClient();
    const fields = [...endToEnd(upstream.rawHeaders), viaField(upstream.httpVersion), ...UPGRADE_FIELDS];
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`, 'latin1');
    line.socket.pause();
    if (rest.length > 0) line.socket.unshift(rest);
    const { idleTimeoutMs, halfCloseTimeoutMs } = limits;
    const relayed = await relay(client, line.socket, { idleTimeoutMs, halfCloseTimeoutMs, cut, onBytes });
    return { ...relayed, code: null, problem: null };
  }

  /** Any answer but 101 is an ordinary response, and the last one on this connection. */
  #passOn(upstream: IncomingMessage): void {
    const { client, request, takeClient } = this.#work;
    upstream.on('error', ignore);
    if (this.#exchange.over) return;
    takeClient();
    const response = new ServerResponse(request);
    response.on('error', ignore);
    response.assignSocket(client);
    response.once('finish', () => this.#exchange.settle('upstream'));
    client.once('close', () => this.#exchange.settle('client'));
    const onBroken = (): void => this.#exchange.settle('error', 'response.incomplete');
    const why = sendAnswer(upstream, response, { last: true, onBytes: this.#exchange.meter, onBroken });
    if (why !== null) {
      response.detachSocket(client);
      this.#refuse(why);
      return;
    }
    this.#answer = upstream;
    this.#response = response;
    // What the client still says is not for anybody.
    client.on('data', ignore);
  }

  #refuse(why: string): void {
    if (this.#answer === null) this.#exchange.fail('response.malformed', 'upstream', { why });
  }

  readonly #onFailure = (error: NodeJS.ErrnoException): void => {
    // Node calls a response without a length complete when its connection breaks; here it is not so yet.
    if (this.#answer?.complete === false) this.#exchange.settle('error', 'response.incomplete');
    else if (this.#answer === null) {
      this.#exchange.fail(codeOfFailure(error), 'upstream', { reason: error.code ?? 'closed' });
    }
  };

  readonly #onGone = (): void => this.#exchange.settle('client');

  readonly #onIdle = (): void => {
    if (this.#answer === null) this.#exchange.fail('response.timeout', 'idle');
    else this.#exchange.settle('idle');
  };

  /** A response that has begun and not ended must not look whole, whoever ended it. */
  readonly #endClient = (end: Exchanged): void => {
    const { client } = this.#work;
    if (end.problem !== null) return;
    if (this.#response?.writableFinished === true) client.destroySoon();
    else client.resetAndDestroy();
  };
}

function ignore(): void {}
