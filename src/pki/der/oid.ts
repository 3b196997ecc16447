/**
 * OBJECT IDENTIFIERs: decoding to dotted text (X.690 §8.19), reading what people write, and the names of those that we
 * know.
 *
 * Does: refuse padded, unfinished, empty and overlong encodings, and text that has none. Arcs may be of any size.
 * Does not: register or look up names at run time.
 */

/** Longest content that is decoded; the longest real ones (UUID arcs under 2.25) have 20 bytes. */
export const MAX_OID_BYTES = 64;

export const OID = Object.freeze({
  // Public keys (RFC 3279, RFC 5480, RFC 8410)
  rsaEncryption: '1.2.840.113549.1.1.1',
  ecPublicKey: '1.2.840.10045.2.1',
  p256: '1.2.840.10045.3.1.7',
  p384: '1.3.132.0.34',
  p521: '1.3.132.0.35',
  ed25519: '1.3.101.112',
  // Signatures
  md2WithRsa: '1.2.840.113549.1.1.2',
  md5WithRsa: '1.2.840.113549.1.1.4',
  sha1WithRsa: '1.2.840.113549.1.1.5',
  sha1WithRsaOiw: '1.3.14.3.2.29',
  rsaPss: '1.2.840.113549.1.1.10',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  sha384WithRsa: '1.2.840.113549.1.1.12',
  sha512WithRsa: '1.2.840.113549.1.1.13',
  sha224WithRsa: '1.2.840.113549.1.1.14',
  mgf1: '1.2.840.113549.1.1.8',
  ecdsaWithSha1: '1.2.840.10045.4.1',
  ecdsaWithSha224: '1.2.840.10045.4.3.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  ecdsaWithSha512: '1.2.840.10045.4.3.4',
  mlDsa44: '2.16.840.1.101.3.4.3.17',
  mlDsa65: '2.16.840.1.101.3.4.3.18',
  mlDsa87: '2.16.840.1.101.3.4.3.19',
  dsaWithSha1: '1.2.840.10040.4.3',
  // Digests
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
  // Attributes
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
  country: '2.5.4.6',
  locality: '2.5.4.7',
  state: '2.5.4.8',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  domainComponent: '0.9.2342.19200300.100.1.25',
  userId: '0.9.2342.19200300.100.1.1',
  emailAddress: '1.2.840.113549.1.9.1',
  // Extensions (RFC 5280, 6962, 6960, 7633)
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  anyPolicy: '2.5.29.32.0',
  policyMappings: '2.5.29.33',
  authorityKeyId: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  anyExtendedKeyUsage: '2.5.29.37.0',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
  sctList: '1.3.6.1.4.1.11129.2.4.2',
  ctPoison: '1.3.6.1.4.1.11129.2.4.3',
  ctPrecertSigning: '1.3.6.1.4.1.11129.2.4.4',
  ocspSctList: '1.3.6.1.4.1.11129.2.4.5',
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',
  // CRL extensions (RFC 5280 §5.2, §5.3)
  crlNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
  // Access methods and OCSP
  ocsp: '1.3.6.1.5.5.7.48.1',
  ocspBasic: '1.3.6.1.5.5.7.48.1.1',
  caIssuers: '1.3.6.1.5.5.7.48.2',
  // Key purposes
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
});

/** Dotted text of the content `bytes[start, end)`, or null when it is not a canonical OBJECT IDENTIFIER. */
export function decodeOid(bytes: Uint8Array, start: number, end: number): string | null {
  if (end <= start || end - start > MAX_OID_BYTES || end > bytes.length) return null;
  if ((bytes[end - 1] ?? 0x80) >= 0x80) return null;
  let text = '';
  let at = start;
  while (at < end) {
    // A subidentifier starting with 0x80 is padded (X.690 §8.19.2).
    if (bytes[at] === 0x80) return null;
    let arc: number | bigint = 0;
    let octet = 0x80;
    while (octet >= 0x80) {
      octet = bytes[at++] ?? 0;
      arc = appendSeven(arc, octet & 0x7f);
    }
    text = text === '' ? firstArcs(arc) : `${text}.${arc}`;
  }
  return text;
}

/** Four characters an octet: no text that fits into MAX_OID_BYTES is longer. */
const MAX_OID_TEXT = 4 * MAX_OID_BYTES;
const DOTTED = /^[012](?:\.(?:0|[1-9][0-9]*))+$/;

/** Whether `text` is an OBJECT IDENTIFIER in dotted decimal, as decodeOid answers it: without leading zeros or spaces. */
export function isOid(text: string): boolean {
  if (text.length > MAX_OID_TEXT || !DOTTED.test(text)) return false;
  const [top = 0n, second = 0n, ...rest] = text.split('.').map(BigInt);
  if (top < 2n && second > 39n) return false;
  const octets = [top * 40n + second, ...rest].map((arc) => Math.ceil(arc.toString(2).length / 7));
  return octets.reduce((sum, one) => sum + one, 0) <= MAX_OID_BYTES;
}

/** 2^46: below it seven more bits stay exact in a number. */
const NUMBER_ROOM = 2 ** 46;

function appendSeven(arc: number | bigint, bits: number): number | bigint {
  if (typeof arc === 'number' && arc < NUMBER_ROOM) return arc * 128 + bits;
  return BigInt(arc) * 128n + BigInt(bits);
}

/** X.690 §8.19.4: the first subidentifier holds two arcs, 40·X + Y, with X of 0 to 2 and Y below 40 unless X is 2. */
function firstArcs(first: number | bigint): string {
  if (first < 40) return `0.${first}`;
  if (first < 80) return `1.${Number(first) - 40}`;
  return typeof first === 'number' ? `2.${first - 80}` : `2.${first - 80n}`;
}
