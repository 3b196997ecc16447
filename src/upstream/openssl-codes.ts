/**
 * What an error of a TLS handshake means, by its code.
 *
 * Does: turn OpenSSL's and Node's error codes into Problems of our catalogue. OpenSSL's names for the same alert differ
 * by version (`SSLV3_ALERT_`, `SSL/TLS_ALERT_`, `TLSV1_`, `TLSV13_`), ours do not.
 * Does not: read error messages, which are for people and change.
 */
import type { Code } from '../model/codes.ts';
import type { Facts } from '../model/outcome.ts';
import { Problem } from '../model/problem.ts';
import { clip } from '../model/text.ts';
import { alertName, alertNumber } from '../wire/alerts.ts';

/** An alert that the upstream sent; TLS 1.3 and extension alerts have no `ALERT_` in some of their names. */
const ALERT_CODE = /^ERR_SSL_(?:SSLV3|SSL\/TLS|TLSV1|TLSV13)_(?:ALERT_)?([A-Z_]+)$/;

/** OpenSSL's words where they are not those of the RFCs. */
const ALERT_WORDS: ReadonlyMap<string, string> = new Map([['user_cancelled', 'user_canceled']]);

/** Alerts that say more than "refused". */
const CODE_OF_ALERT: ReadonlyMap<number, Code> = new Map<number, Code>([
  [70, 'tls.version'],
  [71, 'tls.version'],
  [116, 'tls.client-certificate-required'],
]);

/** Errors that our own side raises while it reads the upstream's handshake; the rest is `tls.protocol`. */
const CODE_OF_ERROR: ReadonlyMap<string, Code> = new Map<string, Code>([
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'tls.version'],
  ['ERR_SSL_VERSION_TOO_LOW', 'tls.version'],
  ['ERR_SSL_WRONG_SSL_VERSION', 'tls.version'],
  ['ERR_SSL_NO_PROTOCOLS_AVAILABLE', 'tls.version'],
  ['ERR_SSL_WRONG_CIPHER_RETURNED', 'tls.version'],
  ['ERR_SSL_UNKNOWN_CIPHER_RETURNED', 'tls.version'],
  ['ERR_SSL_DH_KEY_TOO_SMALL', 'tls.version'],
  ['ERR_SSL_UNSAFE_LEGACY_RENEGOTIATION_DISABLED', 'tls.version'],
  ['ERR_SSL_EXCESSIVE_MESSAGE_SIZE', 'chain.too-large'],
  ['ECONNRESET', 'tls.closed'],
  ['ECONNABORTED', 'tls.closed'],
  ['EPIPE', 'tls.closed'],
  ['ERR_SSL_UNEXPECTED_EOF_WHILE_READING', 'tls.closed'],
  ['ERR_STREAM_PREMATURE_CLOSE', 'tls.closed'],
  ['ETIMEDOUT', 'tls.timeout'],
]);

/** A certificate that OpenSSL cannot even decode ends the handshake before we see the list. */
const UNDECODABLE = /^ERR_(?:OSSL_)?(?:ASN1|X509|OSSL_ASN1|OSSL_X509)_/;

/** The alert that a code names; null: the code names none. */
export function alertOf(code: string): number | null {
  const word = ALERT_CODE.exec(code)?.[1]?.toLowerCase();
  return word === undefined ? null : alertNumber(ALERT_WORDS.get(word) ?? word);
}

function codeOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? clip(code) : 'unknown';
}

/**
 * The Problem of a failed handshake. `certificateAsked`: the upstream had sent a CertificateRequest, so a refusal
 * without a better reason is about the certificate that we do not have (TLS 1.2 says only handshake_failure).
 */
export function handshakeProblem(error: unknown, certificateAsked: boolean): Problem {
  const reason = codeOf(error);
  const alert = alertOf(reason);
  if (alert !== null) {
    const facts: Facts = { reason, alert, alertName: alertName(alert) ?? 'unknown' };
    const wantsCertificate = certificateAsked && (alert === 40 || alert === 42);
    const code = wantsCertificate ? 'tls.client-certificate-required' : (CODE_OF_ALERT.get(alert) ?? 'tls.alert');
    return new Problem(code, 'upstream', facts, error);
  }
  const code = CODE_OF_ERROR.get(reason) ?? (UNDECODABLE.test(reason) ? 'chain.malformed' : 'tls.protocol');
  return new Problem(code, 'upstream', { reason }, error);
}
