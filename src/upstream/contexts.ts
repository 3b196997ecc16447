/**
 * TLS client contexts, one per anchor set and TLS floor: building one over the public roots costs milliseconds, so it is
 * shared.
 *
 * Does: hold what upstream handshakes have in common: versions, ciphers, anchors, no renegotiation.
 * Does not: hold sessions. Nothing is resumed upstream, because a resumed session brings no certificates to judge.
 */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { CIPHERS, isOlder, NORMAL_TLS_FLOOR, type TlsFloor } from '../model/tls.ts';
import type { AnchorSet } from '../verify/trust.ts';

/**
 * In use at once: one per distinct `anchors:` of a policy under each of the five floors that rules can ask for. A small
 * set costs about 30 KiB, the public one some 1 MiB.
 */
const CONTEXTS_MAX = 64;

/** A renegotiation could change the certificate after the verdict; compression leaks; a ticket would be of no use. */
const SECURE_OPTIONS = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_NO_TICKET;

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const PROTOCOLS = { '1.0': 'TLSv1', '1.1': 'TLSv1.1', '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const;

/**
 * OpenSSL speaks TLS 1.0 and 1.1 at its security level 0 alone, since both sign with SHA-1. That level lets a
 * TLS 1.2 upstream sign its handshake so too, and would allow weak keys and hashes in certificates: our own validator
 * refuses those, whatever the floor.
 */
function cipherList({ minVersion, ciphers }: TlsFloor): string {
  const names = CIPHERS.filter(({ policy }) => policy === 'default' || ciphers === 'legacy').map(
    ({ openssl }) => openssl,
  );
  if (isOlder(minVersion, NORMAL_TLS_FLOOR.minVersion)) names.push('@SECLEVEL=0');
  return names.join(':');
}

function build(anchors: AnchorSet, floor: TlsFloor): SecureContext {
  return createSecureContext({
    // An empty list means that nothing is trusted; leaving it out would mean Node's own roots.
    ca: anchors.anchors.map((anchor) => pem(anchor.certificate.der.bytes)),
    // An anchor need not be self-signed (RFC 5280 §6.1.1 d); our own path builder takes it the same way.
    allowPartialTrustChain: true,
    minVersion: PROTOCOLS[floor.minVersion],
    maxVersion: 'TLSv1.3',
    ciphers: cipherList(floor),
    secureOptions: SECURE_OPTIONS,
  });
}

/** Contexts by anchors and floor, least recently used first. */
const contexts = new Map<string, SecureContext>();

/** The shared context of an anchor set under a floor. */
export function contextFor(anchors: AnchorSet, floor: TlsFloor): SecureContext {
  const key = `${anchors.sha256} ${floor.minVersion} ${floor.ciphers}`;
  const context = contexts.get(key) ?? build(anchors, floor);
  contexts.delete(key);
  contexts.set(key, context);
  const oldest = contexts.keys().next();
  if (contexts.size > CONTEXTS_MAX && oldest.done !== true) contexts.delete(oldest.value);
  return context;
}
