/**
 * The way back of a plain HTTP request: an upstream's response, judged and sent to the client.
 *
 * Does: refuse what is no acceptable response before a byte of it is sent; pass on fields, body, trailers and 1xx.
 * Does not: know who carries the request (http.ts, upgrade.ts).
 * The caller must: reset the client's connection when the response broke off, since without a length an orderly end
 * would make a part look like the whole; and destroy the upstream connection when the response has closed.
 */
import type { IncomingMessage, InformationEvent, OutgoingMessage, ServerResponse } from 'node:http';
import { endToEnd, endToEndTrailers, type Field, viaField } from '../../wire/fields.ts';
import { type AnswerFault, readAnswer } from '../../wire/response-head.ts';

/** 1xx responses passed on for one request: real servers send one or two, and none of them is anything but a hint. */
export const INFORMATIONAL_MAX = 16;

export interface AnswerOptions {
  /** The client's connection must not carry another request. */
  readonly last: boolean;
  readonly onBytes: () => void;
  /** The upstream closed before the end of its response. */
  readonly onBroken: () => void;
}

/**
 * Starts sending; a whole answer ends with `finish` of `response`.
 * @returns why the response is refused; null: it is on its way.
 */
export function sendAnswer(
  upstream: IncomingMessage,
  response: ServerResponse,
  options: AnswerOptions,
): AnswerFault | 'field' | null {
  const { statusCode, statusMessage, httpVersion, rawHeaders } = upstream;
  const answer = readAnswer({ statusCode, statusMessage, httpVersion, rawHeaders });
  if (!answer.ok) return answer.why;
  const { status, reason, fields } = answer.value;
  try {
    response.writeHead(status, reason, flat(options.last ? [...fields, ['Connection', 'close']] : fields));
  } catch {
    // Node reads by one table of characters and writes by another; what only the first takes ends here.
    return 'field';
  }
  // An error is followed by `close`, which looks at what is missing.
  upstream.on('error', ignore);
  upstream.once('close', () => {
    if (!upstream.complete) options.onBroken();
  });
  upstream.once('end', () => {
    const trailers = endToEndTrailers(upstream.rawTrailers);
    if (trailers.length > 0 && response.chunkedEncoding) addTrailers(response, trailers);
  });
  upstream.on('data', options.onBytes);
  upstream.pipe(response);
  return null;
}

/** Adds what may be written; a trailer that may not is lost, since the message before it is out. */
export function addTrailers(message: OutgoingMessage, trailers: readonly Field[]): void {
  try {
    message.addTrailers(trailers as [string, string][]);
  } catch {
    // As above: a field that Node reads and does not write.
  }
}

/** Passes on a 1xx (RFC 9110 §15.2); not to HTTP/1.0 clients, which do not know them. */
export function sendInformation(upstream: InformationEvent, response: ServerResponse): void {
  const { socket, req } = response;
  if (socket === null || response.headersSent || req.httpVersion !== '1.1') return;
  const fields = [...endToEnd(upstream.rawHeaders), viaField(upstream.httpVersion)];
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`HTTP/1.1 ${upstream.statusCode} Information\r\n${lines}\r\n`, 'latin1');
}

/** Names and values in turn: the form in which Node keeps order, case and repetition. */
export function flat(fields: readonly Field[]): string[] {
  return fields.flat();
}

function ignore(): void {}
