/**
 * The parsed X.509 certificate (RFC 5280 §4.1): a frozen value in which everything that verification reads has been
 * decoded once and strictly. Parsing is in parse.ts; judging is in path/, ct/, ocsp/ and crl/.
 */
import type { Der } from '../../model/der.ts';

/** A distinguished name: `raw` for hashing and byte comparison, `key` for comparison as RFC 5280 §7.1 asks, `text` for people. */
export interface Name {
  readonly raw: Buffer;
  /** Two names are equal when their keys are: attribute order kept, strings folded in case and white space. */
  readonly key: string;
  /** RFC 4514-like, capped at 256 characters, control and bidi characters replaced. */
  readonly text: string;
  /** Values of emailAddress attributes, which email constraints cover; null: one whose string type is not readable. */
  readonly emails: readonly (string | null)[];
  /** A value is a TeletexString, which compares byte by byte: a looser reader may take two different keys for one name. */
  readonly hasTeletex: boolean;
  /**
   * Values of commonName attributes of readable string types, and of TeletexString read as Latin-1. Never an identity;
   * name constraints look at them.
   */
  readonly commonNames: readonly string[];
}

/** What RFC 5280 §4.1.2.2 forbids about a serial number, although certificates in use have it. */
export type SerialFault = 'zero' | 'negative' | 'too-long';

export interface AlgorithmIdentifier {
  readonly oid: string;
  /** Raw DER of the parameters; null when absent. */
  readonly parameters: Buffer | null;
  readonly raw: Buffer;
}

/** What kind of key the SPKI holds, read from its bytes without asking OpenSSL. */
export type KeyKind =
  | { readonly kind: 'rsa'; readonly bits: number; readonly exponentBits: number }
  | { readonly kind: 'ec'; readonly curve: 'P-256' | 'P-384' | 'P-521' | 'other' }
  | { readonly kind: 'ed25519' }
  | { readonly kind: 'ml-dsa'; readonly set: 44 | 65 | 87 }
  | { readonly kind: 'other'; readonly oid: string };

export interface GeneralNames {
  readonly dns: readonly string[];
  /** 4 or 16 bytes each. */
  readonly ip: readonly Buffer[];
  readonly email: readonly string[];
  readonly uri: readonly string[];
  readonly directory: readonly Name[];
  /** Context tags of the other forms that occurred (otherName 0, x400 3, ediParty 5, registeredID 8). */
  readonly otherTags: readonly number[];
}

export interface IpRange {
  readonly address: Buffer;
  readonly mask: Buffer;
}

export interface NameConstraintTrees {
  readonly dns: readonly string[];
  readonly ip: readonly IpRange[];
  readonly email: readonly string[];
  readonly uri: readonly string[];
  readonly directory: readonly Name[];
  readonly otherTags: readonly number[];
}

export interface NameConstraints {
  /** Forms that we cannot compare (otherTags) fail a present name only when the extension is critical. */
  readonly critical: boolean;
  readonly permitted: NameConstraintTrees;
  readonly excluded: NameConstraintTrees;
}

/** How a distribution point is called (RFC 5280 §4.2.1.13, §5.2.5). */
export interface PointName {
  /** fullName URIs; empty when the point is named another way. */
  readonly uris: readonly string[];
  /** Keys of the directory names in fullName. */
  readonly directories: readonly string[];
  /** nameRelativeToCRLIssuer: what it adds to the key of the issuer. */
  readonly relative: string | null;
  /** fullName has names beside URIs. */
  readonly hasOtherNames: boolean;
}

export interface DistributionPoint extends PointName {
  readonly hasReasons: boolean;
  readonly hasIssuer: boolean;
}

export interface KeyUsage {
  readonly digitalSignature: boolean;
  readonly keyCertSign: boolean;
  readonly crlSign: boolean;
  /** All nine bits, bit 0 first. */
  readonly bits: readonly boolean[];
}

/** Known extensions, decoded; `undefined` = the certificate does not carry it. */
export interface Extensions {
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength: number | null };
  readonly keyUsage?: KeyUsage;
  readonly extendedKeyUsage?: readonly string[];
  readonly subjectAltName?: GeneralNames;
  readonly nameConstraints?: NameConstraints;
  readonly subjectKeyId?: Buffer;
  readonly authorityKeyId?: { readonly keyId: Buffer | null; readonly serial: Buffer | null };
  readonly certificatePolicies?: readonly { readonly oid: string }[];
  readonly policyMappings?: readonly { readonly issuer: string; readonly subject: string }[];
  readonly policyConstraints?: { readonly requireExplicit: number | null; readonly inhibitMapping: number | null };
  readonly inhibitAnyPolicy?: number;
  /** TLS feature numbers (RFC 7633); 5 and 17 are must-staple. */
  readonly tlsFeatures?: readonly number[];
  /** Content of the inner OCTET STRING of 1.3.6.1.4.1.11129.2.4.2 (a TLS SignedCertificateTimestampList), not parsed further here. */
  readonly sctList?: Buffer;
  readonly ctPoison?: true;
  readonly crlDistributionPoints?: readonly DistributionPoint[];
  readonly authorityInfoAccess?: { readonly ocsp: readonly string[]; readonly caIssuers: readonly string[] };
  readonly ocspNoCheck?: true;
}

export interface RawExtension {
  readonly oid: string;
  readonly critical: boolean;
  /** Content of extnValue. */
  readonly value: Buffer;
}

export interface Certificate {
  readonly der: Der;
  /** Raw TBSCertificate with its header: the signed bytes. */
  readonly tbs: Buffer;
  readonly version: 1 | 2 | 3;
  /** INTEGER content bytes, as encoded. */
  readonly serial: Buffer;
  /** Refused below an anchor, tolerated in an anchor: roots in the public set have serial 0. */
  readonly serialFault: SerialFault | null;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Buffer;
  readonly issuer: Name;
  readonly subject: Name;
  /** Milliseconds since the epoch; both ends belong to the validity (RFC 5280 §4.1.2.5). */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Raw SubjectPublicKeyInfo cut from the certificate. */
  readonly spki: Buffer;
  /** SHA-256 of `spki`, base64 with padding: the pin is `sha256/` + this. */
  readonly spkiSha256: string;
  /** Content of the subjectPublicKey BIT STRING (for OCSP's issuerKeyHash and SKI). */
  readonly publicKeyBits: Buffer;
  readonly key: KeyKind;
  readonly extensions: Extensions;
  /** OIDs of critical extensions that we do not process in full. */
  readonly unknownCritical: readonly string[];
  /** Every extension in order. */
  readonly rawExtensions: readonly RawExtension[];
  /** Subject and issuer are the same name (RFC 5280: self-issued), not necessarily self-signed. */
  readonly selfIssued: boolean;
}

/** What a bounded parser answers: a value, or why not and where. Parsers never throw. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string; readonly offset: number };
