/**
 * The upgrade lane: a WebSocket handshake over the upstream connection that was judged, then bytes both ways.
 *
 * Does: send the head itself, wait for 101 or any other answer, pass either on, relay unread after a 101.
 * Does not: read WebSocket frames, or use http-proxy: its way of doing this merges fields and ends the process when a
 * client resets (its pass was never guarded).
 * The caller must: hold a permit for this line; hand over the client's socket without a parser, with what it read
 * behind the head put back, and answer when `problem` says so.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { RawLine } from '../../upstream/line.ts';
import type { Permit } from '../../verify/permit.ts';
import { endToEnd, listMembers, viaField } from '../../wire/fields.ts';
import type { PlainAsk } from '../../wire/request-head.ts';
import type { Limits } from '../limits.ts';
import { flat, INFORMATIONAL_MAX, sendAnswer } from './answer.ts';
import { codeOfFailure, Exchange, type Exchanged, type ExchangeOptions } from './exchange.ts';
import { relay } from './relay.ts';

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
  /** Called before the client's socket is used, once: nobody else may listen to it from then on. */
  readonly takeClient: () => void;
}

/** How the upstream answered. */
type Answered =
  | { readonly kind: 'switched'; readonly upstream: IncomingMessage; readonly rest: Buffer }
  | { readonly kind: 'other'; readonly upstream: IncomingMessage };

/** Never rejects for anything that client or upstream do. @throws when the permit is not for this line. */
export async function upgrade(work: UpgradeWork): Promise<Exchanged> {
  const { permit, line, client, limits, cut, onBytes, gone } = work;
  permit.use(line.evidence);
  let answering = false;
  const exchange = new Exchange(line.socket, { idleTimeoutMs: limits.idleTimeoutMs, cut, onBytes }, () => {
    if (answering) exchange.settle('idle');
    else exchange.fail('response.timeout', 'idle');
  });
  const onGone = (): void => exchange.settle('client');
  gone.addEventListener('abort', onGone);
  if (gone.aborted) onGone();
  const first = await Promise.race([ask(work, exchange), exchange.done]);
  gone.removeEventListener('abort', onGone);
  if (!('kind' in first)) {
    if (first.problem === null) client.resetAndDestroy();
    return first;
  }
  if (first.kind === 'switched') return splice(work, first, exchange);
  answering = true;
  work.takeClient();
  return passOn(work, first.upstream, exchange);
}

/** Sends the head; stays pending when the exchange ends before there is an answer. */
function ask(work: UpgradeWork, exchange: Exchange): Promise<Answered> {
  const { promise, resolve } = Promise.withResolvers<Answered>();
  if (exchange.over) return promise;
  const outgoing = send(work);
  let informational = 0;
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    exchange.fail(codeOfFailure(error), 'upstream', { reason: error.code ?? 'closed' });
  });
  outgoing.on('information', () => {
    informational += 1;
    if (informational > INFORMATIONAL_MAX) exchange.fail('response.malformed', 'upstream', { why: '1xx' });
  });
  outgoing.once('response', (upstream) => resolve({ kind: 'other', upstream }));
  outgoing.once('upgrade', (upstream, _socket, rest) => {
    const protocols = listMembers(upstream.rawHeaders, 'upgrade');
    if (protocols.length === 1 && protocols[0] === work.ask.upgrade) resolve({ kind: 'switched', upstream, rest });
    else exchange.fail('response.malformed', 'upstream', { why: 'upgrade' });
  });
  return promise;
}

function send({ ask: { method, path, fields }, line }: UpgradeWork): ClientRequest {
  const outgoing = httpRequest({
    createConnection: () => line.socket,
    method,
    path,
    setHost: false,
    headers: flat([...fields, ['Connection', 'Upgrade'], ['Upgrade', 'websocket']]),
  });
  // No limit of our own: Node would drop fields in silence; the size of the head is limited.
  outgoing.maxHeadersCount = 0;
  outgoing.end();
  return outgoing;
}

async function splice(
  work: UpgradeWork,
  { upstream, rest }: Extract<Answered, { kind: 'switched' }>,
  exchange: Exchange,
): Promise<Exchanged> {
  const { client, line, limits, cut, onBytes } = work;
  exchange.release();
  work.takeClient();
  const fields = [...endToEnd(upstream.rawHeaders), viaField(upstream.httpVersion)];
  const lines = flat([...fields, ['Connection', 'Upgrade'], ['Upgrade', 'websocket']]);
  let head = 'HTTP/1.1 101 Switching Protocols\r\n';
  for (let index = 0; index < lines.length; index += 2) head += `${lines[index]}: ${lines[index + 1]}\r\n`;
  client.write(`${head}\r\n`, 'latin1');
  line.socket.pause();
  if (rest.length > 0) line.socket.unshift(rest);
  const { idleTimeoutMs, halfCloseTimeoutMs } = limits;
  const relayed = await relay(client, line.socket, { idleTimeoutMs, halfCloseTimeoutMs, cut, onBytes });
  return { ...relayed, code: null, problem: null };
}

/** Any answer but 101 is an ordinary response, and the last one on this connection. */
async function passOn(work: UpgradeWork, upstream: IncomingMessage, exchange: Exchange): Promise<Exchanged> {
  const { client, request } = work;
  const response = new ServerResponse(request);
  response.on('error', ignore);
  response.assignSocket(client);
  response.once('finish', () => exchange.settle('upstream'));
  client.once('close', () => exchange.settle('client'));
  // What the client still says is not for anybody.
  client.on('data', ignore);
  const onBroken = (): void => exchange.settle('error', 'response.incomplete');
  const why = sendAnswer(upstream, response, { last: true, onBytes: exchange.meter, onBroken });
  if (why !== null) exchange.fail('response.malformed', 'upstream', { why });
  const end = await exchange.done;
  if (end.problem !== null) response.detachSocket(client);
  else if (response.writableFinished) client.destroySoon();
  else client.resetAndDestroy();
  return end;
}

function ignore(): void {}
