/**
 * The proxy's own CA: made once per installation, loaded at start, used to sign leaves for clients.
 *
 * Does: create a P-256 CA with pathlen 0; load one and refuse what cannot sign leaves that clients will accept.
 * Does not: touch files or their modes (host/ and the runtime do), or mint leaves (leaf.ts).
 * The caller must: keep `keyPem` out of logs, environment and arguments. A loaded CA holds the key as a KeyObject,
 * which prints nothing of itself.
 */
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import { parseCertificate } from '../pki/x509/parse.ts';
import { encodeName, keyIdentifier, signCertificate } from './certificate.ts';

const DAY_MS = 86_400_000;
/** A CA made here lives a year at most: a lost key must not be worth more (REQ-28 of the threat model). */
export const MAX_CA_DAYS = 366;
/** Clients' clocks run behind: notBefore lies a day back. */
export const BACKDATE_MS = DAY_MS;
/** Upper bound of commonName (RFC 5280 appendix A, ub-common-name). */
const MAX_COMMON_NAME = 64;

export interface MintingCa {
  readonly certificate: X509Certificate;
  readonly certificatePem: string;
  /** Subject and issuer are the same name: a root, which a server need not send. */
  readonly selfIssued: boolean;
  readonly key: KeyObject;
  /** DER of the subject's Name, byte for byte: the issuer field of every leaf. */
  readonly subjectName: Buffer;
  readonly subjectKeyId: Buffer;
  /** Milliseconds since the epoch. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the certificate's DER, hex. */
  readonly sha256: string;
  /** SHA-256 of the SPKI, base64: for `ownCaKeys` of the trust snapshot. */
  readonly spkiSha256: string;
}

export type CaProblem =
  | 'unreadable'
  | 'not-a-ca'
  | 'key-usage'
  | 'key-mismatch'
  | 'key-kind'
  | 'not-yet-valid'
  | 'expired'
  | 'chain';

/** Thrown by `loadCa`, `createCa` and `readChain`; `message` is for the operator and holds nothing of the key. */
export class CaError extends Error {
  readonly why: CaProblem;

  constructor(why: CaProblem, message: string) {
    super(message);
    this.name = 'CaError';
    this.why = why;
  }
}

/**
 * A new CA: P-256, self-signed, pathlen 0, critical basicConstraints and keyUsage, SKI and AKI.
 * @param days whole life in days from now, at most MAX_CA_DAYS.
 * @throws RangeError for a name or life that no CA may have.
 */
export function createCa(ask: { readonly commonName: string; readonly nowMs: number; readonly days: number }): {
  readonly certificatePem: string;
  readonly keyPem: string;
} {
  if (ask.commonName.length < 1 || ask.commonName.length > MAX_COMMON_NAME) {
    throw new RangeError(`a common name has 1 to ${MAX_COMMON_NAME} characters`);
  }
  if (!(ask.days > 0 && ask.days <= MAX_CA_DAYS)) throw new RangeError(`a CA lives 1 to ${MAX_CA_DAYS} days`);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const name = encodeName(ask.commonName);
  const der = signCertificate(
    {
      serial: randomSerial(),
      issuerName: name,
      subjectName: name,
      notBeforeMs: ask.nowMs - BACKDATE_MS,
      notAfterMs: ask.nowMs + ask.days * DAY_MS,
      spki,
      authorityKeyId: keyIdentifier(spki),
      emptySubject: false,
      use: { kind: 'ca', pathLength: 0 },
    },
    privateKey,
  );
  return {
    certificatePem: toPem(der),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/**
 * A CA from PEM, ready to sign. Of several certificates the first one counts.
 * @param atMs when it must be valid, milliseconds since the epoch; null: that was judged before, and each leaf judges anew.
 * @throws CaError for everything that would make clients refuse its leaves.
 */
export function loadCa(certificatePem: string, keyPem: string, atMs: number | null): MintingCa {
  const certificate = readCertificate(certificatePem);
  const parsed = parseCertificate(certificate.raw);
  if (!parsed.ok) throw new CaError('unreadable', `the CA certificate cannot be parsed: ${parsed.why}`);
  const { value } = parsed;
  if (value.extensions.basicConstraints?.ca !== true) throw new CaError('not-a-ca', 'the certificate is not a CA');
  if (value.extensions.keyUsage !== undefined && !value.extensions.keyUsage.keyCertSign) {
    throw new CaError('key-usage', 'the CA certificate may not sign certificates (keyUsage)');
  }
  const key = readKey(keyPem);
  if (!certificate.checkPrivateKey(key)) {
    throw new CaError('key-mismatch', 'the key file does not belong to the CA certificate');
  }
  if (key.asymmetricKeyType !== 'ec' && key.asymmetricKeyType !== 'rsa') {
    throw new CaError('key-kind', 'the CA key must be EC or RSA');
  }
  if (atMs !== null && atMs < value.notBeforeMs) {
    throw new CaError('not-yet-valid', 'the CA certificate is not valid yet');
  }
  if (atMs !== null && atMs > value.notAfterMs) throw new CaError('expired', 'the CA certificate has expired');
  return Object.freeze({
    certificate,
    certificatePem: certificate.toString(),
    selfIssued: value.selfIssued,
    key,
    subjectName: value.subject.raw,
    subjectKeyId: value.extensions.subjectKeyId ?? createHash('sha1').update(value.publicKeyBits).digest(),
    notBeforeMs: value.notBeforeMs,
    notAfterMs: value.notAfterMs,
    sha256: value.der.sha256,
    spkiSha256: value.spkiSha256,
  });
}

/** 20 bytes with 158 random bits: positive, without padding, never shortened (RFC 5280 §4.1.2.2 allows 20 bytes). */
export function randomSerial(): Buffer {
  const serial = randomBytes(20);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return serial;
}

/** PEM of one certificate. */
export function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new CaError('unreadable', 'the CA certificate file holds no readable certificate');
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause is dropped on purpose: messages of key parsers have quoted key material before.
    throw new CaError('unreadable', 'the CA key file holds no readable private key');
  }
}
