/**
 * A bounded cursor over DER (X.690 §8 to §11): the only way in which bytes of a peer become values.
 *
 * Does: definite minimal lengths, elements inside their parent, a limit on size and depth, strict BOOLEAN, INTEGER,
 * BIT STRING, OBJECT IDENTIFIER, NULL and time; remembers the offset of what is wrong.
 * Does not: copy (buffers it gives are views of the input), guess, repair, or read tag numbers above 30: nothing in
 * the structures we read has one.
 * The caller must: enter through `readDer`, which turns a failure into data; read every element or call `end()`, so
 * that trailing bytes are refused.
 */

import type { Parsed } from '../x509/certificate.ts';
import { decodeOid } from './oid.ts';
import { generalizedTimeMs, utcTimeMs } from './time.ts';

/** Identifier octets (class, constructed bit, number) of the universal types that we read. */
export const TAG = Object.freeze({
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
});

/** Identifier octet of a primitive context-specific element: IMPLICIT of a primitive type. */
export const contextPrimitive = (number: number): number => 0x80 | number;
/** Identifier octet of a constructed context-specific element: EXPLICIT, or IMPLICIT of a constructed type. */
export const contextConstructed = (number: number): number => 0xa0 | number;

/** Deepest nesting that a reader enters. The deepest path in a certificate (a name in a distribution point) is 15. */
export const MAX_DEPTH = 32;

/** Lengths of more bytes than this cannot occur below the size limits of any caller (2^32 is 4 GiB). */
const MAX_LENGTH_BYTES = 4;

/** What a reader throws inside a parser. It never leaves `readDer`. */
export class Malformed extends Error {
  readonly offset: number;

  constructor(why: string, offset: number) {
    super(why);
    this.name = 'Malformed';
    this.offset = offset;
  }
}

/**
 * The door: runs `read` over `bytes` and answers a value or why not and at which offset. `read` must consume all.
 * @param maxBytes larger input is refused unread.
 */
export function readDer<T>(bytes: Uint8Array, maxBytes: number, read: (reader: DerReader) => T): Parsed<T> {
  if (bytes.length > maxBytes) return { ok: false, why: `longer than ${maxBytes} bytes`, offset: maxBytes };
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = new DerReader(buffer, 0, buffer.length, 0);
  try {
    const value = read(reader);
    reader.end();
    return { ok: true, value };
  } catch (thrown) {
    // Anything else is a bug of ours and must be seen as one; the caller of the verdict turns it into a refusal.
    if (!(thrown instanceof Malformed)) throw thrown;
    return { ok: false, why: thrown.message, offset: thrown.offset };
  }
}

/** The bits of a BIT STRING; bits that do not exist are zero, as DER asks. */
export interface BitString {
  readonly bytes: Buffer;
  /** 0 to 7. */
  readonly unusedBits: number;
}

/** A cursor over the content of one element. Every method throws `Malformed`; only `readDer` catches it. */
export class DerReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  readonly #depth: number;
  #at: number;
  /** Content of the element read last by `#open`. */
  #start = 0;
  #stop = 0;

  constructor(bytes: Buffer, start: number, end: number, depth: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#depth = depth;
  }

  /** Position in the input of `readDer`, also in nested readers. */
  get offset(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  /** Identifier octet of the next element; -1 at the end. */
  peek(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] ?? -1) : -1;
  }

  /** Whether the next element has this identifier octet. */
  is(tag: number): boolean {
    return this.#at < this.#end && this.#bytes[this.#at] === tag;
  }

  /** Refuses what is malformed; `offset` is where the reader stands unless given. */
  fail(why: string, offset: number = this.#at): never {
    throw new Malformed(why, offset);
  }

  /** Refuses bytes that nobody read. */
  end(): void {
    if (this.#at < this.#end) this.fail('trailing bytes');
  }

  /** A reader over the content of the next element, which must have this identifier octet. Also for OCTET STRINGs that hold DER. */
  enter(tag: number): DerReader {
    this.#open(tag);
    if (this.#depth >= MAX_DEPTH) this.fail('nested too deeply');
    return new DerReader(this.#bytes, this.#start, this.#stop, this.#depth + 1);
  }

  sequence(): DerReader {
    return this.enter(TAG.sequence);
  }

  set(): DerReader {
    return this.enter(TAG.set);
  }

  /** The content of an EXPLICIT context tag, or of an IMPLICIT one over a constructed type. */
  context(number: number): DerReader {
    return this.enter(contextConstructed(number));
  }

  /** As `enter`, or null when the next element is another one or there is none. */
  optional(tag: number): DerReader | null {
    return this.is(tag) ? this.enter(tag) : null;
  }

  /** The next element, whatever it is, with its header. Its content is not looked into. */
  element(): Buffer {
    const from = this.#at;
    this.#open(this.peek());
    return this.#bytes.subarray(from, this.#stop);
  }

  /** The bytes from an earlier `offset` of this reader to here: raw form of what was read meanwhile. */
  since(offset: number): Buffer {
    return this.#bytes.subarray(offset, this.#at);
  }

  /** Everything not read yet, without reading it. */
  view(): Buffer {
    return this.#bytes.subarray(this.#at, this.#end);
  }

  /** Everything not read yet. */
  rest(): Buffer {
    const bytes = this.view();
    this.#at = this.#end;
    return bytes;
  }

  /** Content bytes of the next element, which must have this identifier octet. */
  content(tag: number): Buffer {
    this.#open(tag);
    return this.#bytes.subarray(this.#start, this.#stop);
  }

  octetString(tag: number = TAG.octetString): Buffer {
    return this.content(tag);
  }

  /** X.690 §11.1: TRUE is FF, FALSE is 00. */
  boolean(tag: number = TAG.boolean): boolean {
    this.#open(tag);
    const value = this.#bytes[this.#start];
    if (this.#stop - this.#start !== 1 || (value !== 0 && value !== 0xff))
      this.fail('BOOLEAN is not canonical', this.#start);
    return value === 0xff;
  }

  /** BOOLEAN DEFAULT FALSE: absent, or TRUE. An encoded default is not DER (X.690 §11.5). */
  booleanDefaultFalse(tag: number = TAG.boolean): boolean {
    if (!this.is(tag)) return false;
    const at = this.#at;
    if (!this.boolean(tag)) this.fail('default value FALSE is encoded', at);
    return true;
  }

  /** Content of an INTEGER in two's complement, minimal (X.690 §8.3.2). */
  integer(tag: number = TAG.integer): Buffer {
    this.#openInteger(tag);
    return this.#bytes.subarray(this.#start, this.#stop);
  }

  /** An INTEGER or ENUMERATED (give its tag) from 0 to `max`; `max` is below 2^31. */
  smallInteger(max: number, tag: number = TAG.integer): number {
    this.#openInteger(tag);
    if ((this.#bytes[this.#start] ?? 0) & 0x80) this.fail('INTEGER is negative', this.#start);
    if (this.#stop - this.#start > 4) this.fail(`INTEGER is above ${max}`, this.#start);
    let value = 0;
    for (let i = this.#start; i < this.#stop; i++) value = value * 256 + (this.#bytes[i] ?? 0);
    if (value > max) this.fail(`INTEGER is above ${max}`, this.#start);
    return value;
  }

  bitString(tag: number = TAG.bitString): BitString {
    this.#open(tag);
    const size = this.#stop - this.#start;
    if (size === 0) this.fail('BIT STRING is empty', this.#start);
    const unusedBits = this.#bytes[this.#start] ?? 8;
    if (unusedBits > 7 || (size === 1 && unusedBits !== 0))
      this.fail('BIT STRING counts its unused bits wrong', this.#start);
    const last = this.#bytes[this.#stop - 1] ?? 0;
    if (size > 1 && (last & ((1 << unusedBits) - 1)) !== 0) this.fail('BIT STRING has unused bits set', this.#stop - 1);
    return { bytes: this.#bytes.subarray(this.#start + 1, this.#stop), unusedBits };
  }

  /** A BIT STRING that holds bytes: no unused bits. */
  bitStringBytes(tag: number = TAG.bitString): Buffer {
    const { bytes, unusedBits } = this.bitString(tag);
    if (unusedBits !== 0) this.fail('BIT STRING does not hold whole bytes', this.#start);
    return bytes;
  }

  /** Dotted form. */
  oid(tag: number = TAG.oid): string {
    this.#open(tag);
    const text = decodeOid(this.#bytes, this.#start, this.#stop);
    return text ?? this.fail('OBJECT IDENTIFIER is malformed', this.#start);
  }

  null(): void {
    this.#open(TAG.null);
    if (this.#stop !== this.#start) this.fail('NULL has content', this.#start);
  }

  /** UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 allows them, in milliseconds since the epoch. */
  time(): number {
    return this.is(TAG.utcTime) ? this.utcTime() : this.generalizedTime();
  }

  utcTime(): number {
    this.#open(TAG.utcTime);
    const ms = utcTimeMs(this.#bytes.toString('latin1', this.#start, this.#stop));
    return ms ?? this.fail('UTCTime is malformed', this.#start);
  }

  generalizedTime(): number {
    this.#open(TAG.generalizedTime);
    const ms = generalizedTimeMs(this.#bytes.toString('latin1', this.#start, this.#stop));
    return ms ?? this.fail('GeneralizedTime is malformed', this.#start);
  }

  #openInteger(tag: number): void {
    this.#open(tag);
    const size = this.#stop - this.#start;
    if (size === 0) this.fail('INTEGER is empty', this.#start);
    if (size === 1) return;
    const first = this.#bytes[this.#start] ?? 0;
    const sign = (this.#bytes[this.#start + 1] ?? 0) & 0x80;
    if ((first === 0x00 && sign === 0) || (first === 0xff && sign !== 0)) {
      this.fail('INTEGER is not minimal', this.#start);
    }
  }

  /** Reads the header of the next element, checks it against `tag`, and steps over the element. */
  #open(tag: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    const end = this.#end;
    if (at >= end) this.fail('an element is missing');
    const identifier = bytes[at++] ?? 0;
    if (identifier !== tag) this.fail(`tag 0x${identifier.toString(16)} where 0x${tag.toString(16)} was expected`);
    if ((identifier & 0x1f) === 0x1f) this.fail('tag number above 30');
    if (at >= end) this.fail('length is missing', at);
    let length = bytes[at++] ?? 0;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0) this.fail('indefinite length', at - 1);
      if (count > MAX_LENGTH_BYTES || count > end - at) this.fail('length is too long', at - 1);
      length = 0;
      for (const stop = at + count; at < stop; at++) length = length * 256 + (bytes[at] ?? 0);
      if (length < 0x80 || length < 256 ** (count - 1)) this.fail('length is not minimal', at - count);
    }
    if (length > end - at) this.fail('element is longer than what holds it', at);
    this.#start = at;
    this.#stop = at + length;
    this.#at = this.#stop;
  }
}
