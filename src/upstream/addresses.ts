/**
 * The address guard: which resolved addresses may be dialled at all. Pure.
 *
 * Does: refuse everything that is not ordinary public unicast, also when it hides inside an IPv6 address, and refuse
 * ourselves whatever a rule allows. Ranges: IANA special-purpose registries (RFC 6890 and its updates).
 * Does not: look at text. `127.1`, `0x7f.1` and names are only as good as the bytes they resolve to.
 * The caller must: dial the very address that was judged.
 */
import { type Cidr, cidrHolds, type IpBytes, isIpv4Mapped, parseCidr, parseIp, unmapIp } from '../model/ip.ts';

/** One of our own listening sockets. */
export interface OwnEndpoint {
  /** Address it is bound to; `0.0.0.0` and `::` mean every address of this machine. */
  readonly address: string;
  readonly port: number;
}

/** Who we are, so that we never dial ourselves. */
export interface Self {
  readonly endpoints: readonly OwnEndpoint[];
  /** All addresses of this machine's interfaces, at the time of asking. */
  readonly interfaces: readonly IpBytes[];
}

export type AddressVerdict =
  | { readonly ok: true }
  /** `range`: fixed words, safe to print. */
  | { readonly ok: false; readonly code: 'address.denied' | 'address.self'; readonly range: string };

interface Range {
  readonly cidr: Cidr;
  readonly name: string;
  /** Where an IPv4 address is embedded in addresses of this range; it is judged too when a rule allows the range. */
  readonly embedsAt: number | null;
}

function range(text: string, name: string, embedsAt: number | null = null): Range {
  const cidr = parseCidr(text);
  if (cidr === null) throw new Error(`bad range ${text}`);
  return Object.freeze({ cidr, name, embedsAt });
}

/** The first match names the range, so narrow ranges come before wide ones. */
const DENIED: readonly Range[] = Object.freeze([
  range('0.0.0.0/8', 'this network'),
  range('10.0.0.0/8', 'private'),
  range('100.64.0.0/10', 'carrier-grade NAT'),
  range('127.0.0.0/8', 'loopback'),
  range('169.254.0.0/16', 'link-local'),
  range('172.16.0.0/12', 'private'),
  range('192.0.0.0/24', 'protocol assignments'),
  range('192.0.2.0/24', 'documentation'),
  range('192.88.99.0/24', '6to4 relay'),
  range('192.168.0.0/16', 'private'),
  range('198.18.0.0/15', 'benchmark'),
  range('198.51.100.0/24', 'documentation'),
  range('203.0.113.0/24', 'documentation'),
  range('224.0.0.0/4', 'multicast'),
  range('255.255.255.255/32', 'broadcast'),
  range('240.0.0.0/4', 'reserved'),
  range('::/128', 'unspecified'),
  range('::1/128', 'loopback'),
  range('::/96', 'IPv4-compatible', 12),
  range('::ffff:0:0/96', 'IPv4-mapped', 12),
  range('::ffff:0:0:0/96', 'IPv4-translated', 12),
  range('64:ff9b::/96', 'NAT64', 12),
  // RFC 8215: the operator chooses where in it the IPv4 address sits, so it cannot be judged.
  range('64:ff9b:1::/48', 'local NAT64'),
  range('100::/64', 'discard'),
  range('2001::/32', 'Teredo'),
  range('2001:2::/48', 'benchmark'),
  range('2001:10::/28', 'ORCHID'),
  range('2001:20::/28', 'ORCHID'),
  range('2001:db8::/32', 'documentation'),
  range('2002::/16', '6to4', 2),
  range('3fff::/20', 'documentation'),
  range('5f00::/16', 'segment routing'),
  range('fc00::/7', 'unique local'),
  range('fe80::/10', 'link-local'),
  range('fec0::/10', 'site-local'),
  range('ff00::/8', 'multicast'),
]);

/** All of IPv6 that is global unicast (RFC 4291 §2.4); the rest is unassigned and answers to nobody we should reach. */
const GLOBAL_UNICAST = range('2000::/3', 'global unicast');
const UNASSIGNED = 'unassigned';

const LOOPBACK_V4 = range('127.0.0.0/8', 'loopback');

function isUnspecified(bytes: IpBytes): boolean {
  return bytes.every((byte) => byte === 0);
}

function sameBytes(left: IpBytes, right: IpBytes): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** Whether dialling this address reaches this machine. The kernel takes the unspecified address for loopback. */
function isLocal(address: IpBytes, self: Self): boolean {
  if (isUnspecified(address) || cidrHolds(LOOPBACK_V4.cidr, address)) return true;
  if (address.length === 16 && address[15] === 1 && address.subarray(0, 15).every((byte) => byte === 0)) return true;
  return self.interfaces.some((own) => sameBytes(unmapIp(own), address));
}

function isSelf(address: IpBytes, port: number, self: Self): boolean {
  return self.endpoints.some((endpoint) => {
    if (endpoint.port !== port) return false;
    const bound = parseIp(endpoint.address);
    if (bound === null) return false;
    // Bound to everything, or dialled at "everything": any local address is ours.
    if (isUnspecified(bound) || isUnspecified(address)) return isLocal(address, self);
    return sameBytes(unmapIp(bound), address);
  });
}

function denied(name: string): AddressVerdict {
  return { ok: false, code: 'address.denied', range: name };
}

/** The IPv4 address inside an address of this range; null: none. */
function embedded(found: Range, bytes: IpBytes): IpBytes | null {
  return found.embedsAt === null ? null : bytes.subarray(found.embedsAt, found.embedsAt + 4);
}

function judgeRange(bytes: IpBytes, allow: readonly Cidr[]): AddressVerdict {
  const found = DENIED.find((candidate) => cidrHolds(candidate.cidr, bytes));
  const isAllowed = allow.some((cidr) => cidrHolds(cidr, bytes));
  if (found === undefined) {
    const isKnown = bytes.length === 4 || cidrHolds(GLOBAL_UNICAST.cidr, bytes);
    return isKnown || isAllowed ? { ok: true } : denied(UNASSIGNED);
  }
  if (!isAllowed) return denied(found.name);
  // Allowing NAT64 must not allow 64:ff9b::7f00:1: what is inside needs its own permission.
  const inner = embedded(found, bytes);
  return inner === null ? { ok: true } : judgeRange(inner, allow);
}

/**
 * Judges one resolved address (4 or 16 bytes). `allow`: ranges that the rule may dial although they are not public.
 * `address.self` cannot be allowed.
 */
export function judgeAddress(bytes: IpBytes, port: number, allow: readonly Cidr[], self: Self): AddressVerdict {
  const plain = isIpv4Mapped(bytes) ? unmapIp(bytes) : bytes;
  if (isSelf(plain, port, self)) return { ok: false, code: 'address.self', range: 'the proxy itself' };
  return judgeRange(bytes, allow);
}
