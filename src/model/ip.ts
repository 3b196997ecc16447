/**
 * IP addresses as bytes: one strict reader, one canonical printer, CIDR ranges.
 *
 * Does: reads dotted IPv4 (four decimal parts, no leading zeros) and IPv6 (RFC 4291 §2.2), prints RFC 5952.
 * Does not: read zone ids, brackets, hexadecimal, octal or short IPv4 forms (`127.1`): getaddrinfo would dial those,
 * so they must never pass as names or as addresses.
 * The caller must: compare addresses as bytes or as canonical text, never as text from outside.
 */

/** 4 bytes (IPv4) or 16 bytes (IPv6). */
export type IpBytes = Uint8Array;

export interface Cidr {
  readonly bytes: IpBytes;
  /** Leading bits that count: 0 to 32 or 0 to 128. */
  readonly prefixBits: number;
}

/** The longest text of an address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const LONGEST_ADDRESS = 45;
const IPV4_PART = /^(?:0|[1-9][0-9]{0,2})$/;
const IPV6_GROUP = /^[0-9a-fA-F]{1,4}$/;

function parseIpv4(text: string): IpBytes | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => IPV4_PART.test(part) && Number(part) <= 255)) return null;
  return Uint8Array.from(parts, Number);
}

/** Groups on one side of `::` as bytes; a dotted IPv4 tail is allowed where `tail` says so. */
function parseGroups(text: string, tail: boolean): number[] | null {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (tail && index === groups.length - 1 && group.includes('.')) {
      const ipv4 = parseIpv4(group);
      if (ipv4 === null) return null;
      bytes.push(...ipv4);
    } else {
      if (!IPV6_GROUP.test(group)) return null;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

function parseIpv6(text: string): IpBytes | null {
  const gap = text.indexOf('::');
  if (gap === -1) {
    const all = parseGroups(text, true);
    return all?.length === 16 ? Uint8Array.from(all) : null;
  }
  const left = parseGroups(text.slice(0, gap), false);
  const right = parseGroups(text.slice(gap + 2), true);
  // `::` stands for at least one group.
  if (left === null || right === null || left.length + right.length > 14) return null;
  const bytes = new Uint8Array(16);
  bytes.set(left, 0);
  bytes.set(right, 16 - right.length);
  return bytes;
}

/** Reads an address without brackets or zone id; null: not one. */
export function parseIp(text: string): IpBytes | null {
  if (text.length > LONGEST_ADDRESS) return null;
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** Whether these 16 bytes are `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2). */
export function isIpv4Mapped(bytes: IpBytes): boolean {
  return (
    bytes.length === 16 && bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  );
}

/** Start and length of the longest run of at least two zero groups (RFC 5952 §4.2); the first of equals. */
function zeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 1 };
  let start = 0;
  for (let index = 0; index <= groups.length; index++) {
    if (index < groups.length && groups[index] === 0) continue;
    if (index - start > best.length) best = { start, length: index - start };
    start = index + 1;
  }
  return best;
}

/** Canonical text: dotted IPv4, or RFC 5952 (lower case, longest zero run as `::`, IPv4-mapped with a dotted tail). */
export function printIp(bytes: IpBytes): string {
  if (bytes.length === 4) return bytes.join('.');
  if (isIpv4Mapped(bytes)) return `::ffff:${bytes.subarray(12).join('.')}`;
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0));
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  const run = zeroRun(groups);
  if (run.start === -1) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

/** IPv4-mapped IPv6 as the IPv4 it stands for; everything else as it is. */
export function unmapIp(bytes: IpBytes): IpBytes {
  return isIpv4Mapped(bytes) ? bytes.subarray(12) : bytes;
}

/** Reads `address/bits`, or an address alone as the range of just itself. Bits of the address behind the prefix must be zero. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/');
  const bytes = parseIp(slash === -1 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  if (slash === -1) return { bytes, prefixBits: bytes.length * 8 };
  const bits = text.slice(slash + 1);
  if (!IPV4_PART.test(bits) || Number(bits) > bytes.length * 8) return null;
  const cidr = { bytes, prefixBits: Number(bits) };
  return bytes.every((byte, index) => (byte & ~maskOf(cidr.prefixBits, index) & 0xff) === 0) ? cidr : null;
}

function maskOf(prefixBits: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixBits - index * 8));
  return (0xff << (8 - bits)) & 0xff;
}

/** Whether the range holds the address. An IPv4 range never holds an IPv6 address, nor the other way round. */
export function cidrHolds(cidr: Cidr, address: IpBytes): boolean {
  if (cidr.bytes.length !== address.length) return false;
  for (let index = 0; index * 8 < cidr.prefixBits; index++) {
    const mask = maskOf(cidr.prefixBits, index);
    if (((cidr.bytes[index] ?? 0) & mask) !== ((address[index] ?? 0) & mask)) return false;
  }
  return true;
}
