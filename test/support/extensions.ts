/** Names and extensions of the tests' PKI as DER: right by default, wrong on purpose when asked. */
import { createHash } from 'node:crypto';
import { BlockList, isIPv4 } from 'node:net';
import * as der from '../../src/pki/der/writer.ts';

export interface RawExtension {
  readonly oid: string;
  readonly critical: boolean;
  /** DER inside the extnValue OCTET STRING. */
  readonly value: Buffer;
}

export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
export type KeyUsageName = (typeof KEY_USAGES)[number];

export const EKU = {
  any: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
} as const;

const ATTRIBUTE: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  C: '2.5.4.6',
  L: '2.5.4.7',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  emailAddress: '1.2.840.113549.1.9.1',
};

/** Pairs of short name (or OID) and value; C is a PrintableString, emailAddress an IA5String, the others UTF8String. */
export type NameParts = readonly (readonly [string, string])[];

export function distinguishedName(parts: NameParts): Buffer {
  return der.sequence(
    ...parts.map(([type, value]) =>
      der.set(der.sequence(der.oid(ATTRIBUTE[type] ?? type), attributeValue(type, value))),
    ),
  );
}

function attributeValue(type: string, value: string): Buffer {
  if (type === 'C') return der.printable(value);
  return type === 'emailAddress' ? der.ia5(value) : der.utf8(value);
}

export interface NamesSpec {
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly email?: readonly string[];
  readonly uri?: readonly string[];
  /** DER of distinguished names. */
  readonly directory?: readonly Buffer[];
  /** Complete GeneralName TLVs, added as they are. */
  readonly rawNames?: readonly Buffer[];
}

/** dNSName strings are written byte by byte (latin1), so that NUL and friends can be tested. */
export function generalNames(spec: NamesSpec): Buffer[] {
  return [
    ...(spec.dns ?? []).map((name) => der.contextPrimitive(2, Buffer.from(name, 'latin1'))),
    ...(spec.ip ?? []).map((address) => der.contextPrimitive(7, ipBytes(address))),
    ...(spec.email ?? []).map((address) => der.contextPrimitive(1, der.ia5Bytes(address))),
    ...(spec.uri ?? []).map((uri) => der.contextPrimitive(6, der.ia5Bytes(uri))),
    ...(spec.directory ?? []).map((name) => der.contextConstructed(4, name)),
    ...(spec.rawNames ?? []),
  ];
}

/** 4 or 16 bytes of an address in text form. */
export function ipBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const bytes = Buffer.alloc(16);
  for (const [index, group] of before.entries()) bytes.writeUInt16BE(group, index * 2);
  for (const [index, group] of after.entries()) bytes.writeUInt16BE(group, 16 - (after.length - index) * 2);
  return bytes;
}

export function extension(oid: string, critical: boolean, value: Buffer): RawExtension {
  return { oid, critical, value };
}

export function encodeExtension(raw: RawExtension): Buffer {
  return der.sequence(der.oid(raw.oid), ...(raw.critical ? [der.boolean(true)] : []), der.octetString(raw.value));
}

export function basicConstraints(ca: boolean, pathLength: number | null): RawExtension {
  const parts = [...(ca ? [der.boolean(true)] : []), ...(pathLength === null ? [] : [der.integer(pathLength)])];
  return extension('2.5.29.19', true, der.sequence(...parts));
}

export function keyUsage(usages: readonly KeyUsageName[], critical = true): RawExtension {
  return extension('2.5.29.15', critical, der.namedBits(KEY_USAGES.map((name) => usages.includes(name))));
}

/** Purposes by OID (see `EKU`). */
export function extendedKeyUsage(purposes: readonly string[], critical = false): RawExtension {
  return extension('2.5.29.37', critical, der.sequence(...purposes.map(der.oid)));
}

export function subjectAltName(spec: NamesSpec, critical = false): RawExtension {
  return extension('2.5.29.17', critical, der.sequence(...generalNames(spec)));
}

export interface ConstraintsSpec {
  readonly permitted?: NamesSpec & { readonly ranges?: readonly string[] };
  readonly excluded?: NamesSpec & { readonly ranges?: readonly string[] };
}

/** `ranges` are CIDRs; `dns`, `email`, `uri` and `directory` are written as given (RFC 5280 §4.2.1.10). */
export function nameConstraints(spec: ConstraintsSpec, critical = true): RawExtension {
  const trees = (number: number, names: ConstraintsSpec['permitted']) => {
    if (names === undefined) return [];
    const ranges = (names.ranges ?? []).map((range) => der.contextPrimitive(7, rangeBytes(range)));
    return [der.contextConstructed(number, ...[...generalNames(names), ...ranges].map((name) => der.sequence(name)))];
  };
  const value = der.sequence(...trees(0, spec.permitted), ...trees(1, spec.excluded));
  return extension('2.5.29.30', critical, value);
}

function rangeBytes(range: string): Buffer {
  const [address = '', bits = ''] = range.split('/');
  // The block list is asked only to refuse a range that is none.
  new BlockList().addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
  const bytes = ipBytes(address);
  const mask = Buffer.alloc(bytes.length);
  for (let bit = 0; bit < Number(bits); bit += 1) mask[bit >> 3] = (mask[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return Buffer.concat([bytes, mask]);
}

/** SHA-1 of the content of the SPKI's BIT STRING (RFC 5280 §4.2.1.2, method 1). */
export function keyIdentifier(spki: Buffer): Buffer {
  return createHash('sha1').update(publicKeyBits(spki)).digest();
}

/** Content of the BIT STRING of an SPKI, without the octet of unused bits. */
export function publicKeyBits(spki: Buffer): Buffer {
  const outer = content(spki);
  const algorithm = content(outer);
  const rest = outer.subarray(algorithm.byteOffset + algorithm.length - outer.byteOffset);
  return content(rest).subarray(1);
}

/** Content of the first TLV of bytes that node:crypto made. */
function content(bytes: Buffer): Buffer {
  const first = bytes[1] ?? 0;
  if (first < 0x80) return bytes.subarray(2, 2 + first);
  const octets = first & 0x7f;
  return bytes.subarray(2 + octets, 2 + octets + bytes.readUIntBE(2, octets));
}

export function subjectKeyIdentifier(id: Buffer): RawExtension {
  return extension('2.5.29.14', false, der.octetString(id));
}

export function authorityKeyIdentifier(id: Buffer): RawExtension {
  return extension('2.5.29.35', false, der.sequence(der.contextPrimitive(0, id)));
}

export function certificatePolicies(oids: readonly string[]): RawExtension {
  return extension('2.5.29.32', false, der.sequence(...oids.map((policy) => der.sequence(der.oid(policy)))));
}

export function authorityInfoAccess(spec: { ocsp?: readonly string[]; caIssuers?: readonly string[] }): RawExtension {
  const access = (method: string, uri: string) =>
    der.sequence(der.oid(method), der.contextPrimitive(6, der.ia5Bytes(uri)));
  return extension(
    '1.3.6.1.5.5.7.1.1',
    false,
    der.sequence(
      ...(spec.ocsp ?? []).map((uri) => access('1.3.6.1.5.5.7.48.1', uri)),
      ...(spec.caIssuers ?? []).map((uri) => access('1.3.6.1.5.5.7.48.2', uri)),
    ),
  );
}

export function crlDistributionPoints(uris: readonly string[]): RawExtension {
  const point = (uri: string) =>
    der.sequence(der.contextConstructed(0, der.contextConstructed(0, der.contextPrimitive(6, der.ia5Bytes(uri)))));
  return extension('2.5.29.31', false, der.sequence(...uris.map(point)));
}

/** RFC 7633; 5 is must-staple. */
export function tlsFeatures(features: readonly number[]): RawExtension {
  return extension('1.3.6.1.5.5.7.1.24', false, der.sequence(...features.map(der.integer)));
}

/** `list` is the TLS SignedCertificateTimestampList; it is wrapped in its inner OCTET STRING here (RFC 6962 §3.3). */
export function sctList(list: Buffer): RawExtension {
  return extension('1.3.6.1.4.1.11129.2.4.2', false, der.octetString(list));
}

export function ctPoison(): RawExtension {
  return extension('1.3.6.1.4.1.11129.2.4.3', true, der.nullValue());
}

export function unknownCritical(): RawExtension {
  return extension('1.3.6.1.4.1.55555.1', true, der.nullValue());
}
