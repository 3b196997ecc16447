/**
 * Writes DER (X.690): definite lengths, shortest form, sorted SET OF.
 *
 * Does: encode single values; every function answers one complete TLV.
 * Does not: know any structure of X.509, or read bytes that came from outside.
 * The caller must: pass values that it made itself. A value that has no DER form is our bug and throws RangeError.
 */

const CONTEXT = 0x80;
const CONSTRUCTED = 0x20;

/** Date below which X.509 asks for UTCTime: 2050-01-01T00:00:00Z (RFC 5280 §4.1.2.5). Milliseconds since the epoch. */
const UTC_TIME_END_MS = Date.UTC(2050, 0, 1);
/** UTCTime reaches back to 1950 (RFC 5280 §4.1.2.5.1). Milliseconds since the epoch. */
const UTC_TIME_START_MS = Date.UTC(1950, 0, 1);

/** One TLV: identifier octet, length, and the parts as content. Tags above 30 are not supported: no structure here has one. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  if (!Number.isInteger(tag) || tag < 0 || tag > 0xff || (tag & 0x1f) === 0x1f) {
    throw new RangeError(`no single-octet tag: ${tag}`);
  }
  let length = 0;
  for (const part of parts) length += part.length;
  return Buffer.concat([Buffer.from([tag]), encodeLength(length), ...parts]);
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.from([0x80 | octets.length, ...octets]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tlv(0x30, ...parts);
}

/** SET OF: the parts in ascending order of their encoding (X.690 §11.6). */
export function set(...parts: readonly Uint8Array[]): Buffer {
  return tlv(0x31, ...[...parts].sort((a, b) => Buffer.compare(a, b)));
}

/** INTEGER in two's complement, shortest form. A byte string is read as an unsigned big-endian number. */
export function integer(value: number | bigint | Uint8Array): Buffer {
  if (value instanceof Uint8Array) return tlv(0x02, unsignedContent(value));
  const number = BigInt(value);
  let octets = 1;
  while (BigInt.asIntN(octets * 8, number) !== number) octets += 1;
  const hex = BigInt.asUintN(octets * 8, number)
    .toString(16)
    .padStart(octets * 2, '0');
  return tlv(0x02, Buffer.from(hex, 'hex'));
}

function unsignedContent(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start += 1;
  const digits = Buffer.from(bytes.subarray(start));
  return (digits[0] ?? 0x80) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
}

/** ENUMERATED, for OCSP statuses and CRL reasons. */
export function enumerated(value: number): Buffer {
  const encoded = integer(value);
  encoded[0] = 0x0a;
  return encoded;
}

/** OBJECT IDENTIFIER from dotted decimal; arcs of any size. */
export function oid(dotted: string): Buffer {
  if (!/^[012](\.(0|[1-9]\d*))+$/.test(dotted)) throw new RangeError(`not an object identifier: ${dotted}`);
  const [top = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  if (top < 2n && second > 39n) throw new RangeError(`not an object identifier: ${dotted}`);
  const octets: number[] = [];
  for (const arc of [top * 40n + second, ...rest]) octets.push(...base128(arc));
  return tlv(0x06, Buffer.from(octets));
}

function base128(arc: bigint): number[] {
  const octets = [Number(arc & 0x7fn)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) octets.unshift(Number(rest & 0x7fn) | 0x80);
  return octets;
}

/** BIT STRING; `unusedBits` of the last octet (0 to 7) are not part of the value and should be zero. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  if (!Number.isInteger(unusedBits) || unusedBits < 0 || unusedBits > 7 || (bytes.length === 0 && unusedBits > 0)) {
    throw new RangeError(`impossible number of unused bits: ${unusedBits}`);
  }
  return tlv(0x03, Buffer.from([unusedBits]), bytes);
}

/** BIT STRING with named bits, such as KeyUsage: bit 0 first, trailing zeros dropped (X.690 §11.2.2). */
export function namedBits(bits: readonly boolean[]): Buffer {
  const count = bits.lastIndexOf(true) + 1;
  const bytes = Buffer.alloc(Math.ceil(count / 8));
  for (let index = 0; index < count; index += 1) {
    if (bits[index]) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (0x80 >> (index & 7));
  }
  return bitString(bytes, bytes.length * 8 - count);
}

export function octetString(bytes: Uint8Array): Buffer {
  return tlv(0x04, bytes);
}

export function boolean(value: boolean): Buffer {
  return tlv(0x01, Buffer.from([value ? 0xff : 0x00]));
}

export function nullValue(): Buffer {
  return tlv(0x05);
}

export function utf8(text: string): Buffer {
  return tlv(0x0c, Buffer.from(text, 'utf8'));
}

/** PrintableString; throws for characters outside its set (X.680 §41.4). */
export function printable(text: string): Buffer {
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)) throw new RangeError('not a PrintableString');
  return tlv(0x13, Buffer.from(text, 'latin1'));
}

/** IA5String; throws above U+007F. */
export function ia5(text: string): Buffer {
  return tlv(0x16, ia5Bytes(text));
}

/** The content of an IA5String, for implicitly tagged general names. */
export function ia5Bytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length !== text.length) throw new RangeError('not an IA5String');
  return bytes;
}

/** X.509 Time of a moment (milliseconds since the epoch, cut to seconds): UTCTime from 1950 to 2049, else GeneralizedTime. */
export function time(atMs: number): Buffer {
  return atMs >= UTC_TIME_START_MS && atMs < UTC_TIME_END_MS ? utcTime(atMs) : generalizedTime(atMs);
}

/** `YYMMDDHHMMSSZ`; throws outside 1950 to 2049. */
export function utcTime(atMs: number): Buffer {
  if (!(atMs >= UTC_TIME_START_MS && atMs < UTC_TIME_END_MS)) throw new RangeError(`no UTCTime: ${atMs}`);
  return tlv(0x17, Buffer.from(digits(atMs).slice(2), 'latin1'));
}

/** `YYYYMMDDHHMMSSZ`; throws outside the years 0 to 9999. */
export function generalizedTime(atMs: number): Buffer {
  return tlv(0x18, Buffer.from(digits(atMs), 'latin1'));
}

function digits(atMs: number): string {
  const text = new Date(atMs).toISOString();
  if (text.length !== 24) throw new RangeError(`no GeneralizedTime: ${atMs}`);
  return `${text.slice(0, 19).replace(/[-:T]/g, '')}Z`;
}

/** Context-specific tag around content bytes (IMPLICIT over a primitive type). */
export function contextPrimitive(number: number, content: Uint8Array): Buffer {
  return tlv(CONTEXT | number, content);
}

/** Context-specific tag around complete values (EXPLICIT, or IMPLICIT over a constructed type). */
export function contextConstructed(number: number, ...parts: readonly Uint8Array[]): Buffer {
  return tlv(CONTEXT | CONSTRUCTED | number, ...parts);
}
