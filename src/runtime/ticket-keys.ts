/**
 * The key that seals the TLS session tickets of clients: random, never on disk, replaced while the proxy runs, so that
 * a stolen one opens few tickets (RFC 5077 §5.5).
 *
 * Does: make the key of the start and its successors by the monotonic clock.
 * Does not: keep an old one: its tickets lead to a full handshake, which costs the client a round trip.
 * The caller must: hand `bytes` to workers that start and what `changed` is told to those that serve; call `stop`.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../host/clock.ts';
import { TICKET_KEY_BYTES } from '../minting/shelf.ts';

/** Twice a day: OpenSSL takes a ticket for two hours, so few handshakes are full because of it. */
export const TICKET_KEY_MAX_AGE_MS = 43_200_000;
const LOOK_MS = 60_000;

export class TicketKeys {
  readonly #clock: Clock;
  readonly #changed: (bytes: Uint8Array) => void;
  readonly #looks: NodeJS.Timeout;
  #bytes = randomBytes(TICKET_KEY_BYTES);
  #bornMs: number;

  /** `lookMs`: how often the age is looked at. */
  constructor(clock: Clock, changed: (bytes: Uint8Array) => void, lookMs: number = LOOK_MS) {
    this.#clock = clock;
    this.#changed = changed;
    this.#bornMs = clock.monotonicMs();
    this.#looks = setInterval(() => this.#look(), lookMs);
    this.#looks.unref();
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  stop(): void {
    clearInterval(this.#looks);
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#bornMs < TICKET_KEY_MAX_AGE_MS) return;
    this.#bytes = randomBytes(TICKET_KEY_BYTES);
    this.#bornMs = nowMs;
    this.#changed(this.#bytes);
  }
}
