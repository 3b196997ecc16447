/**
 * What we say about BoringSSL's parse_certificate vectors (corpora/boringssl-pki). A vector is expected to parse when
 * its file says so: an ERRORS block, a warning included, means refusal there. Listed here is only where we differ, and
 * vectors whose file says nothing.
 */
export interface Deviation {
  readonly file: string;
  readonly parses: boolean;
  readonly why: string;
}

export const CERTIFICATE_DEVIATIONS: readonly Deviation[] = [
  { file: 'cert_skeleton.pem', parses: false, why: 'only the outer SEQUENCE is real; we read all of it' },
  { file: 'failed_signature_algorithm.pem', parses: false, why: 'its outer AlgorithmIdentifier is malformed' },
  { file: 'bad_signature_algorithm_oid.pem', parses: true, why: 'an unknown algorithm is a verdict of signature.ts' },
  { file: 'signature_algorithm_null.pem', parses: false, why: 'AlgorithmIdentifier holds NULL where its OID belongs' },
  {
    file: 'subject_printable_string_containing_utf8_client_cert.pem',
    parses: false,
    why: 'tolerated there only for client certificates of a browser',
  },
  { file: 'serial_37_bytes.pem', parses: true, why: 'kept as serialFault too-long, refused by the validator' },
  { file: 'serial_zero_padded_21_bytes.pem', parses: true, why: 'kept as serialFault too-long, refused by the validator' },
  { file: 'serial_negative.pem', parses: true, why: 'kept as serialFault negative, refused by the validator' },
  { file: 'serial_zero.pem', parses: true, why: 'kept as serialFault zero: roots in the public set have it' },
];


/** authorityKeyIdentifier vectors and whether the value parses. */
export const AUTHORITY_KEY_IDS: Readonly<Record<string, boolean>> = {
  'empty_sequence.pem': true,
  'key_identifier.pem': true,
  'issuer_and_serial.pem': true,
  'key_identifier_and_issuer_and_serial.pem': true,
  'url_issuer_and_serial.pem': true,
  'extra_contents_after_extension_sequence.pem': false,
  'extra_contents_after_issuer_and_serial.pem': false,
  'invalid_contents.pem': false,
  'invalid_issuer.pem': false,
  'invalid_key_identifier.pem': false,
  'invalid_serial.pem': false,
  'issuer_only.pem': false,
  'serial_only.pem': false,
};
