/**
 * What clients are sent above a subordinate CA: the certificates between it and the root that they trust.
 *
 * Does: parse and bound them, and prove by name and signature that each one issued the one before it, so that a mistake
 * shows at the start and not at every client.
 * Does not: know the root that clients trust, or read files.
 */
import { verifyLink } from '../pki/path/link.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import { parsePem, printPem } from '../pki/x509/pem.ts';
import { createSignatureMemory } from '../pki/x509/signature.ts';
import { CaError, type MintingCa } from './ca.ts';

/** Hierarchies have one to three. More would be sent with every handshake, and Mbed TLS stops at eight by default. */
export const MAX_CHAIN = 8;

export interface Chain {
  /** In the order in which it is sent, without the CA and without a root; empty: nothing lies between. */
  readonly pem: string;
  /** When the first of them ends, milliseconds since the epoch; null: there are none. */
  readonly notAfterMs: number | null;
}

/**
 * The chain of `ca` from PEM, the CA's issuer first. The CA itself may stand before it and the root behind it, as files
 * of certificate managers have them; neither is sent from here.
 * @param atMs when all of it must be valid, milliseconds since the epoch.
 * @throws CaError `chain`
 */
export function readChain(ca: MintingCa, text: string, atMs: number): Chain {
  const parsed = parsePem(text);
  if (!parsed.ok) throw chainError(parsed.why);
  const [first] = parsed.value;
  const issuers = first?.der.sha256 === ca.sha256 ? parsed.value.slice(1) : parsed.value;
  if (ca.selfIssued && issuers.length > 0) throw chainError('the CA is a root and has nothing above it; take it out');
  if (issuers.length > MAX_CHAIN + 1) throw chainError(`more than ${MAX_CHAIN} certificates`);
  const own = parseCertificate(ca.certificate.raw);
  if (!own.ok) throw chainError(own.why);
  let below = own.value;
  for (const [index, issuer] of issuers.entries()) {
    mustIssue(issuer, below, index);
    mustSign(issuer, index, atMs);
    below = issuer;
  }
  const sent = issuers.filter(({ selfIssued }, index) => !selfIssued || index < issuers.length - 1);
  if (sent.length > MAX_CHAIN) throw chainError(`more than ${MAX_CHAIN} certificates`);
  return {
    pem: sent.map(({ der }) => printPem(der.bytes)).join(''),
    notAfterMs: sent.length === 0 ? null : Math.min(...sent.map(({ notAfterMs }) => notAfterMs)),
  };
}

function mustIssue(issuer: Certificate, below: Certificate, index: number): void {
  const name = nameOf(issuer, index);
  if (issuer.subject.key !== below.issuer.key) {
    throw chainError(
      `${name} is not the issuer of ${JSON.stringify(below.subject.text)}, which names ` +
        `${JSON.stringify(below.issuer.text)}; write the CA's issuer first, then the issuer of that one`,
    );
  }
  const result = verifyLink(below, issuer, createSignatureMemory(1));
  if (result === 'weak' || result === 'unknown-algorithm') {
    throw chainError(`${name} signed with an algorithm or key that clients refuse (${result})`);
  }
  if (result !== 'verified') {
    throw chainError(
      `${name} did not sign ${JSON.stringify(below.subject.text)}: it has the right name and another key`,
    );
  }
}

/** What makes clients refuse an issuer: RFC 5280 §6.1.4 (k) to (n). `index` counts the CAs below it, ours not among them. */
function mustSign(issuer: Certificate, index: number, atMs: number): void {
  const name = nameOf(issuer, index);
  const { basicConstraints, keyUsage } = issuer.extensions;
  if (basicConstraints?.ca !== true) throw chainError(`${name} is not a CA`);
  if (keyUsage !== undefined && !keyUsage.keyCertSign) throw chainError(`${name} may not sign certificates (keyUsage)`);
  if (basicConstraints.pathLength !== null && basicConstraints.pathLength < index + 1) {
    throw chainError(`${name} allows only ${basicConstraints.pathLength} CAs below it (pathLen)`);
  }
  if (atMs < issuer.notBeforeMs) throw chainError(`${name} is not valid yet`);
  if (atMs > issuer.notAfterMs) throw chainError(`${name} has expired`);
}

function nameOf(issuer: Certificate, index: number): string {
  return `certificate ${index + 1} (${JSON.stringify(issuer.subject.text)})`;
}

function chainError(message: string): CaError {
  return new CaError('chain', message);
}
