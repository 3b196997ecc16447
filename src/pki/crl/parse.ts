/**
 * Certificate revocation lists (RFC 5280 §5): bytes to a value that can be asked for a serial number.
 *
 * Does: strict bounded parsing; keeps of each revoked certificate its serial and where its entry stands, so that half a
 * million entries stay cheap; lists the critical extensions that nobody here processes.
 * Does not: judge. Signature, freshness and scope are in check.ts.
 * The caller must: pass DER of one CRL, and keep the value instead of parsing again.
 *
 *   CertificateList ::= SEQUENCE { tbsCertList TBSCertList, signatureAlgorithm AlgorithmIdentifier,
 *                                  signatureValue BIT STRING }
 *   TBSCertList ::= SEQUENCE {
 *     version Version OPTIONAL, -- v2 if present
 *     signature AlgorithmIdentifier, issuer Name, thisUpdate Time, nextUpdate Time OPTIONAL,
 *     revokedCertificates SEQUENCE OF SEQUENCE {
 *       userCertificate CertificateSerialNumber, revocationDate Time, crlEntryExtensions Extensions OPTIONAL } OPTIONAL,
 *     crlExtensions [0] EXPLICIT Extensions OPTIONAL }
 */
import { createHash } from 'node:crypto';
import { OID } from '../der/oid.ts';
import { contextConstructed, contextPrimitive, type DerReader, readDer, TAG } from '../der/reader.ts';
import { readAlgorithm } from '../x509/algorithm.ts';
import type { AlgorithmIdentifier, Name, Parsed, PointName } from '../x509/certificate.ts';
import { readPointName } from '../x509/general-names.ts';
import { readName } from '../x509/name.ts';

/** What the IssuingDistributionPoint says that the CRL covers (RFC 5280 §5.2.5); without one it covers everything. */
export interface CrlScope {
  /** null: the CRL names no distribution point. */
  readonly point: PointName | null;
  readonly covers: 'all' | 'users' | 'cas' | 'attributes';
  readonly onlySomeReasons: boolean;
  readonly indirect: boolean;
}

export interface Crl {
  readonly issuer: Name;
  /** `issuer.key`: under which a trust snapshot holds the CRL. */
  readonly issuerKey: string;
  /** Milliseconds since the epoch. */
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number | null;
  readonly scope: CrlScope;
  /** A delta CRL lists changes only and is never enough alone. */
  readonly delta: boolean;
  /** OIDs of critical extensions, of the CRL or of an entry, that are not processed. */
  readonly unknownCritical: readonly string[];
  /** A serial number is listed twice: whoever wrote the list lost track of it. */
  readonly repeats: boolean;
  /** Serial (INTEGER content as latin1 text) → offset of its entry in `der`. */
  readonly revoked: ReadonlyMap<string, number>;
  readonly der: Buffer;
  /** The signed bytes. */
  readonly tbs: Buffer;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Buffer;
  /** Of the whole CRL, lower-case hex. */
  readonly sha256: string;
}

export interface Revocation {
  /** Milliseconds since the epoch. */
  readonly revokedAtMs: number;
  /** CRLReason (RFC 5280 §5.3.1); null: not given. */
  readonly reason: number | null;
}

/** Largest CRL. The largest of our corpus has 494,111 bytes and 14,102 entries; 32 times that takes half a second. */
export const MAX_CRL_BYTES = 16 * 1024 * 1024;

/** Extensions of a CRL or entry; RFC 5280 defines eight and four. */
const MAX_EXTENSIONS = 32;

/** reasonCode goes to 10 (RFC 5280 §5.3.1). */
const MAX_REASON = 10;

/** CRLReason certificateHold: the one revocation that may be lifted. */
export const HOLD = 6;

/** CRLReason removeFromCRL: a delta lifts a hold, or drops what has run out. */
export const REMOVED = 8;

/** Reads one CRL in DER. Its bytes are kept, not copied: the caller must not write into them. */
export function parseCrl(bytes: Uint8Array): Parsed<Crl> {
  return readDer(bytes, MAX_CRL_BYTES, (reader) => {
    const from = reader.offset;
    const outer = reader.sequence();
    const tbsFrom = outer.offset;
    const tbs = readTbs(outer.sequence());
    const tbsBytes = outer.since(tbsFrom);
    const signatureAlgorithm = readAlgorithm(outer);
    // RFC 5280 §5.1.1.2: both must be the same; only the inner one is signed.
    if (!signatureAlgorithm.raw.equals(tbs.algorithm.raw)) outer.fail('signature algorithms differ', tbsFrom);
    const signature = outer.bitStringBytes();
    outer.end();
    const der = reader.since(from);
    return Object.freeze({
      ...tbs.fields,
      der,
      tbs: tbsBytes,
      signatureAlgorithm,
      signature,
      sha256: createHash('sha256').update(der).digest('hex'),
    });
  });
}

type Fields = Omit<Crl, 'der' | 'tbs' | 'signatureAlgorithm' | 'signature' | 'sha256'>;

function readTbs(tbs: DerReader): { fields: Fields; algorithm: AlgorithmIdentifier } {
  // Absent means v1; the field may only say v2 (1).
  const hasVersion = tbs.is(TAG.integer);
  if (hasVersion && tbs.smallInteger(1) !== 1) tbs.fail('version 1 is encoded');
  const algorithm = readAlgorithm(tbs);
  const issuer = readName(tbs);
  const thisUpdateMs = tbs.time();
  const nextUpdateMs = tbs.is(TAG.utcTime) || tbs.is(TAG.generalizedTime) ? tbs.time() : null;
  const unknownCritical = new Set<string>();
  const { revoked, repeats } = readRevoked(tbs.optional(TAG.sequence), hasVersion, unknownCritical);
  const wrapper = tbs.optional(contextConstructed(0));
  if (wrapper !== null && !hasVersion) tbs.fail('version 1 with extensions');
  const { scope, delta } = readCrlExtensions(wrapper, unknownCritical);
  tbs.end();
  return {
    algorithm,
    fields: {
      issuer,
      issuerKey: issuer.key,
      thisUpdateMs,
      nextUpdateMs,
      scope,
      delta,
      unknownCritical: Object.freeze([...unknownCritical]),
      repeats,
      revoked,
    },
  };
}

function readRevoked(
  list: DerReader | null,
  isV2: boolean,
  unknownCritical: Set<string>,
): Pick<Crl, 'revoked' | 'repeats'> {
  const revoked = new Map<string, number>();
  let entries = 0;
  if (list?.atEnd) list.fail('revokedCertificates is empty');
  while (list !== null && !list.atEnd) {
    const at = list.offset;
    const entry = list.sequence();
    const serial = entry.integer().toString('latin1');
    entry.time();
    let reason: number | null = null;
    if (!entry.atEnd) {
      if (!isV2) entry.fail('version 1 with entry extensions');
      reason = readEntryExtensions(entry, unknownCritical);
    }
    // Of two entries the one that cannot be lifted counts.
    if ((reason !== HOLD && reason !== REMOVED) || !revoked.has(serial)) revoked.set(serial, at);
    entries += 1;
  }
  return { revoked, repeats: revoked.size < entries };
}

/** Checks the extensions of one entry and ends it; answers the reason. */
function readEntryExtensions(entry: DerReader, unknownCritical: Set<string>): number | null {
  let reason: number | null = null;
  eachExtension(entry.sequence(), (oid, critical, value) => {
    if (oid === OID.reasonCode) reason = value.smallInteger(MAX_REASON, TAG.enumerated);
    // certificateIssuer belongs to indirect CRLs, which are not supported: as critical it refuses the CRL.
    else {
      if (critical) unknownCritical.add(oid);
      value.rest();
    }
  });
  entry.end();
  return reason;
}

/** Extensions ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE { extnID, critical DEFAULT FALSE, extnValue OCTET STRING }. */
function eachExtension(list: DerReader, visit: (oid: string, critical: boolean, value: DerReader) => void): void {
  if (list.atEnd) list.fail('Extensions is empty');
  const seen: string[] = [];
  while (!list.atEnd) {
    const one = list.sequence();
    const oid = one.oid();
    if (seen.includes(oid)) one.fail('an extension is repeated');
    if (seen.push(oid) > MAX_EXTENSIONS) one.fail(`more than ${MAX_EXTENSIONS} extensions`);
    const critical = one.booleanDefaultFalse();
    const value = one.enter(TAG.octetString);
    one.end();
    visit(oid, critical, value);
    value.end();
  }
}

const COVERS_ALL: CrlScope = Object.freeze({
  point: null,
  covers: 'all',
  onlySomeReasons: false,
  indirect: false,
});

function readCrlExtensions(
  wrapper: DerReader | null,
  unknownCritical: Set<string>,
): { scope: CrlScope; delta: boolean } {
  let scope = COVERS_ALL;
  let delta = false;
  if (wrapper === null) return { scope, delta };
  eachExtension(wrapper.sequence(), (oid, critical, value) => {
    if (oid === OID.issuingDistributionPoint) scope = readScope(value.sequence());
    else {
      if (oid === OID.deltaCrlIndicator) delta = true;
      else if (critical) unknownCritical.add(oid);
      value.rest();
    }
  });
  wrapper.end();
  return { scope, delta };
}

/**
 * IssuingDistributionPoint ::= SEQUENCE {
 *   distributionPoint [0] DistributionPointName OPTIONAL, onlyContainsUserCerts [1] BOOLEAN DEFAULT FALSE,
 *   onlyContainsCACerts [2] BOOLEAN DEFAULT FALSE, onlySomeReasons [3] ReasonFlags OPTIONAL,
 *   indirectCRL [4] BOOLEAN DEFAULT FALSE, onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
 */
function readScope(idp: DerReader): CrlScope {
  if (idp.atEnd) idp.fail('IssuingDistributionPoint is empty');
  const name = idp.optional(contextConstructed(0));
  const point = name === null ? null : readPointName(name);
  const users = idp.booleanDefaultFalse(contextPrimitive(1));
  const cas = idp.booleanDefaultFalse(contextPrimitive(2));
  const onlySomeReasons = idp.is(contextPrimitive(3));
  if (onlySomeReasons) idp.bitString(contextPrimitive(3));
  const indirect = idp.booleanDefaultFalse(contextPrimitive(4));
  const attributes = idp.booleanDefaultFalse(contextPrimitive(5));
  idp.end();
  if (Number(users) + Number(cas) + Number(attributes) > 1) idp.fail('contradicting scopes');
  const covers = users ? 'users' : cas ? 'cas' : attributes ? 'attributes' : 'all';
  return Object.freeze({ point, covers, onlySomeReasons, indirect });
}

/** Whether and how `serial` (INTEGER content) is on the list. The entry was checked when the CRL was parsed. */
export function revocationOf(crl: Crl, serial: Buffer): Revocation | null {
  const offset = crl.revoked.get(serial.toString('latin1'));
  if (offset === undefined) return null;
  const read = readDer(crl.der.subarray(offset), MAX_CRL_BYTES, (reader) => {
    const entry = reader.sequence();
    entry.integer();
    const revokedAtMs = entry.time();
    const reason = entry.atEnd ? null : readEntryExtensions(entry, new Set());
    reader.rest();
    return { revokedAtMs, reason };
  });
  // It cannot fail after parsing; if it did, the certificate would still be revoked.
  return read.ok ? read.value : { revokedAtMs: 0, reason: null };
}
