/**
 * Judges the head of an upstream's response to a plain HTTP request, as node:http delivers it, and says what the client
 * is to get.
 *
 * Does: a final status, a framing that can be read in one way only, the fields for the client.
 * Does not: tokenise. node:http (llhttp, strict) has refused control characters and the worst of framing before, but
 * hands over any three digits as status.
 * The caller must: answer a refusal by 502 and close the upstream connection.
 */
import { fieldValues } from './connect-head.ts';
import { endToEnd, type Field, viaField } from './fields.ts';

/** What node:http knows of a response, and nothing else. */
export interface ResponseHead {
  readonly statusCode: number | undefined;
  readonly statusMessage: string | undefined;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
}

export interface Answer {
  readonly status: number;
  readonly reason: string;
  /** For the client, without Connection and Transfer-Encoding. */
  readonly fields: readonly Field[];
}

/** Fixed words, safe to print. */
export type AnswerFault = 'status' | 'http-version' | 'transfer-encoding' | 'content-length';

export type ReadAnswer =
  | { readonly ok: true; readonly value: Answer }
  | { readonly ok: false; readonly why: AnswerFault };

const LENGTH = /^(?:0|[1-9][0-9]{0,14})$/;
const NONE: ReadonlySet<string> = new Set();
const LENGTH_ONLY: ReadonlySet<string> = new Set(['content-length']);
/** Graphic ASCII and spaces: the reason phrase is for people, and nothing reads it. */
const REASON = /^[\x20-\x7e]*$/;

/** 407 of an origin would ask the client for the credentials of the proxy. */
function isFinal(status: number): boolean {
  return status >= 200 && status <= 599 && status !== 407;
}

function framingFault({ rawHeaders, httpVersion }: ResponseHead): AnswerFault | null {
  const codings = fieldValues(rawHeaders, 'transfer-encoding');
  const lengths = fieldValues(rawHeaders, 'content-length');
  if (codings.length > 0) {
    const plain = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked';
    return plain && lengths.length === 0 && httpVersion === '1.1' ? null : 'transfer-encoding';
  }
  if (lengths.length === 0) return null;
  return lengths.length === 1 && LENGTH.test(lengths[0] ?? '') ? null : 'content-length';
}

/** Reads the head of a final response. Never throws. */
export function readAnswer(head: ResponseHead): ReadAnswer {
  const { statusCode = 0, statusMessage = '', httpVersion, rawHeaders } = head;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return { ok: false, why: 'http-version' };
  if (!isFinal(statusCode)) return { ok: false, why: 'status' };
  const why = framingFault(head);
  if (why !== null) return { ok: false, why };
  // RFC 9110 §8.6: no length with 204; one that lies would leave the client waiting.
  const fields = [...endToEnd(rawHeaders, statusCode === 204 ? LENGTH_ONLY : NONE), viaField(httpVersion)];
  const reason = REASON.test(statusMessage) ? statusMessage : '';
  return { ok: true, value: Object.freeze({ status: statusCode, reason, fields }) };
}
