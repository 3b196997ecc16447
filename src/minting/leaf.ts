/**
 * Mints the certificate that a client sees instead of the upstream's: our own fields only, nothing is copied.
 *
 * Does: one leaf for exactly one host: SAN of that host, serverAuth, digitalSignature, a week at most.
 * Does not: decide whether a leaf may be minted (a Permit does), or keep leaves (shelf.ts).
 * The caller must: pass an authority parsed by wire/authority.ts: its host is canonical.
 */
import type { Authority } from '../model/authority.ts';
import { parseIp } from '../model/ip.ts';
import { BACKDATE_MS, CaError, type MintingCa, randomSerial, toPem } from './ca.ts';
import { encodeName, type SubjectAltName, signCertificate } from './certificate.ts';
import type { LeafKey } from './leaf-key.ts';

/** A week: far longer than a key lives, far shorter than anyone should want to steal (REQ-28 of the threat model). */
export const LEAF_LIFE_MS = 7 * 86_400_000;
/** Upper bound of commonName (RFC 5280 appendix A); a longer host stands in the SAN alone. */
const MAX_COMMON_NAME = 64;

export interface Leaf {
  readonly certificatePem: string;
  /** Milliseconds since the epoch. */
  readonly notAfterMs: number;
}

/**
 * A leaf for the host of `authority`, never valid outside the CA's own validity.
 * @throws CaError `expired` or `not-yet-valid` when the CA is not valid now.
 */
export function mintLeaf(ca: MintingCa, key: LeafKey, authority: Authority, nowMs: number): Leaf {
  if (nowMs >= ca.notAfterMs) throw new CaError('expired', 'the CA certificate has expired');
  if (nowMs < ca.notBeforeMs) throw new CaError('not-yet-valid', 'the CA certificate is not valid yet');
  const notAfterMs = Math.min(nowMs + LEAF_LIFE_MS, ca.notAfterMs);
  const commonName = authority.host.length <= MAX_COMMON_NAME ? authority.host : null;
  const der = signCertificate(
    {
      serial: randomSerial(),
      issuerName: ca.subjectName,
      subjectName: encodeName(commonName),
      notBeforeMs: Math.max(nowMs - BACKDATE_MS, ca.notBeforeMs),
      notAfterMs,
      spki: key.spki,
      authorityKeyId: ca.subjectKeyId,
      emptySubject: commonName === null,
      use: { kind: 'server', subjectAltName: subjectAltName(authority) },
    },
    ca.key,
  );
  return { certificatePem: toPem(der), notAfterMs };
}

function subjectAltName(authority: Authority): SubjectAltName {
  if (authority.kind === 'name') return { kind: 'dns', name: authority.host };
  const bytes = parseIp(authority.host);
  if (bytes === null) throw new RangeError('the host of an IP authority is not an address');
  return { kind: 'ip', bytes: Buffer.from(bytes) };
}
