/**
 * The public suffix list, ICANN section only: the one door to `tldts`.
 *
 * Does: say whether a domain is a suffix under which strangers register names.
 * Does not: look at the private section (github.io and the like): their owners may hold a wildcard over them.
 */
import { parse } from 'tldts';

/** `domain` in lower-case A-labels. A top-level label that the list does not know counts as a suffix (its rule `*`). */
export function isPublicSuffix(domain: string): boolean {
  const known = parse(domain, {
    allowPrivateDomains: false,
    extractHostname: false,
    validateHostname: false,
    detectIp: false,
  });
  return known.publicSuffix === domain;
}
