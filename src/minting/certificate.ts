/**
 * Builds and signs one X.509 v3 certificate (RFC 5280 §4.1). The only door to node-forge, which is used as an ASN.1
 * encoder and nothing else: it never sees bytes of a peer, makes no key and signs nothing.
 *
 * Does: encode a TBSCertificate and sign it with node:crypto and SHA-256 (about 0.04 ms with P-256).
 * Does not: choose names, times or extensions (ca.ts and leaf.ts do), or read certificates.
 * The caller must: pass an EC or RSA signing key (ca.ts admits no other) and values that are valid together.
 */
import { createHash, type KeyObject, sign } from 'node:crypto';
import forge from 'node-forge';

const { asn1 } = forge;
type Asn1 = forge.asn1.Asn1;

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

/** SEQUENCE with its constructed bit, for content that is DER already: the encoder then copies it. */
const ENCODED_SEQUENCE = 0x30 as number as forge.asn1.Type;

/** From 2050 on a date is a GeneralizedTime (RFC 5280 §4.1.2.5). Milliseconds since the epoch. */
const GENERALIZED_TIME_FROM_MS = Date.UTC(2050, 0, 1);

export type SubjectAltName =
  | { readonly kind: 'dns'; readonly name: string }
  /** 4 or 16 bytes. */
  | { readonly kind: 'ip'; readonly bytes: Buffer };

export interface CertificateRequest {
  /** Big-endian, positive without padding: the first bit is 0 and the first byte is not. At most 20 bytes. */
  readonly serial: Buffer;
  /** DER of the issuer's Name, byte for byte as in the issuer's certificate. */
  readonly issuerName: Buffer;
  /** DER of the subject's Name. */
  readonly subjectName: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  readonly authorityKeyId: Buffer;
  readonly use:
    | { readonly kind: 'ca'; readonly pathLength: number }
    | { readonly kind: 'server'; readonly subjectAltName: SubjectAltName };
  /** True when the subject is empty: subjectAltName must be critical then (RFC 5280 §4.2.1.6). */
  readonly emptySubject: boolean;
}

/** DER of the signed certificate. */
export function signCertificate(request: CertificateRequest, issuerKey: KeyObject): Buffer {
  // RFC 4055 §5 wants NULL parameters for RSA, RFC 5758 §3.2 none for ECDSA.
  const algorithm =
    issuerKey.asymmetricKeyType === 'rsa'
      ? sequence(oid(OID.sha256WithRsa), primitive(asn1.Type.NULL, Buffer.alloc(0)))
      : sequence(oid(OID.ecdsaWithSha256));
  const tbs = sequence(
    context(0, integer(Buffer.from([2]))),
    integer(request.serial),
    algorithm,
    raw(request.issuerName),
    sequence(time(request.notBeforeMs), time(request.notAfterMs)),
    raw(request.subjectName),
    raw(request.spki),
    context(3, sequence(...extensions(request))),
  );
  const tbsDer = encode(tbs);
  const signature = sign('sha256', tbsDer, issuerKey);
  return encode(sequence(raw(tbsDer), algorithm, bitString(signature)));
}

/** DER of a Name with at most one attribute, the common name; the empty Name for `null`. */
export function encodeName(commonName: string | null): Buffer {
  if (commonName === null) return encode(sequence());
  const value = primitive(asn1.Type.UTF8, Buffer.from(commonName, 'utf8'));
  return encode(sequence(constructed(asn1.Type.SET, sequence(oid(OID.commonName), value))));
}

/** Key identifier by RFC 5280 §4.2.1.2 method 1 over the SPKI's key bits (the last 65 bytes of a P-256 SPKI). */
export function keyIdentifier(spki: Buffer): Buffer {
  return createHash('sha1').update(spki.subarray(-65)).digest();
}

function extensions(request: CertificateRequest): Asn1[] {
  const { use } = request;
  const authority = extension(OID.authorityKeyIdentifier, false, sequence(contextBytes(0, request.authorityKeyId)));
  const subjectKey = extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(request.spki)));
  if (use.kind === 'ca') {
    const basic = sequence(primitive(asn1.Type.BOOLEAN, Buffer.from([0xff])), integer(Buffer.from([use.pathLength])));
    return [
      extension(OID.basicConstraints, true, basic),
      // keyCertSign and cRLSign: bits 5 and 6, one unused bit.
      extension(OID.keyUsage, true, bitString(Buffer.from([0x06]), 1)),
      subjectKey,
      authority,
    ];
  }
  const { subjectAltName } = use;
  const name =
    subjectAltName.kind === 'dns'
      ? contextBytes(2, Buffer.from(subjectAltName.name, 'latin1'))
      : contextBytes(7, subjectAltName.bytes);
  return [
    extension(OID.basicConstraints, true, sequence()),
    // digitalSignature: bit 0, seven unused bits.
    extension(OID.keyUsage, true, bitString(Buffer.from([0x80]), 7)),
    extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
    extension(OID.subjectAltName, request.emptySubject, sequence(name)),
    subjectKey,
    authority,
  ];
}

function extension(id: string, critical: boolean, value: Asn1): Asn1 {
  const mark = critical ? [primitive(asn1.Type.BOOLEAN, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...mark, octetString(encode(value)));
}

function time(atMs: number): Asn1 {
  const date = new Date(atMs);
  return atMs < GENERALIZED_TIME_FROM_MS
    ? asn1.create(asn1.Class.UNIVERSAL, asn1.Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(asn1.Class.UNIVERSAL, asn1.Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

function sequence(...parts: Asn1[]): Asn1 {
  return constructed(asn1.Type.SEQUENCE, ...parts);
}

function constructed(type: forge.asn1.Type, ...parts: Asn1[]): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, type, true, parts);
}

function primitive(type: forge.asn1.Type, content: Buffer): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, type, false, content.toString('latin1'));
}

function context(tag: number, inner: Asn1): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, [inner]);
}

function contextBytes(tag: number, content: Buffer): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, content.toString('latin1'));
}

function oid(dotted: string): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(dotted).getBytes());
}

function integer(content: Buffer): Asn1 {
  return primitive(asn1.Type.INTEGER, content);
}

function octetString(content: Buffer): Asn1 {
  return primitive(asn1.Type.OCTETSTRING, content);
}

function bitString(content: Buffer, unusedBits = 0): Asn1 {
  return primitive(asn1.Type.BITSTRING, Buffer.concat([Buffer.from([unusedBits]), content]));
}

/** A SEQUENCE that is already DER, as a node of the tree: its bytes are copied, never decoded and encoded again. */
function raw(der: Buffer): Asn1 {
  const lengthByte = der[1] ?? 0;
  const headerBytes = lengthByte < 0x80 ? 2 : 2 + (lengthByte & 0x7f);
  const content = der.subarray(headerBytes).toString('latin1');
  return asn1.create(asn1.Class.UNIVERSAL, ENCODED_SEQUENCE, false, content);
}

function encode(node: Asn1): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'latin1');
}
