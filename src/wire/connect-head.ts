/**
 * Judges the head of a CONNECT request (RFC 9110 §9.3.6, RFC 9112 §3.2) as node:http delivers it.
 *
 * Does: what node:http does not: HTTP version, exactly one Host that agrees with the target, no content, bounded
 * header count and size, one set of credentials.
 * Does not: tokenise. node:http (llhttp, strict) has refused control characters, bare LF, folding and CL+TE before.
 * The caller must: answer a refusal with its code and close the connection: what follows a refused head is never
 * parsed as another request.
 */
import type { Authority } from '../model/authority.ts';
import { AUTHORITY_MAX, type AuthorityFault, parseAuthority, parseWithDefaultPort, sameHost } from './authority.ts';

/** Fields of one request: browsers send below 20, REQ-21 of the threat model allows 100. */
export const HEAD_FIELDS_MAX = 100;
/** Bytes of the request line and all fields: Node's own default, enough for a Kerberos ticket in Proxy-Authorization. */
export const HEAD_BYTES_MAX = 16 * 1024;

/** What node:http knows of a request, and nothing else. */
export interface RequestHead {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly httpVersion: string;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
}

/** What the client asks for. */
export interface Ask {
  readonly authority: Authority;
  /** Value of Proxy-Authorization as sent, a secret: never recorded. Null: not sent. */
  readonly proxyAuthorization: string | null;
}

export type AskCode = 'request.malformed' | 'request.authority' | 'request.too-large' | 'auth.required';

/** Fixed words, safe to print. */
export type HeadFault =
  | AuthorityFault
  | 'method'
  | 'http-version'
  | 'too-many-fields'
  | 'too-many-bytes'
  | 'host-missing'
  | 'host-twice'
  | 'host-malformed'
  | 'host-differs'
  | 'content'
  | 'credentials-twice';

export type ReadAsk =
  | { readonly ok: true; readonly value: Ask }
  | { readonly ok: false; readonly code: AskCode; readonly why: HeadFault };

function fault(code: AskCode, why: HeadFault): ReadAsk {
  return { ok: false, code, why };
}

/** Values of the fields with this lower-case name, in order. Reads the raw list: no object keyed by names from outside. */
export function fieldValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name) values.push(rawHeaders[index + 1] ?? '');
  }
  return values;
}

/** Size faults of a head, for CONNECT and plain requests alike; null: within the limits. */
export function sizeFault(head: RequestHead): 'too-many-fields' | 'too-many-bytes' | null {
  if (head.rawHeaders.length > 2 * HEAD_FIELDS_MAX) return 'too-many-fields';
  let bytes = (head.method?.length ?? 0) + (head.url?.length ?? 0);
  // Two bytes behind each: `: ` after a name, CRLF after a value.
  for (const part of head.rawHeaders) bytes += part.length + 2;
  return bytes > HEAD_BYTES_MAX ? 'too-many-bytes' : null;
}

/**
 * The Host field against the target. HTTP/1.1 requires exactly one; HTTP/1.0 clients (Python up to 3.11) send none.
 * A Host without a port names the default port of its scheme (Java leaves `:443` out), so it agrees with 443 and 80.
 */
function hostFault(values: readonly string[], httpVersion: string, target: Authority): HeadFault | null {
  const [value, ...more] = values;
  if (more.length > 0) return 'host-twice';
  if (value === undefined) return httpVersion === '1.0' ? null : 'host-missing';
  const defaultPort = target.port === 80 ? 80 : 443;
  const host = parseWithDefaultPort(value, defaultPort);
  if (!host.ok) return 'host-malformed';
  return sameHost(host.value, target) && host.value.port === target.port ? null : 'host-differs';
}

/** A CONNECT request has no content; anything that announces some is an attempt to desynchronise us. */
function announcesContent(rawHeaders: readonly string[]): boolean {
  if (fieldValues(rawHeaders, 'transfer-encoding').length > 0) return true;
  return fieldValues(rawHeaders, 'content-length').some((value) => value !== '0');
}

/**
 * Reads a CONNECT head. Never throws. Codes: `request.malformed` and `request.authority` (400), `request.too-large`
 * (431), `auth.required` (407, credentials sent twice).
 */
export function readConnect(head: RequestHead): ReadAsk {
  if (head.method !== 'CONNECT') return fault('request.malformed', 'method');
  if (head.httpVersion !== '1.1' && head.httpVersion !== '1.0') return fault('request.malformed', 'http-version');
  const size = sizeFault(head);
  if (size !== null) return fault('request.too-large', size);
  const url = head.url ?? '';
  if (url.length > AUTHORITY_MAX) return fault('request.too-large', 'too-long');
  const target = parseAuthority(url);
  if (!target.ok) return fault('request.authority', target.why);
  const host = hostFault(fieldValues(head.rawHeaders, 'host'), head.httpVersion, target.value);
  if (host !== null) return fault('request.malformed', host);
  if (announcesContent(head.rawHeaders)) return fault('request.malformed', 'content');
  const credentials = fieldValues(head.rawHeaders, 'proxy-authorization');
  if (credentials.length > 1) return fault('auth.required', 'credentials-twice');
  return { ok: true, value: Object.freeze({ authority: target.value, proxyAuthorization: credentials[0] ?? null }) };
}
