/**
 * DER bytes as a value: immutable to its holders, named by its SHA-256, JSON as base64.
 *
 * Does: carries the bytes of one certificate, staple or CRL through Evidence, audit and replay.
 * Does not: parse. The bytes may be anything a peer sent.
 * The caller must: not write into `bytes`; a Buffer cannot be frozen, so this is a promise, not a lock.
 */
import { createHash } from 'node:crypto';

/** One blob of DER named by its digest. Two values with the same `sha256` hold the same bytes. */
export class Der {
  /** SHA-256 of the bytes, lower-case hex. */
  readonly sha256: string;
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.sha256 = createHash('sha256').update(bytes).digest('hex');
    Object.freeze(this);
  }

  /** Wraps a copy of `bytes`, so that a socket's pooled memory is neither pinned nor changed under us. */
  static of(bytes: Uint8Array): Der {
    return new Der(Buffer.from(bytes));
  }

  /** Reads what `toJSON` wrote. Unreadable characters are dropped by base64, which the parser behind will refuse. */
  static fromBase64(text: string): Der {
    return new Der(Buffer.from(text, 'base64'));
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  equals(other: Der): boolean {
    return this.sha256 === other.sha256;
  }

  toJSON(): string {
    return this.#bytes.toString('base64');
  }
}
