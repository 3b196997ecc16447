/**
 * One link of a path: did this issuer's key sign that certificate?
 *
 * Does: verifies the signature over the raw TBS, remembers the result by digests, and names its cost beforehand.
 * Does not: look at names, dates or extensions.
 */
import type { Certificate } from '../x509/certificate.ts';
import {
  isOutOfBounds,
  type SignatureMemory,
  type SignatureResult,
  verificationCost,
  verifySignature,
} from '../x509/signature.ts';

/** Names the link in budgets and memories. The child's digest covers TBS, algorithm and signature. */
export function linkName(child: Certificate, issuer: Certificate): string {
  return `${child.der.sha256}:${issuer.spkiSha256}`;
}

/** Cost in units of one P-256 verification; 0 when nothing would be computed. */
export function linkCost(issuer: Certificate): number {
  return isOutOfBounds(issuer.key) ? 0 : verificationCost(issuer.key);
}

/** Never throws; keys out of bounds are `weak` and never computed with. */
export function verifyLink(child: Certificate, issuer: Certificate, memory: SignatureMemory): SignatureResult {
  const name = linkName(child, issuer);
  // Shorter than the memory of verifySignature, which must hash the signed bytes to name them.
  if (memory.recall(name) === true) return 'verified';
  const result = verifySignature(child.tbs, child.signature, child.signatureAlgorithm, issuer.spki, memory);
  if (result === 'verified') memory.remember(name, true);
  return result;
}
