/**
 * TLS alerts (RFC 8446 §6): their names, and the bytes of a fatal one before the ServerHello.
 *
 * Does: lets us refuse a client in its own language without a certificate, and name what an upstream answered.
 * Does not: work after the ServerHello, when alerts are encrypted.
 */

/** Registered alert descriptions (IANA TLS Alerts) that an endpoint can send as fatal. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'close_notify'],
  [10, 'unexpected_message'],
  [20, 'bad_record_mac'],
  [21, 'decryption_failed'],
  [22, 'record_overflow'],
  [30, 'decompression_failure'],
  [40, 'handshake_failure'],
  [41, 'no_certificate'],
  [42, 'bad_certificate'],
  [43, 'unsupported_certificate'],
  [44, 'certificate_revoked'],
  [45, 'certificate_expired'],
  [46, 'certificate_unknown'],
  [47, 'illegal_parameter'],
  [48, 'unknown_ca'],
  [49, 'access_denied'],
  [50, 'decode_error'],
  [51, 'decrypt_error'],
  [60, 'export_restriction'],
  [70, 'protocol_version'],
  [71, 'insufficient_security'],
  [80, 'internal_error'],
  [86, 'inappropriate_fallback'],
  [90, 'user_canceled'],
  [100, 'no_renegotiation'],
  [109, 'missing_extension'],
  [110, 'unsupported_extension'],
  [111, 'certificate_unobtainable'],
  [112, 'unrecognized_name'],
  [113, 'bad_certificate_status_response'],
  [114, 'bad_certificate_hash_value'],
  [115, 'unknown_psk_identity'],
  [116, 'certificate_required'],
  [120, 'no_application_protocol'],
  [121, 'ech_required'],
]);

const NUMBERS: ReadonlyMap<string, number> = new Map([...NAMES].map(([number, name]) => [name, number]));

/** The alerts that we send ourselves. */
export const ALERT = Object.freeze({
  unexpectedMessage: 10,
  accessDenied: 49,
  decodeError: 50,
  internalError: 80,
  unrecognizedName: 112,
  noApplicationProtocol: 120,
});

/** `handshake_failure`; null: not a registered number. A bounded set: fit for a metric label. */
export function alertName(description: number): string | null {
  return NAMES.get(description) ?? null;
}

/** The number of a registered name; null: unknown. */
export function alertNumber(name: string): number | null {
  return NUMBERS.get(name) ?? null;
}

/**
 * One fatal alert record in plaintext: 7 bytes, record version TLS 1.2 as RFC 8446 §5.1 asks. Only valid towards a
 * client that has not seen a ServerHello.
 */
export function fatalAlert(description: number): Buffer {
  return Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, description & 0xff]);
}
