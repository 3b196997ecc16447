/**
 * Reads the answer of another proxy to our CONNECT (RFC 9110 §9.3.6, RFC 9112 §4). Pure.
 *
 * Does: find the end of the head and its status; bounded, and strict about the status line.
 * Does not: read fields. What a 2xx says about content is ignored, as RFC 9110 demands.
 * The caller must: hand in everything received so far, and treat what follows the head of a 2xx as tunnel bytes.
 */

/** Bytes of an answer's head: our own limit for request heads. */
export const REPLY_HEAD_BYTES_MAX = 16 * 1024;

export type ReadConnectReply =
  | { readonly is: 'incomplete' }
  /** `headBytes`: length of the head with its empty line. `reason`: as sent, escape it before printing. */
  | { readonly is: 'reply'; readonly status: number; readonly reason: string; readonly headBytes: number }
  | { readonly is: 'malformed'; readonly why: 'too-large' | 'status-line' };

const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: ([^\r\n]*))?$/;
const END = '\r\n\r\n';
/** Enough to know that it is not HTTP. */
const PREFIX = 'HTTP/1.';

/** Never throws. `bytes`: all that came so far. */
export function readConnectReply(bytes: Buffer): ReadConnectReply {
  const text = bytes.subarray(0, REPLY_HEAD_BYTES_MAX).toString('latin1');
  if (!text.startsWith(PREFIX.slice(0, text.length))) return { is: 'malformed', why: 'status-line' };
  const end = text.indexOf(END);
  if (end === -1) {
    return bytes.length >= REPLY_HEAD_BYTES_MAX ? { is: 'malformed', why: 'too-large' } : { is: 'incomplete' };
  }
  const match = STATUS_LINE.exec(text.slice(0, text.indexOf('\r\n')));
  if (match === null) return { is: 'malformed', why: 'status-line' };
  return { is: 'reply', status: Number(match[1]), reason: match[2] ?? '', headBytes: end + END.length };
}
