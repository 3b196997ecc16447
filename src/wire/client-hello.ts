/**
 * The first flight of a TLS client, read by ourselves: Node's callbacks come too late, and not at all on resumption.
 *
 * Does: collect TLS records until one ClientHello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2) is complete, over any number of
 * segments and records, and read the parts that admission and the upstream handshake need.
 * Does not: judge them, keep time, or decrypt anything.
 * The caller must: feed every byte that the client sends after the 200 until an answer other than `need-more`, bound
 * the time, and give `bytes()` back to the socket (`unshift`), since TLS behind us needs the same bytes again.
 */
import { type ClientHello, parseHelloBody } from './hello-body.ts';

/** Bytes of records that one hello may take: with ML-KEM and ECH it stays below 4 KiB; REQ-06 of the threat model allows 64 KiB. */
export const HELLO_BYTES_MAX = 64 * 1024;

/** RFC 8446 §5.1: a plaintext fragment has at most 2^14 bytes. */
const FRAGMENT_MAX = 16_384;
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;
const HANDSHAKE_RECORD = 0x16;
/** Types of TLS records, from change_cipher_spec to heartbeat (RFC 8446 §5.1, RFC 6520). */
const FIRST_RECORD_TYPE = 0x14;
const LAST_RECORD_TYPE = 0x18;
const CLIENT_HELLO = 0x01;

export type HelloReading =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  /** `why`: fixed words, safe to print. */
  | { readonly kind: 'malformed'; readonly why: string }
  | { readonly kind: 'not-tls' }
  | { readonly kind: 'too-large' };

const NEED_MORE: HelloReading = Object.freeze({ kind: 'need-more' });

/** A buffer that grows by doubling, so that feeding byte by byte costs linear time. */
class Growing {
  #memory = Buffer.alloc(2048);
  length = 0;

  push(bytes: Uint8Array): void {
    const needed = this.length + bytes.length;
    if (needed > this.#memory.length) {
      const larger = Buffer.alloc(Math.max(needed, this.#memory.length * 2));
      this.#memory.copy(larger, 0, 0, this.length);
      this.#memory = larger;
    }
    this.#memory.set(bytes, this.length);
    this.length = needed;
  }

  view(start = 0, end = this.length): Buffer {
    return this.#memory.subarray(start, end);
  }
}

/** Reads one ClientHello from a stream. Once it has answered something else than `need-more`, the answer stays. */
export class ClientHelloReader {
  readonly #stream = new Growing();
  readonly #message = new Growing();
  /** Start of the first record that has not been taken over into the message. */
  #recordStart = 0;
  #answer: HelloReading = NEED_MORE;

  /** Takes the next bytes of the stream, in any portions. Never throws. */
  feed(bytes: Uint8Array): HelloReading {
    this.#stream.push(bytes);
    if (this.#answer.kind === 'need-more') this.#answer = this.#read();
    return this.#answer;
  }

  /** Every byte that was fed, in order, also those behind the hello (early data). */
  bytes(): Buffer {
    return this.#stream.view();
  }

  #read(): HelloReading {
    for (;;) {
      const header = this.#stream.view(
        this.#recordStart,
        Math.min(this.#stream.length, this.#recordStart + RECORD_HEADER),
      );
      const wrong = this.#headerFault(header);
      if (wrong !== null) return wrong;
      if (header.length < RECORD_HEADER) return NEED_MORE;
      const fragmentLength = header.readUInt16BE(3);
      const start = this.#recordStart + RECORD_HEADER;
      const end = start + fragmentLength;
      if (end > HELLO_BYTES_MAX) return { kind: 'too-large' };
      // The message header decides early: what is not a hello, or too long a one, is not collected first.
      const tooEarly = this.#messageFault(start, Math.min(end, this.#stream.length));
      if (tooEarly !== null) return tooEarly;
      if (this.#stream.length < end) return NEED_MORE;
      this.#message.push(this.#stream.view(start, end));
      this.#recordStart = end;
      const complete = this.#complete();
      if (complete !== null) return complete;
    }
  }

  /** Judges as many bytes of a record header as there are. */
  #headerFault(header: Buffer): HelloReading | null {
    const [type, major] = header;
    const first = this.#message.length === 0;
    if (type !== undefined && type !== HANDSHAKE_RECORD) {
      if (!first) return { kind: 'malformed', why: 'another record inside the hello' };
      if (type < FIRST_RECORD_TYPE || type > LAST_RECORD_TYPE) return { kind: 'not-tls' };
      // Servers skip warning alerts in front of the hello (Go, BoringSSL), so what begins like this is TLS: taken for
      // another protocol, it would carry a hello for any host past the check of its server name.
      if (major === undefined) return null;
      return major === 0x03 ? { kind: 'malformed', why: 'another record before the hello' } : { kind: 'not-tls' };
    }
    if (major !== undefined && major !== 0x03) {
      return first ? { kind: 'not-tls' } : { kind: 'malformed', why: 'record version' };
    }
    if (header.length < RECORD_HEADER) return null;
    const length = header.readUInt16BE(3);
    // RFC 8446 §5.1 forbids empty handshake fragments; they would cost us time and bring us nothing.
    if (length === 0) return { kind: 'malformed', why: 'empty record' };
    return length > FRAGMENT_MAX ? { kind: 'malformed', why: 'record length' } : null;
  }

  /** Judges the message header as soon as its bytes are there; `start` to `end` is what has come of this record. */
  #messageFault(start: number, end: number): HelloReading | null {
    if (this.#message.length >= MESSAGE_HEADER) return null;
    const head = Buffer.concat([this.#message.view(), this.#stream.view(start, Math.min(end, start + MESSAGE_HEADER))]);
    if (head[0] !== undefined && head[0] !== CLIENT_HELLO) return { kind: 'malformed', why: 'not a ClientHello' };
    if (head.length < MESSAGE_HEADER) return null;
    return head.readUIntBE(1, 3) > HELLO_BYTES_MAX - RECORD_HEADER - MESSAGE_HEADER ? { kind: 'too-large' } : null;
  }

  #complete(): HelloReading | null {
    if (this.#message.length < MESSAGE_HEADER) return null;
    const total = MESSAGE_HEADER + this.#message.view().readUIntBE(1, 3);
    if (this.#message.length < total) return null;
    // A hello must end with its record: behind it the keys change (RFC 8446 §5.1).
    if (this.#message.length > total) return { kind: 'malformed', why: 'bytes behind the hello in its record' };
    return parseHelloBody(this.#message.view(MESSAGE_HEADER, total), this.#recordStart);
  }
}
