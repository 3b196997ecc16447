/**
 * The authority parser: the only place that turns text from outside into a host and a port.
 *
 * Does: CONNECT targets, Host headers and the authority of absolute-form http URIs, strictly and in canonical form, so
 * that policy, DNS, SNI, minting, metrics and records all speak of the same host.
 * Does not: resolve, or judge addresses (upstream/addresses.ts does, on what was resolved).
 * The caller must: use the returned object and never parse the text again.
 *
 * Stricter than RFC 3986 §3.2 on purpose: names are letters, digits, hyphens and underscores (DNS as deployed), there
 * is no user information, percent-encoding or zone id, and a host whose last label looks like a number must be a
 * dotted IPv4 address, because getaddrinfo would read `127.1`, `0x7f.1` and `2130706433` as addresses.
 */
import type { Authority } from '../model/authority.ts';
import { parseIp, printIp } from '../model/ip.ts';

export type Host = Pick<Authority, 'host' | 'kind'>;

/** Why a text is not an authority; fixed words, safe to print. */
export type AuthorityFault =
  | 'empty'
  | 'too-long'
  | 'bad-character'
  | 'user-information'
  | 'bad-host'
  | 'bad-label'
  | 'numeric-host'
  | 'bad-ipv6'
  | 'missing-port'
  | 'bad-port'
  | 'bad-uri';

export type ReadAuthority<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: AuthorityFault };

/** Longest name (RFC 1035 §2.3.4: 255 octets on the wire are 253 characters) and label. */
const NAME_MAX = 253;
const LABEL_MAX = 63;
/** A name with its trailing dot, a colon and five digits is the longest text that can be right. */
export const AUTHORITY_MAX = NAME_MAX + 1 + 6;

const NAME_CHARACTERS = /^[a-z0-9._-]+$/;
/** Underscores occur in real host names; a hyphen at either end does not. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;
/** What getaddrinfo would take for a number: decimal, octal or hexadecimal. */
const NUMERIC_LABEL = /^(?:[0-9]+|0x[0-9a-f]*)$/;
const PORT = /^[1-9][0-9]{0,4}$/;

function fault(why: AuthorityFault): { readonly ok: false; readonly why: AuthorityFault } {
  return { ok: false, why };
}

function parseName(text: string): ReadAuthority<Host> {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  if (name === '') return fault('empty');
  if (name.length > NAME_MAX) return fault('too-long');
  if (!NAME_CHARACTERS.test(name)) return fault('bad-character');
  const labels = name.split('.');
  const last = labels.at(-1) ?? '';
  if (NUMERIC_LABEL.test(last)) {
    // A trailing dot behind an address is not an address.
    const bytes = text.endsWith('.') ? null : parseIp(name);
    return bytes === null ? fault('numeric-host') : { ok: true, value: { host: printIp(bytes), kind: 'ipv4' } };
  }
  if (!labels.every((label) => label.length <= LABEL_MAX && LABEL.test(label))) return fault('bad-label');
  return { ok: true, value: { host: name, kind: 'name' } };
}

function parseBracketed(inner: string): ReadAuthority<Host> {
  const bytes = inner.includes(':') ? parseIp(inner) : null;
  return bytes === null ? fault('bad-ipv6') : { ok: true, value: { host: printIp(bytes), kind: 'ipv6' } };
}

/**
 * A host alone: a name (one trailing dot is stripped), dotted IPv4, or IPv6 in brackets. Never throws.
 * Used for server names, Host headers without a port and hosts in policies.
 */
export function parseHost(text: string): ReadAuthority<Host> {
  if (text === '') return fault('empty');
  if (text.length > AUTHORITY_MAX) return fault('too-long');
  if (text.startsWith('[')) return text.endsWith(']') ? parseBracketed(text.slice(1, -1)) : fault('bad-ipv6');
  return parseName(toLowerAscii(text));
}

/** Lower-cases A to Z only: `toLowerCase` would turn the Kelvin sign into a plain k and so change which host is meant. */
function toLowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Splits before the colon of the port; null: there is no port. */
function splitPort(text: string): { host: string; port: string } | null {
  const colon = text.lastIndexOf(':');
  if (colon === -1 || (text.startsWith('[') && colon < text.lastIndexOf(']'))) return null;
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

/**
 * `host:port` as in a CONNECT target (RFC 9112 §3.2.3). The port is required, 1 to 65535, digits without leading
 * zeros. Never throws.
 */
export function parseAuthority(text: string): ReadAuthority<Authority> {
  return parseWithDefaultPort(text, null);
}

/** Like `parseAuthority`; a missing port (not an empty one) is `defaultPort`. */
export function parseWithDefaultPort(text: string, defaultPort: number | null): ReadAuthority<Authority> {
  if (text === '') return fault('empty');
  if (text.length > AUTHORITY_MAX) return fault('too-long');
  if (text.includes('@')) return fault('user-information');
  const split = splitPort(text);
  if (split === null) {
    if (defaultPort === null) return fault('missing-port');
    const host = parseHost(text);
    return host.ok ? { ok: true, value: Object.freeze({ ...host.value, port: defaultPort }) } : host;
  }
  // `::1:443` could be two different things; RFC 3986 §3.2.2 wants brackets.
  if (split.host.includes(':') && !split.host.startsWith('[')) return fault('bad-host');
  const host = parseHost(split.host);
  if (!host.ok) return host;
  if (split.port === '') return fault('missing-port');
  if (!PORT.test(split.port) || Number(split.port) > 65_535) return fault('bad-port');
  return { ok: true, value: Object.freeze({ ...host.value, port: Number(split.port) }) };
}

/** The target of a plain HTTP proxy request. */
export interface HttpTarget {
  readonly authority: Authority;
  /** Path and query in origin form, starting with `/`. */
  readonly path: string;
}

/** Characters of a path and query that Node's parser lets through and that RFC 3986 §3.3 allows. */
const PATH = /^[\x21-\x22\x24-\x7e]*$/;

/**
 * An absolute-form request target (RFC 9112 §3.2.2), `http` only: https goes through CONNECT. A fragment, user
 * information, an empty host or another scheme is refused. Never throws.
 */
export function parseHttpTarget(text: string): ReadAuthority<HttpTarget> {
  if (!/^http:\/\//i.test(text)) return fault('bad-uri');
  const rest = text.slice('http://'.length);
  const end = rest.search(/[/?]/);
  const authority = parseWithDefaultPort(end === -1 ? rest : rest.slice(0, end), 80);
  if (!authority.ok) return authority;
  const tail = end === -1 ? '/' : rest.slice(end);
  if (!PATH.test(tail)) return fault('bad-uri');
  return { ok: true, value: { authority: authority.value, path: tail.startsWith('/') ? tail : `/${tail}` } };
}

/** Whether two parsed hosts are the same host; ports are not compared. */
export function sameHost(left: Host, right: Host): boolean {
  return left.kind === right.kind && left.host === right.host;
}
