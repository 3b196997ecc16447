/**
 * TLS client contexts, one per anchor set: building one over the public roots costs milliseconds, so it is shared.
 *
 * Does: hold what every upstream handshake has in common: versions, ciphers, anchors, no renegotiation.
 * Does not: hold sessions. Nothing is resumed upstream, because a resumed session brings no certificates to judge.
 */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { AnchorSet } from '../verify/trust.ts';

/** Anchor sets in use at once: one per distinct `anchors:` of a policy. A small set costs about 30 KiB, the public one some 1 MiB. */
const CONTEXTS_MAX = 64;

/** ECDHE with AEAD only (RFC 9325 §4.2); TLS 1.3 has nothing else. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/** A renegotiation could change the certificate after the verdict; compression leaks; a ticket would be of no use. */
const SECURE_OPTIONS = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_NO_TICKET;

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function build(anchors: AnchorSet): SecureContext {
  return createSecureContext({
    // An empty list means that nothing is trusted; leaving it out would mean Node's own roots.
    ca: anchors.anchors.map((anchor) => pem(anchor.certificate.der.bytes)),
    // An anchor need not be self-signed (RFC 5280 §6.1.1 d); our own path builder takes it the same way.
    allowPartialTrustChain: true,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    secureOptions: SECURE_OPTIONS,
  });
}

/** Contexts by the digest of their anchors, least recently used first. */
const contexts = new Map<string, SecureContext>();

/** The shared context of an anchor set. */
export function contextFor(anchors: AnchorSet): SecureContext {
  const context = contexts.get(anchors.sha256) ?? build(anchors);
  contexts.delete(anchors.sha256);
  contexts.set(anchors.sha256, context);
  const oldest = contexts.keys().next();
  if (contexts.size > CONTEXTS_MAX && oldest.done !== true) contexts.delete(oldest.value);
  return context;
}
