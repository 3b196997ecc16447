/**
 * What one certificate must satisfy in its place in a path, whatever its neighbours are (RFC 5280 §6.1.3, §6.1.4).
 *
 * Does: validity, serial number, key strength, CA bit, key usage, extended key usage, critical extensions.
 * Does not: look at signatures, path length, names or policies; those need the path (validator.ts).
 *
 * Decisions, each stricter than or silent in RFC 5280:
 * - Anchors are judged like issuers: validity, CA bit, key usage, extended key usage, critical extensions and key
 *   strength count. Only the signature of an anchor, its serial number and, for version 1, its missing extensions do
 *   not. Putting a certificate among the anchors vouches for its key, not for whatever it says it must not do.
 * - An issuer of version 1 or 2 is no CA unless it is an anchor.
 * - A leaf is no CA: neither basicConstraints nor keyCertSign. A self-signed server certificate that was made an anchor
 *   byte for byte may be its own path, and then may be a CA.
 * - Extended key usage: an issuer that has it must allow serverAuth or anyExtendedKeyUsage; below a public anchor
 *   anyExtendedKeyUsage stands alone or serverAuth stands beside it (Baseline Requirements §7.1.2.2.4, §7.1.2.10.6).
 *   A leaf that has it must name serverAuth, as OpenSSL asks too. Below a public anchor a leaf must have it, not
 *   critical, with nothing beside that §7.1.2.7.10 forbids; below a private one it may lack it, because RFC 5280 reads
 *   that as every purpose and private CAs rely on it.
 * - A self-issued public anchor has no extended key usage, and an authority key identifier only when that is its own key
 *   identifier and nothing else (§7.1.2.1.2, §7.1.2.1.3). All anchors of the public set are so.
 * - Key usage of a leaf, when present, must allow one way of agreeing on keys in TLS.
 * - Below a public anchor a leaf with a subject has no critical subjectAltName (§7.1.2.7.12).
 * - Time is compared in whole seconds, as certificates say it: the second of notAfter belongs to the validity.
 * - Constraints on policies are critical (RFC 5280 §4.2.1.11, §4.2.1.14), unless the issuer names policies itself: PKIs
 *   that live by policies leave the bit out, and the constraints bind either way.
 */
import { type Finding, finding } from '../../model/finding.ts';
import { OID } from '../der/oid.ts';
import type { Certificate, KeyKind } from '../x509/certificate.ts';
import { isOutOfBounds } from '../x509/signature.ts';

export type Role = 'leaf' | 'issuer' | 'anchor' | 'anchored-leaf';

/** Below a public anchor the Baseline Requirements hold besides RFC 5280. */
export type Profile = 'public' | 'private';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0';
/** codeSigning, emailProtection, timeStamping, OCSPSigning, the signer of precertificates, anyExtendedKeyUsage. */
const FORBIDDEN_BESIDE_SERVER_AUTH = new Set([
  '1.3.6.1.5.5.7.3.3',
  '1.3.6.1.5.5.7.3.4',
  '1.3.6.1.5.5.7.3.8',
  '1.3.6.1.5.5.7.3.9',
  '1.3.6.1.4.1.11129.2.4.4',
  ANY_EXTENDED_KEY_USAGE,
]);

export interface Place {
  readonly role: Role;
  /** Position in the path, 0 = leaf. */
  readonly depth: number;
  readonly profile: Profile;
  readonly atMs: number;
}

/** Appends what is wrong with `certificate` in `place` to `findings`. */
export function judgeCertificate(certificate: Certificate, place: Place, findings: Finding[]): void {
  judgeValidity(certificate, place, findings);
  judgeKey(certificate, place, findings);
  judgeForm(certificate, place, findings);
  if (place.role === 'leaf' || place.role === 'anchored-leaf') {
    judgeLeafUsage(certificate, place, findings);
  } else {
    judgeIssuerUsage(certificate, place, findings);
    if (place.role === 'anchor' && place.profile === 'public') judgePublicRoot(certificate, place, findings);
  }
}

/** Both ends belong to the validity, each a whole second long (RFC 5280 §4.1.2.5). */
function judgeValidity(certificate: Certificate, place: Place, findings: Finding[]): void {
  const atMs = Math.floor(place.atMs / 1000) * 1000;
  if (atMs > certificate.notAfterMs) {
    findings.push(at('chain.expired', certificate, place, { notAfter: isoTime(certificate.notAfterMs) }));
  }
  if (atMs < certificate.notBeforeMs) {
    findings.push(at('chain.not-yet-valid', certificate, place, { notBefore: isoTime(certificate.notBeforeMs) }));
  }
}

function judgeKey(certificate: Certificate, place: Place, findings: Finding[]): void {
  const weakness = keyWeakness(certificate.key, place.profile);
  if (weakness !== null) findings.push(at('chain.weak-key', certificate, place, { key: weakness }));
  if (
    certificate.key.kind === 'ml-dsa' &&
    NOT_FOR_SIGNATURES.some((bit) => certificate.extensions.keyUsage?.bits[bit])
  ) {
    findings.push(at('chain.key-usage', certificate, place, { why: 'not-of-this-key' }));
  }
}

/** keyEncipherment, dataEncipherment, keyAgreement, encipherOnly, decipherOnly: no usage of ML-DSA (RFC 9881 §5). */
const NOT_FOR_SIGNATURES = [2, 3, 4, 7, 8] as const;

/**
 * Null: the key is strong enough (Baseline Requirements §6.1.5, whole bytes included). Otherwise what it is. The
 * Baseline Requirements know no ML-DSA.
 */
function keyWeakness(key: KeyKind, profile: Profile): string | null {
  switch (key.kind) {
    case 'rsa':
      if (!isOutOfBounds(key) && key.bits % 8 === 0) return null;
      return `RSA ${key.bits}, exponent of ${key.exponentBits} bits`;
    case 'ec':
      return key.curve === 'other' ? 'EC on an unknown curve' : null;
    case 'ed25519':
      return null;
    case 'ml-dsa':
      return profile === 'public' ? `ML-DSA-${key.set}` : null;
    case 'other':
      return key.oid;
  }
}

/** Serial number, names and critical extensions. */
function judgeForm(certificate: Certificate, place: Place, findings: Finding[]): void {
  const isEndEntity = place.role === 'leaf' || place.role === 'anchored-leaf';
  if (certificate.unknownCritical.length > 0 || certificate.extensions.ctPoison === true) {
    const extensions =
      certificate.extensions.ctPoison === true ? ['ct-poison'] : certificate.unknownCritical.slice(0, 8);
    findings.push(at('chain.critical-extension', certificate, place, { extensions }));
  }
  if (place.role !== 'anchor' && certificate.serialFault !== null) {
    const code = isEndEntity ? 'chain.malformed' : 'chain.malformed-issuer';
    findings.push(at(code, certificate, place, { why: `serial-number-${certificate.serialFault}` }));
  }
  if (!isEndEntity && hasLaxPolicyConstraints(certificate)) {
    findings.push(at('chain.policy', certificate, place, { why: 'constraints-not-critical' }));
  }
  if (!isEndEntity && certificate.subject.key === '') {
    findings.push(at('chain.invalid-ca', certificate, place, { why: 'empty-name' }));
  }
  if (isEndEntity && certificate.extensions.nameConstraints !== undefined) {
    findings.push(at('chain.name-constraints', certificate, place, { why: 'constraints-in-leaf' }));
  }
}

/** An issuer that names no policy and yet constrains them says nothing that could hold below it. */
function hasLaxPolicyConstraints({ rawExtensions, extensions }: Certificate): boolean {
  if (extensions.certificatePolicies !== undefined) return false;
  return rawExtensions.some(
    ({ oid, critical }) => !critical && (oid === OID.policyConstraints || oid === OID.inhibitAnyPolicy),
  );
}

function isCritical({ rawExtensions }: Certificate, oid: string): boolean {
  return rawExtensions.some((one) => one.critical && one.oid === oid);
}

function judgeLeafUsage(certificate: Certificate, place: Place, findings: Finding[]): void {
  const { basicConstraints, keyUsage } = certificate.extensions;
  if (place.role === 'leaf') {
    if (basicConstraints?.ca === true) findings.push(at('chain.leaf-is-ca', certificate, place, { why: 'ca-bit' }));
    else if (keyUsage?.keyCertSign === true) {
      findings.push(at('chain.leaf-is-ca', certificate, place, { why: 'key-cert-sign' }));
    }
  }
  // digitalSignature, keyEncipherment, keyAgreement: what TLS cipher suites ask for (RFC 5246 §7.4.2, RFC 8446 §4.4.2.2).
  if (keyUsage !== undefined && !keyUsage.digitalSignature && keyUsage.bits[2] !== true && keyUsage.bits[4] !== true) {
    findings.push(at('chain.key-usage', certificate, place, { why: 'not-for-tls' }));
  }
  if (place.profile === 'public' && certificate.subject.key !== '' && isCritical(certificate, OID.subjectAltName)) {
    findings.push(at('chain.malformed', certificate, place, { why: 'names-critical-beside-subject' }));
  }
  const why = leafPurposeFault(certificate, place.profile);
  if (why !== null) findings.push(at('chain.extended-key-usage', certificate, place, { why }));
}

function leafPurposeFault(certificate: Certificate, profile: Profile): string | null {
  const purposes = certificate.extensions.extendedKeyUsage;
  if (purposes === undefined) return profile === 'public' ? 'absent' : null;
  if (!purposes.includes(SERVER_AUTH)) return 'no-server-auth';
  if (profile === 'private') return null;
  if (isCritical(certificate, OID.extendedKeyUsage)) return 'critical';
  return purposes.some((oid) => FORBIDDEN_BESIDE_SERVER_AUTH.has(oid)) ? 'forbidden-purpose' : null;
}

function judgeIssuerUsage(certificate: Certificate, place: Place, findings: Finding[]): void {
  const { basicConstraints, keyUsage, extendedKeyUsage } = certificate.extensions;
  if (certificate.version === 3) {
    if (basicConstraints?.ca !== true) {
      const why = basicConstraints === undefined ? 'no-basic-constraints' : 'ca-false';
      findings.push(at('chain.invalid-ca', certificate, place, { why }));
    }
  } else if (place.role !== 'anchor') {
    findings.push(at('chain.invalid-ca', certificate, place, { why: 'old-version' }));
  }
  if (keyUsage !== undefined && !keyUsage.keyCertSign) {
    findings.push(at('chain.key-usage', certificate, place, { why: 'no-key-cert-sign' }));
  }
  if (extendedKeyUsage !== undefined && !mayIssueServers(extendedKeyUsage, place.profile)) {
    findings.push(at('chain.extended-key-usage', certificate, place, { why: 'issuer-not-for-servers' }));
  }
}

/** A cross-certificate that was made an anchor is no root: it names another issuer and may be bound to a purpose. */
function judgePublicRoot(certificate: Certificate, place: Place, findings: Finding[]): void {
  if (!certificate.selfIssued) return;
  const { authorityKeyId, subjectKeyId, extendedKeyUsage } = certificate.extensions;
  if (extendedKeyUsage !== undefined) {
    findings.push(at('chain.extended-key-usage', certificate, place, { why: 'root-with-purpose' }));
  }
  if (authorityKeyId === undefined) return;
  const isOwn =
    authorityKeyId.keyId !== null && subjectKeyId !== undefined && authorityKeyId.keyId.equals(subjectKeyId);
  if (!isOwn || authorityKeyId.serial !== null) {
    findings.push(at('chain.malformed-issuer', certificate, place, { why: 'root-authority-key-id' }));
  }
}

function mayIssueServers(purposes: readonly string[], profile: Profile): boolean {
  if (purposes.includes(SERVER_AUTH)) return true;
  return purposes.includes(ANY_EXTENDED_KEY_USAGE) && (profile === 'private' || purposes.length === 1);
}

/** A finding about one certificate of a path, with its place and subject. */
export function at(
  code: Finding['code'],
  certificate: Certificate,
  place: { readonly depth: number },
  facts: Finding['facts'] = {},
): Finding {
  return finding(code, { depth: place.depth, subject: certificate.subject.text, ...facts });
}

/** ISO time of a certificate date; dates that JavaScript cannot print become text that says so. */
function isoTime(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : 'out of range';
}
