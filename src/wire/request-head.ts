/**
 * Judges the head of a plain HTTP request to a proxy (absolute form, RFC 9112 §3.2.2) as node:http delivers it, and says
 * what is to be sent upstream.
 *
 * Does: the target once, a Host that agrees with it, a framing that can be read in one way only, the fields for upstream.
 * Does not: tokenise. node:http (llhttp, strict) has refused control characters, bare LF, folding and CL+TE before; it
 * lets pass `identity, chunked`, and Transfer-Encoding in HTTP/1.0.
 * The caller must: answer a refusal with its code and close the connection, whose framing is then unknown.
 */
import { type Authority, printAuthority } from '../model/authority.ts';
import { type AuthorityFault, parseHttpTarget, parseWithDefaultPort, sameHost } from './authority.ts';
import { fieldValues, type RequestHead, sizeFault } from './connect-head.ts';
import { endToEnd, type Field, listMembers, viaField } from './fields.ts';

/** How the content is delimited. */
export type Content = 'none' | 'length' | 'chunked';

/** What the client asks for. */
export interface PlainAsk {
  readonly method: string;
  readonly authority: Authority;
  /** Target in origin form, exactly as it stood behind the authority; `*` for OPTIONS of a whole server. */
  readonly path: string;
  readonly content: Content;
  /** The client waits for a 100 before it sends the content. */
  readonly expectsContinue: boolean;
  /** The one protocol that a connection may be changed to. */
  readonly upgrade: 'websocket' | null;
  /** For upstream, Host first, without Connection, Transfer-Encoding and Expect. */
  readonly fields: readonly Field[];
  /** Value of Proxy-Authorization as sent, a secret: never recorded or forwarded. Null: not sent. */
  readonly proxyAuthorization: string | null;
}

/** Fixed words, safe to print. */
export type PlainFault =
  | AuthorityFault
  | 'method'
  | 'http-version'
  | 'too-many-fields'
  | 'too-many-bytes'
  | 'not-absolute'
  | 'needs-connect'
  | 'host-missing'
  | 'host-twice'
  | 'host-malformed'
  | 'host-differs'
  | 'transfer-encoding'
  | 'content-length'
  | 'expectation'
  | 'max-forwards'
  | 'credentials-twice';

export type ReadPlain =
  | { readonly ok: true; readonly value: PlainAsk }
  | {
      readonly ok: false;
      readonly code: 'request.malformed' | 'request.authority' | 'request.too-large' | 'auth.required';
      readonly why: PlainFault;
    };

/** Fifteen digits stay exact in a double, and no content is a petabyte. */
const LENGTH = /^(?:0|[1-9][0-9]{0,14})$/;
const MAX_FORWARDS = /^[0-9]{1,9}$/;
const HTTP_URI = /^http:\/\//i;
/** What travels through a tunnel, and is never asked for in the clear. */
const TUNNELLED_URI = /^(?:https|wss):\/\//i;
/** Sent anew by us, or by the connection. */
const REPLACED: ReadonlySet<string> = new Set(['host', 'expect', 'max-forwards']);

/** Whether a target is of a request that wants to be forwarded, and not one to this proxy itself. */
export function isAbsoluteForm(target: string): boolean {
  return !target.startsWith('/') && target !== '*';
}

/**
 * HTTP/1.1 requires exactly one Host; HTTP/1.0 clients may send none. It must name what the URI names: whoever reads
 * only one of the two must come to the same host (RFC 9112 §3.2.2 would have us ignore it).
 */
function hostFault(values: readonly string[], httpVersion: string, target: Authority): PlainFault | null {
  const [value, ...more] = values;
  if (more.length > 0) return 'host-twice';
  if (value === undefined) return httpVersion === '1.0' ? null : 'host-missing';
  const host = parseWithDefaultPort(value, 80);
  if (!host.ok) return 'host-malformed';
  return sameHost(host.value, target) && host.value.port === target.port ? null : 'host-differs';
}

/** RFC 9112 §6.3: what two readers could understand differently is refused. */
function contentOf({ rawHeaders, httpVersion }: RequestHead): Content | 'transfer-encoding' | 'content-length' {
  const codings = fieldValues(rawHeaders, 'transfer-encoding');
  const lengths = fieldValues(rawHeaders, 'content-length');
  if (codings.length > 0) {
    const plain = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked';
    return plain && lengths.length === 0 && httpVersion === '1.1' ? 'chunked' : 'transfer-encoding';
  }
  if (lengths.length === 0) return 'none';
  return lengths.length === 1 && LENGTH.test(lengths[0] ?? '') ? 'length' : 'content-length';
}

/** Host as authority-form without the default port. */
function hostValue(authority: Authority): string {
  const text = printAuthority(authority);
  return authority.port === 80 ? text.slice(0, -':80'.length) : text;
}

/**
 * WebSocket (RFC 6455 §4.1) and nothing else. Any other upgrade is left out of what is forwarded, as RFC 9110 §7.8
 * allows: h2c would carry requests that nobody compares with the target.
 */
function upgradeOf({ method, httpVersion, rawHeaders }: RequestHead, content: Content): 'websocket' | null {
  const asks = listMembers(rawHeaders, 'connection').includes('upgrade');
  const protocols = listMembers(rawHeaders, 'upgrade');
  const websocket = protocols.length === 1 && protocols[0] === 'websocket';
  return asks && websocket && method === 'GET' && httpVersion === '1.1' && content === 'none' ? 'websocket' : null;
}

/** RFC 9110 §7.6.2, for OPTIONS: counts down; `max-forwards` when it would have to end here. */
function forwardsLeft(rawHeaders: readonly string[]): Field[] | 'max-forwards' {
  const values = fieldValues(rawHeaders, 'max-forwards');
  if (values.length === 0) return [];
  const [value = ''] = values;
  if (values.length > 1 || !MAX_FORWARDS.test(value) || Number(value) === 0) return 'max-forwards';
  return [['Max-Forwards', String(Number(value) - 1)]];
}

function fieldsFor(head: RequestHead, authority: Authority): Field[] | 'max-forwards' {
  const left = head.method === 'OPTIONS' ? forwardsLeft(head.rawHeaders) : [];
  if (left === 'max-forwards') return left;
  const host: Field = ['Host', hostValue(authority)];
  return [host, ...endToEnd(head.rawHeaders, REPLACED), ...left, viaField(head.httpVersion)];
}

function targetOf(head: RequestHead): ReadPlain | { readonly authority: Authority; readonly path: string } {
  const url = head.url ?? '';
  if (TUNNELLED_URI.test(url)) return fault('request.authority', 'needs-connect');
  if (!HTTP_URI.test(url))
    return fault(isAbsoluteForm(url) ? 'request.authority' : 'request.malformed', 'not-absolute');
  const target = parseHttpTarget(url);
  if (!target.ok) return fault('request.authority', target.why);
  const { authority, path } = target.value;
  // RFC 9112 §3.2.4: without path and query the question is about the server.
  const wholeServer = head.method === 'OPTIONS' && !/[/?]/.test(url.slice('http://'.length));
  return { authority, path: wholeServer ? '*' : path };
}

function fault(code: Extract<ReadPlain, { ok: false }>['code'], why: PlainFault): ReadPlain {
  return { ok: false, code, why };
}

/**
 * Reads a head. Never throws. Codes: `request.malformed` and `request.authority` (400), `request.too-large` (431),
 * `auth.required` (407, credentials sent twice).
 */
export function readPlain(head: RequestHead): ReadPlain {
  const { method = '', httpVersion, rawHeaders } = head;
  // TRACE sends back what it is sent, cookies included; nobody needs it through a proxy.
  if (method === '' || method === 'CONNECT' || method === 'TRACE') return fault('request.malformed', 'method');
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return fault('request.malformed', 'http-version');
  const size = sizeFault(head);
  if (size !== null) return fault('request.too-large', size);
  const target = targetOf(head);
  if ('ok' in target) return target;
  const host = hostFault(fieldValues(rawHeaders, 'host'), httpVersion, target.authority);
  if (host !== null) return fault('request.malformed', host);
  const content = contentOf(head);
  if (content === 'transfer-encoding' || content === 'content-length') return fault('request.malformed', content);
  const expectations = listMembers(rawHeaders, 'expect');
  if (expectations.some((one) => one !== '100-continue')) return fault('request.malformed', 'expectation');
  const credentials = fieldValues(rawHeaders, 'proxy-authorization');
  if (credentials.length > 1) return fault('auth.required', 'credentials-twice');
  const fields = fieldsFor(head, target.authority);
  if (fields === 'max-forwards') return fault('request.malformed', fields);
  return {
    ok: true,
    value: Object.freeze({
      method,
      ...target,
      content,
      // RFC 9110 §10.1.1: ignored without content and in HTTP/1.0.
      expectsContinue: expectations.length > 0 && content !== 'none' && httpVersion === '1.1',
      upgrade: upgradeOf(head, content),
      fields,
      proxyAuthorization: credentials[0] ?? null,
    }),
  };
}
