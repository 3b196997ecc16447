/**
 * A PKI for tests: right by default, wrong on purpose wherever a test says so.
 *
 *   const root = authority({ cn: 'Root' });
 *   const inter = root.issueCa({ cn: 'Inter' });
 *   const leaf = inter.issueLeaf({ dns: ['good.test'] });
 *   tls.createServer({ key: leaf.keyPem, cert: leaf.chainPem })
 *
 * Every certificate has a key of its own (P-256) unless `key` says otherwise. Validity defaults surround `at`, which
 * is inherited from the issuer and is the real clock at the top: tests that inject a clock pass `at` to the root.
 * node:crypto signs; the DER is written by our own writer, so nothing limits what can be got wrong.
 */
import { randomBytes } from 'node:crypto';
import * as der from '../../src/pki/der/writer.ts';
import * as ext from './extensions.ts';
import {
  generateKey,
  type KeyName,
  type KeyPair,
  type SignatureName,
  signatureAlgorithm,
  signBytes,
  spkiDigest,
} from './keys.ts';

const DAY_MS = 86_400_000;

/** ISO text or milliseconds since the epoch. */
export type Moment = string | number;

export interface Spec extends ext.NamesSpec {
  /** Common name; also the whole subject unless `subject` is given. Leaves default to their first dNSName. */
  readonly cn?: string;
  /** Whole subject: pairs, or DER of a Name. `[]` is the empty name. */
  readonly subject?: ext.NameParts | Buffer;
  /** Forces the issuer name. */
  readonly issuer?: ext.NameParts | Buffer;
  readonly serial?: number | bigint | Buffer;
  readonly notBefore?: Moment;
  readonly notAfter?: Moment;
  /** The moment around which default validity lies; inherited. */
  readonly at?: Moment;
  /** A kind of key, or a key pair to use again. */
  readonly key?: KeyName | KeyPair;
  /** Forces the SPKI: the certificate then speaks of a key that nobody here holds. */
  readonly spki?: Buffer;
  readonly version?: 1 | 2 | 3;
  /** Hash (and padding) of the issuer's signature. */
  readonly signature?: SignatureName;
  /** `flipped`: one bit of the signature is wrong. `junk`: signed by a key nobody knows. */
  readonly broken?: 'flipped' | 'junk';
  /** AlgorithmIdentifier inside the TBS when it shall differ from the outer one. */
  readonly innerAlgorithm?: Buffer;
  /** `null` leaves the extension out. */
  readonly ca?: boolean | null;
  readonly pathLength?: number;
  readonly keyUsage?: readonly ext.KeyUsageName[] | null;
  /** OIDs (see `EKU`); null leaves the extension out. CAs have none by default, leaves have serverAuth. */
  readonly extendedKeyUsage?: readonly string[] | null;
  readonly nameConstraints?: ext.ConstraintsSpec;
  readonly policies?: readonly string[];
  readonly aia?: { readonly ocsp?: readonly string[]; readonly caIssuers?: readonly string[] };
  readonly crlUris?: readonly string[];
  readonly tlsFeatures?: readonly number[];
  /** The TLS list of SCTs, or a function that signs them: it gets the TBS without the list, and the issuer. */
  readonly sctList?: Buffer | ((precertTbs: Buffer, issuer: Issued) => Buffer);
  /** Default: critical exactly when the subject is empty, as RFC 5280 §4.1.2.6 asks. */
  readonly namesCritical?: boolean;
  readonly ctPoison?: boolean;
  readonly unknownCritical?: boolean;
  /** null leaves the extension out; default: from the key (subject) and from the issuer (authority). */
  readonly subjectKeyId?: Buffer | null;
  readonly authorityKeyId?: Buffer | null;
  /** Added as they are, after all others. */
  readonly extensions?: readonly ext.RawExtension[];
  /** OIDs of extensions to leave out, whatever else was said. */
  readonly without?: readonly string[];
}

/** A certificate with its private key, able to issue further ones: whether it may is the verifier's question. */
export class Issued {
  readonly der: Buffer;
  readonly pem: string;
  readonly tbs: Buffer;
  readonly key: KeyPair;
  /** DER of the subject. */
  readonly subject: Buffer;
  /** SPKI as in the certificate (differs from `key.spki` when it was forced). */
  readonly spki: Buffer;
  /** INTEGER content given to the certificate. */
  readonly serial: Buffer;
  readonly subjectKeyId: Buffer | null;
  readonly atMs: number;
  /** Who signed; null: itself. */
  readonly issuer: Issued | null;

  constructor(parts: IssuedParts) {
    this.der = parts.der;
    this.pem = pem('CERTIFICATE', parts.der);
    this.tbs = parts.tbs;
    this.key = parts.key;
    this.subject = parts.subject;
    this.spki = parts.spki;
    this.serial = parts.serial;
    this.subjectKeyId = parts.subjectKeyId;
    this.atMs = parts.atMs;
    this.issuer = parts.issuer;
  }

  get privateKey() {
    return this.key.privateKey;
  }

  get keyPem(): string {
    return this.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  }

  /** As a rule writes it: `sha256/…=` of the SPKI in the certificate. */
  get pin(): string {
    return `sha256/${spkiDigest(this.spki)}`;
  }

  /** This certificate and its issuers, without the self-signed top: what a right server presents. */
  get chain(): readonly Buffer[] {
    const up = this.issuer === null || this.issuer.issuer === null ? [] : this.issuer.chain;
    return [this.der, ...up];
  }

  get chainPem(): string {
    return this.chain.map((bytes) => pem('CERTIFICATE', bytes)).join('');
  }

  /** A CA below this one. */
  issueCa(spec: Spec = {}): Issued {
    return issue(caSpec(spec), this);
  }

  /** A TLS server certificate below this one. */
  issueLeaf(spec: Spec = {}): Issued {
    return issue(leafSpec(spec), this);
  }

  /** Another certificate for the subject and key of `other`, signed by this one. */
  crossSign(other: Issued, spec: Spec = {}): Issued {
    return this.issueCa({ subject: other.subject, key: other.key, ...spec });
  }
}

interface IssuedParts {
  readonly der: Buffer;
  readonly tbs: Buffer;
  readonly key: KeyPair;
  readonly subject: Buffer;
  readonly spki: Buffer;
  readonly serial: Buffer;
  readonly subjectKeyId: Buffer | null;
  readonly atMs: number;
  readonly issuer: Issued | null;
}

/** A self-signed CA: the top of a PKI. */
export function authority(spec: Spec = {}): Issued {
  return issue(caSpec({ cn: 'Test Root', ...spec }), null);
}

/** A self-signed server certificate. */
export function selfSigned(spec: Spec = {}): Issued {
  return issue(leafSpec(spec), null);
}

/**
 * The forged issuer: name and key identifier of `real`, public key of somebody else (public data suffices), signed
 * by a key nobody knows. A verifier that walks the presented list by name finds the pinned key here.
 */
export function forgeIssuer(real: Issued, spki: Buffer, spec: Spec = {}): Issued {
  return issue(
    caSpec({ subject: real.subject, subjectKeyId: real.subjectKeyId, at: real.atMs, spki, broken: 'junk', ...spec }),
    null,
  );
}

function caSpec(spec: Spec): Spec {
  return { ca: true, keyUsage: ['keyCertSign', 'cRLSign', 'digitalSignature'], extendedKeyUsage: null, ...spec };
}

function leafSpec(spec: Spec): Spec {
  return { ca: false, keyUsage: ['digitalSignature'], extendedKeyUsage: [ext.EKU.serverAuth], ...spec };
}

function issue(spec: Spec, issuer: Issued | null): Issued {
  const key = typeof spec.key === 'object' ? spec.key : generateKey(spec.key);
  const spki = spec.spki ?? key.spki;
  const subject = nameOf(spec.subject, spec.cn ?? spec.dns?.[0] ?? 'Test');
  const atMs = spec.at === undefined ? (issuer?.atMs ?? Date.now()) : toMs(spec.at);
  const serial = serialContent(spec.serial);
  const subjectKeyId = spec.subjectKeyId === undefined ? ext.keyIdentifier(spki) : spec.subjectKeyId;
  const parent = { key: issuer?.key ?? key, subject: issuer?.subject ?? subject };
  const signer = spec.broken === 'junk' ? generateKey().privateKey : parent.key.privateKey;
  const extensions = extensionsOf(spec, subjectKeyId, issuer === null ? subjectKeyId : issuer.subjectKeyId);
  const fields = {
    version: spec.version ?? 3,
    serial: der.tlv(0x02, serial),
    algorithm: spec.innerAlgorithm ?? signatureAlgorithm(signer, spec.signature),
    issuer: nameOf(spec.issuer ?? parent.subject, ''),
    validity: der.sequence(
      der.time(spec.notBefore === undefined ? atMs - DAY_MS : toMs(spec.notBefore)),
      der.time(spec.notAfter === undefined ? atMs + (spec.ca === true ? 3650 : 90) * DAY_MS : toMs(spec.notAfter)),
    ),
    subject,
    spki,
  };
  const tbs = withScts(spec, fields, extensions, issuer);
  const signature = signBytes(signer, tbs, spec.signature);
  const bytes = Buffer.from(signature.bytes);
  if (spec.broken === 'flipped') bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  const whole = der.sequence(tbs, signature.algorithm, der.bitString(bytes));
  return new Issued({ der: whole, tbs, key, subject, spki, serial, subjectKeyId, atMs, issuer });
}

interface Fields {
  readonly version: number;
  readonly serial: Buffer;
  readonly algorithm: Buffer;
  readonly issuer: Buffer;
  readonly validity: Buffer;
  readonly subject: Buffer;
  readonly spki: Buffer;
}

function withScts(spec: Spec, fields: Fields, extensions: readonly ext.RawExtension[], issuer: Issued | null): Buffer {
  if (spec.sctList === undefined) return encodeTbs(fields, extensions);
  if (typeof spec.sctList !== 'function') return encodeTbs(fields, [...extensions, ext.sctList(spec.sctList)]);
  if (issuer === null) throw new Error('SCTs are signed for an issuer');
  const list = spec.sctList(encodeTbs(fields, extensions), issuer);
  return encodeTbs(fields, [...extensions, ext.sctList(list)]);
}

function encodeTbs(fields: Fields, extensions: readonly ext.RawExtension[]): Buffer {
  const { version, serial, algorithm, issuer, validity, subject, spki } = fields;
  return der.sequence(
    ...(version === 1 ? [] : [der.contextConstructed(0, der.integer(version - 1))]),
    serial,
    algorithm,
    issuer,
    validity,
    subject,
    spki,
    ...(version < 3 ? [] : [der.contextConstructed(3, der.sequence(...extensions.map(ext.encodeExtension)))]),
  );
}

function extensionsOf(spec: Spec, subjectKeyId: Buffer | null, issuerKeyId: Buffer | null): ext.RawExtension[] {
  const authorityKeyId = spec.authorityKeyId === undefined ? issuerKeyId : spec.authorityKeyId;
  const named = [spec.dns, spec.ip, spec.email, spec.uri, spec.directory, spec.rawNames].some((of) => of !== undefined);
  const optional: (ext.RawExtension | null)[] = [
    absent(spec.ca) ? null : ext.basicConstraints(spec.ca, spec.pathLength ?? null),
    absent(spec.keyUsage) ? null : ext.keyUsage(spec.keyUsage),
    absent(spec.extendedKeyUsage) ? null : ext.extendedKeyUsage(spec.extendedKeyUsage),
    subjectKeyId === null ? null : ext.subjectKeyIdentifier(subjectKeyId),
    authorityKeyId === null ? null : ext.authorityKeyIdentifier(authorityKeyId),
    named ? ext.subjectAltName(spec, spec.namesCritical ?? isEmptyName(spec.subject)) : null,
    spec.nameConstraints === undefined ? null : ext.nameConstraints(spec.nameConstraints),
    spec.policies === undefined ? null : ext.certificatePolicies(spec.policies),
    spec.aia === undefined ? null : ext.authorityInfoAccess(spec.aia),
    spec.crlUris === undefined ? null : ext.crlDistributionPoints(spec.crlUris),
    spec.tlsFeatures === undefined ? null : ext.tlsFeatures(spec.tlsFeatures),
    spec.ctPoison === true ? ext.ctPoison() : null,
    spec.unknownCritical === true ? ext.unknownCritical() : null,
    ...(spec.extensions ?? []),
  ];
  return optional.filter((one) => one !== null).filter((one) => !(spec.without ?? []).includes(one.oid));
}

function isEmptyName(subject: Spec['subject']): boolean {
  return Array.isArray(subject) && subject.length === 0;
}

function absent<T>(value: T | null | undefined): value is null | undefined {
  return value === null || value === undefined;
}

function nameOf(given: ext.NameParts | Buffer | undefined, cn: string): Buffer {
  if (given === undefined) return ext.distinguishedName([['CN', cn]]);
  return Buffer.isBuffer(given) ? given : ext.distinguishedName(given as ext.NameParts);
}

function serialContent(given: Spec['serial']): Buffer {
  if (Buffer.isBuffer(given)) return given;
  if (given !== undefined) return der.integer(given).subarray(2);
  const random = randomBytes(16);
  random[0] = ((random[0] ?? 0) & 0x3f) | 0x40;
  return random;
}

function toMs(moment: Moment): number {
  return typeof moment === 'number' ? moment : Date.parse(moment);
}

/** RFC 7468 text of DER bytes. */
export function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
