/**
 * Host patterns: exact, `*.x` (exactly one label), `**.x` (one or more labels), each with an optional port.
 *
 * Does: canonical form by the same parser that reads what clients ask for, so that both sides compare equal;
 * U-labels become A-labels; refusals say what to write instead.
 * Does not: match (table.ts) or judge public suffixes (lint.ts).
 */
import { domainToASCII } from 'node:url';
import type { Authority } from '../model/authority.ts';
import { parseIp } from '../model/ip.ts';
import { parseHost } from '../wire/authority.ts';
import { backtick } from './mistakes.ts';
import type { HostPattern } from './policy.ts';

export type ParsedPattern =
  | { readonly ok: true; readonly value: Pick<HostPattern, 'kind' | 'host' | 'port'> }
  | { readonly ok: false; readonly why: string; readonly hint: string };

/** Room for U-labels; what they become is held to 253 characters by the authority parser. */
const PATTERN_MAX = 512;
const PORT = /^[1-9][0-9]{0,4}$/;

function no(why: string, hint: string): ParsedPattern {
  return { ok: false, why, hint };
}

/** Never throws. */
export function parsePattern(text: string): ParsedPattern {
  if (text.length > PATTERN_MAX) {
    return no('the pattern is too long', 'write one host name');
  }
  const shape = refuseShape(text);
  if (shape !== null) {
    return shape;
  }
  const { host: withStars, port: portText } = splitPort(text);
  const port = portText === null ? null : Number(portText);
  if (portText !== null && (!PORT.test(portText) || Number(portText) > 65_535)) {
    return no(`${backtick(portText)} is not a port`, 'write a port from 1 to 65535 without leading zeros');
  }
  const stars = /^\*\*?(?=\.)/.exec(withStars)?.[0] ?? '';
  const bare = stars === '' ? withStars : withStars.slice(stars.length + 1);
  const read = canonicalHost(bare);
  const below = bare.startsWith('.') ? canonicalHost(bare.slice(1)) : null;
  if (stars === '' && below?.kind === 'name') {
    const named = port === null ? below.host : `${below.host}:${port}`;
    const both = `${backtick(named)} and ${backtick(`**.${named}`)}`;
    return no(`${backtick(text)} is not a host`, `write ${both}: the name, and all names below it`);
  }
  if (read === null) {
    return no(`${backtick(text)} is not a host`, 'write a DNS name such as api.bank.example, or an IP address');
  }
  if (stars !== '' && read.kind !== 'name') {
    return no('a star in front of an IP address matches nothing', 'write the address alone');
  }
  const kind = stars === '' ? 'exact' : stars === '*' ? 'one' : 'deep';
  return { ok: true, value: { kind, host: read.host, port } };
}

function refuseShape(text: string): ParsedPattern | null {
  if (text === '' || text !== text.trim() || /\s/u.test(text)) {
    return no('the pattern is empty or has white space', 'write one host name');
  }
  const scheme = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(text);
  if (scheme !== null) {
    return no('this is a URL, not a host', `write ${backtick(scheme[1] || 'api.bank.example')}`);
  }
  if (/\/[0-9]{1,3}$/.test(text) && parseIp(text.slice(0, text.lastIndexOf('/'))) !== null) {
    return no('address ranges cannot be matched', 'list each address; ranges belong into `allowPrivate` or `clients`');
  }
  if (text === '*' || text === '**') {
    return no(`${backtick(text)} would match every host`, 'use `unmatched:` in pinwarden.yaml for all other hosts');
  }
  const withoutFront = text.replace(/^\*\*?\./, '');
  if (withoutFront.includes('*')) {
    const parent = withoutFront
      .split('.')
      .slice(withoutFront.split('.').findLastIndex((label) => label.includes('*')) + 1);
    const hint = parent.length > 0 ? `write ${backtick(`**.${parent.join('.')}`)}` : 'write `**.` before a domain';
    return no('a star may only stand alone as the first label', hint);
  }
  return null;
}

function splitPort(text: string): { host: string; port: string | null } {
  if (!text.startsWith('[') && parseIp(text) !== null) {
    return { host: text, port: null };
  }
  const colon = text.lastIndexOf(':');
  return colon === -1 || text.endsWith(']')
    ? { host: text, port: null }
    : { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

/** A host in canonical form, U-labels as A-labels, IPv6 with or without brackets; null: not a host. */
export function canonicalHost(text: string): Pick<Authority, 'host' | 'kind'> | null {
  if (/^[\x20-\x7e]*$/.test(text)) {
    const bracketed = text.includes(':') && !text.startsWith('[') ? `[${text}]` : text;
    const read = parseHost(bracketed);
    return read.ok ? read.value : null;
  }
  const ascii = domainToASCII(text);
  const read = parseHost(ascii);
  // UTS 46 maps full-width digits to digits: a name must not become an address on the way.
  return read.ok && read.value.kind === 'name' ? read.value : null;
}

/** Whether every authority that `inner` matches is matched by `outer`: for the bounds of an owner. */
export function liesWithin(
  inner: Omit<HostPattern, 'text' | 'place'>,
  outer: Omit<HostPattern, 'text' | 'place'>,
): boolean {
  if (outer.port !== null && outer.port !== inner.port) {
    return false;
  }
  const below = inner.host.endsWith(`.${outer.host}`);
  if (outer.kind === 'exact') {
    return inner.kind === 'exact' && inner.host === outer.host;
  }
  if (outer.kind === 'one') {
    const oneLabel = below && !inner.host.slice(0, -outer.host.length - 1).includes('.');
    return inner.kind === 'exact' ? oneLabel : inner.kind === 'one' && inner.host === outer.host;
  }
  return inner.kind === 'exact' ? below : below || inner.host === outer.host;
}
