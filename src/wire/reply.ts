/**
 * Whole HTTP/1.1 answers: the refusal of a CONNECT or request, and the 200 that opens a tunnel.
 *
 * Does: print bytes that no peer string can split or forge: the status line and field names hold only our own words,
 * field values are quoted strings of printable ASCII, everything else is in the JSON body.
 * Does not: send them.
 * The caller must: close the connection behind a refusal.
 */
import { problemObject, type Refusal, statusOf } from './problem-json.ts';
import { alertStatus, type Note, refusalStatus } from './proxy-status.ts';

/** A refusal in parts, for answers that go through node:http. */
export interface RefusalParts {
  readonly status: number;
  /** Names the code, since most clients show nothing else. */
  readonly reason: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Clients that are over a limit may try again at once: limits are counts of what is open, not of what was tried. */
const RETRY_AFTER_SECONDS = '1';

/** Status, reason, fields and body of a refusal. */
export function refusalParts(refusal: Refusal): RefusalParts {
  const status = statusOf(refusal);
  const body = Buffer.from(`${JSON.stringify(problemObject(refusal), null, 2)}\n`);
  const headers: [string, string][] = [
    ['Proxy-Status', refusalStatus(refusal)],
    ['Content-Type', 'application/problem+json'],
    ['Content-Length', String(body.length)],
    ['Cache-Control', 'no-store'],
    ['Connection', 'close'],
  ];
  if (status === 407) headers.push(['Proxy-Authenticate', 'Basic realm="pinwarden", charset="UTF-8"']);
  if (status === 429 || status === 503) headers.push(['Retry-After', RETRY_AFTER_SECONDS]);
  return { status, reason: `pinwarden: ${refusal.code}`, headers, body };
}

/** The refusal as the bytes of one HTTP/1.1 response; `head-only` answers HEAD (RFC 9110 §9.3.2). */
export function refusalReply(refusal: Refusal, content: 'whole' | 'head-only' = 'whole'): Buffer {
  const { status, reason, headers, body } = refusalParts(refusal);
  const fields = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${fields}\r\n`, 'latin1');
  return content === 'whole' ? Buffer.concat([head, body]) : head;
}

/**
 * The answer that opens a tunnel. No Content-Length or Transfer-Encoding: a 2xx to CONNECT has no content
 * (RFC 9110 §9.3.6). `alert`: the tunnel is open although something is wrong, and the client may read what.
 */
export function tunnelReply(alert: Note | null): Buffer {
  const field = alert === null ? '' : `Proxy-Status: ${alertStatus(alert)}\r\n`;
  return Buffer.from(`HTTP/1.1 200 Connection established\r\n${field}\r\n`, 'latin1');
}
