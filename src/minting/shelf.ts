/**
 * The shelf: a bounded store of ready SecureContexts, one for each host that clients ask for. The only door to
 * lru-cache.
 *
 * Does: mint on first use, synchronously, so that a thousand first handshakes of one host cost one leaf; mint anew
 * before a leaf ends, when the leaf key has been replaced or when another CA signs. A failure is thrown and never kept.
 * Does not: decide who gets a context: a lane asks for one only with a Permit in its hand.
 * The caller must: give all workers the same ticket keys, so that a client's ticket is good at each of them.
 */
import { createHash, constants as cryptoConstants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../host/clock.ts';
import type { Authority } from '../model/authority.ts';
import { mintLeaf } from './leaf.ts';
import { createLeafKeys, type LeafKey, type LeafKeyKind } from './leaf-key.ts';
import type { Signer } from './signer.ts';

/** Bytes of `ticketKeys`: what Node asks for. */
export const TICKET_KEY_BYTES = 48;
/** A leaf is replaced so long before its end: a client must never see one that ends while it connects. */
const RENEW_BEFORE_MS = 3_600_000;

export type ClientTlsVersion = 'TLSv1.2' | 'TLSv1.3';

export interface ContextAsk {
  readonly authority: Authority;
  /** Number of the policy generation: a ticket of an older one leads to a full handshake. */
  readonly generation: number;
  /** Never higher than what the upstream speaks ("Killed by Proxy", REQ-15 of the threat model). */
  readonly maxVersion: ClientTlsVersion;
  readonly key: LeafKeyKind;
}

export interface Shelf {
  /** @throws CaError when the CA is not valid now; TypeError for an RSA key that was not prepared. */
  contextFor(ask: ContextAsk): SecureContext;
  /** Must have resolved before the first context with an RSA key. */
  prepareRsa(): Promise<void>;
  /** Tickets of before lead to a full handshake. @throws RangeError */
  renewTickets(ticketKeys: Buffer): void;
  /** Contexts held. */
  readonly size: number;
}

interface Entry {
  readonly context: SecureContext;
  readonly renewAtMs: number;
  readonly keyGeneration: number;
  /** SHA-256 of the CA that signed it. */
  readonly caSha256: string;
}

export function createShelf(options: {
  /** Who signs now; asked each time. */
  readonly signer: () => Signer;
  readonly clock: Clock;
  /** Measured: 32 KiB of native memory each. */
  readonly maxEntries: number;
  readonly ticketKeys: Buffer;
  /** Told the milliseconds that each mint took, context included. */
  readonly onMinted?: (durationMs: number) => void;
}): Shelf {
  const { clock } = options;
  let ticketKeys = mustBeTicketKeys(options.ticketKeys);
  const leafKeys = createLeafKeys(clock);
  const entries = new LRUCache<string, Entry>({ max: options.maxEntries });

  const keyOf = (ask: ContextAsk): LeafKey => (ask.key === 'rsa' ? leafKeys.rsa() : leafKeys.current());

  function make(ask: ContextAsk, { ca, chainPem }: Signer, nowMs: number): Entry {
    const startedMs = clock.monotonicMs();
    const leafKey = keyOf(ask);
    const leaf = mintLeaf(ca, leafKey, ask.authority, nowMs);
    const context = createSecureContext({
      key: leafKey.keyPem(),
      // Clients hold the root already; a subordinate CA has to be sent.
      cert: leaf.certificatePem + (ca.selfIssued ? '' : ca.certificatePem) + chainPem,
      minVersion: 'TLSv1.2',
      maxVersion: ask.maxVersion,
      ticketKeys,
      sessionIdContext: sessionIdContext(ask, ca.sha256),
      secureOptions: cryptoConstants.SSL_OP_NO_RENEGOTIATION,
      // No client is asked for a certificate: without this each context would get Node's roots, a quarter of its cost.
      ca: [],
    });
    options.onMinted?.(clock.monotonicMs() - startedMs);
    return {
      context,
      renewAtMs: leaf.notAfterMs - RENEW_BEFORE_MS,
      keyGeneration: leafKey.generation,
      caSha256: ca.sha256,
    };
  }

  return {
    contextFor(ask) {
      const nowMs = clock.nowMs();
      const key = `${ask.generation} ${ask.maxVersion} ${ask.key} ${ask.authority.host}`;
      const held = entries.get(key);
      const signer = options.signer();
      if (held !== undefined && nowMs < held.renewAtMs && held.caSha256 === signer.ca.sha256) {
        if (held.keyGeneration === keyOf(ask).generation) return held.context;
      }
      const made = make(ask, signer, nowMs);
      entries.set(key, made);
      return made.context;
    },
    prepareRsa: () => leafKeys.prepareRsa(),
    renewTickets(next) {
      ticketKeys = mustBeTicketKeys(next);
      // A context keeps those it was made with, so none may stay.
      entries.clear();
    },
    get size() {
      return entries.size;
    },
  };
}

function mustBeTicketKeys(keys: Buffer): Buffer {
  if (keys.length !== TICKET_KEY_BYTES) throw new RangeError(`ticket keys have ${TICKET_KEY_BYTES} bytes`);
  return keys;
}

/** 32 characters, what OpenSSL allows: tickets are good for one host, one generation of policy and one CA. */
function sessionIdContext(ask: ContextAsk, caSha256: string): string {
  const words = `${ask.authority.host}\n${ask.generation}\n${caSha256}`;
  return createHash('sha256').update(words).digest('base64url').slice(0, 32);
}
