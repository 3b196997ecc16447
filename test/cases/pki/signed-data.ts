/**
 * What verifySignature says to BoringSSL's verify_signed_data vectors. `verified` is said only where BoringSSL accepts.
 * It accepts two more, for the reasons given; `malformed` means that algorithm or signature did not parse.
 */
export const SIGNED_DATA: Readonly<Record<string, string>> = {
  // Accepted by both
  'ecdsa-prime256v1-sha512.pem': 'verified',
  'ecdsa-secp384r1-sha256.pem': 'verified',
  'rsa2048-pkcs1-sha512.pem': 'verified',
  'rsa-pss-sha256.pem': 'verified',
  'mldsa-44.pem': 'verified',
  'mldsa-65.pem': 'verified',
  'mldsa-87.pem': 'verified',
  // Accepted there: the digest is SHA-1
  'rsa-pkcs1-sha1.pem': 'weak',
  // Accepted there: the key has 1024 bits
  'rsa-pkcs1-sha256.pem': 'weak',
  // Refused by both
  'ecdsa-prime256v1-sha512-spki-params-null.pem': 'failed',
  'ecdsa-prime256v1-sha512-unused-bits-signature.pem': 'malformed',
  'ecdsa-prime256v1-sha512-using-ecdh-key.pem': 'failed',
  'ecdsa-prime256v1-sha512-using-ecmqv-key.pem': 'failed',
  'ecdsa-prime256v1-sha512-using-rsa-algorithm.pem': 'failed',
  'ecdsa-prime256v1-sha512-wrong-signature-format.pem': 'failed',
  'ecdsa-secp384r1-sha256-corrupted-data.pem': 'failed',
  'ecdsa-using-rsa-key.pem': 'weak',
  'mldsa-44-spki-params-null.pem': 'failed',
  'mldsa-65-spki-params-null.pem': 'failed',
  'mldsa-87-spki-params-null.pem': 'failed',
  'rsa-pkcs1-sha1-bad-key-der-length.pem': 'weak',
  'rsa-pkcs1-sha1-bad-key-der-null.pem': 'weak',
  'rsa-pkcs1-sha1-key-params-absent.pem': 'weak',
  'rsa-pkcs1-sha1-using-pss-key-no-params.pem': 'weak',
  'rsa-pkcs1-sha1-wrong-algorithm.pem': 'weak',
  'rsa-pkcs1-sha256-key-encoded-ber.pem': 'failed',
  'rsa-pkcs1-sha256-spki-non-null-params.pem': 'failed',
  'rsa-pkcs1-sha256-using-ecdsa-algorithm.pem': 'weak',
  'rsa-pkcs1-sha256-using-id-ea-rsa.pem': 'failed',
  'rsa-pss-sha256-using-pss-key-with-params.pem': 'failed',
  'rsa-pss-sha256-wrong-salt.pem': 'failed',
  'rsa-using-ec-key.pem': 'failed',
};
