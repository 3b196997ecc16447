/**
 * Identity (RFC 9525): does a certificate name the host that the client asked for?
 *
 * Does: compare the canonical host with dNSName and iPAddress of the subjectAltName; nothing else names a server.
 * Does not: read the common name, email addresses, URIs or SRV names, nor ask whether the certificate is trusted.
 * The caller must: pass the authority that was parsed once, which is lower-case A-labels or a canonical address.
 */

import type { Authority } from '../../model/authority.ts';
import { parseIp } from '../../model/ip.ts';
import type { GeneralNames } from './certificate.ts';
import { isPublicSuffix } from './public-suffix.ts';

/** Names shown for a mismatch; a certificate may carry thousands. */
const MAX_PRESENTED = 8;

export type HostMatch =
  | { readonly is: 'matched'; readonly by: string }
  /** The first names of the form that was asked for, each at most 256 characters. Whoever prints them escapes them. */
  | { readonly is: 'mismatch'; readonly presented: readonly string[] }
  /** There is no subjectAltName at all. */
  | { readonly is: 'no-san' }
  /** The only name that would match is a wildcard over a public suffix. */
  | { readonly is: 'public-suffix'; readonly by: string };

/** Matches `authority.host` against the names of a certificate; `undefined`: it has no subjectAltName. */
export function matchesHost(names: GeneralNames | undefined, authority: Pick<Authority, 'host' | 'kind'>): HostMatch {
  if (names === undefined) return NO_SAN;
  return authority.kind === 'name' ? matchName(names.dns, authority.host) : matchAddress(names.ip, authority.host);
}

const NO_SAN: HostMatch = Object.freeze({ is: 'no-san' });

function matchName(patterns: readonly string[], host: string): HostMatch {
  let overSuffix: string | null = null;
  for (const pattern of patterns) {
    const result = matchPattern(pattern, host);
    if (result === 'matched') return Object.freeze({ is: 'matched', by: pattern });
    if (result === 'public-suffix') overSuffix ??= pattern;
  }
  if (overSuffix !== null) return Object.freeze({ is: 'public-suffix', by: overSuffix });
  return mismatch(patterns);
}

/** One DNS name: labels of letters, digits and hyphens, and of underscores, which private CAs do issue. */
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** A name whose last label is a number is an IPv4 address to some resolvers (`127.1`), so it is never a name here. */
const ENDS_IN_NUMBER = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * RFC 9525 §6.3: `*` only as the whole left-most label, standing for exactly one label. A name with a trailing dot,
 * a partial wildcard or another character matches nothing.
 */
function matchPattern(written: string, host: string): 'matched' | 'mismatch' | 'public-suffix' {
  const pattern = written.toLowerCase();
  const wildcard = pattern.startsWith('*.');
  const name = wildcard ? pattern.slice(2) : pattern;
  const asked = wildcard ? host.slice(host.indexOf('.') + 1) : host;
  if (name !== asked || (wildcard && !host.includes('.'))) return 'mismatch';
  if (!DNS_NAME.test(host) || ENDS_IN_NUMBER.test(host)) return 'mismatch';
  return wildcard && isPublicSuffix(name) ? 'public-suffix' : 'matched';
}

/** RFC 9525 §6.5: bytes against bytes, each family for itself. */
function matchAddress(addresses: readonly Buffer[], host: string): HostMatch {
  const wanted = parseIp(host);
  const found = wanted === null ? undefined : addresses.find((address) => address.equals(wanted));
  if (found !== undefined) return Object.freeze({ is: 'matched', by: host });
  return mismatch(addresses.slice(0, MAX_PRESENTED).map((address) => address.toString('hex')));
}

function mismatch(presented: readonly string[]): HostMatch {
  const shown = presented.slice(0, MAX_PRESENTED).map((name) => name.slice(0, 256));
  return Object.freeze({ is: 'mismatch', presented: Object.freeze(shown) });
}
