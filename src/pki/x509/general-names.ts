/**
 * GeneralNames (RFC 5280 §4.2.1.6) and the structures that hold them: subject alternative names, name constraint
 * trees, distribution points and access descriptions.
 *
 * Does: decode dNSName, rfc822Name, URI, iPAddress and directoryName; note the tags of the other forms.
 * Does not: judge names. A dNSName may be any ASCII; whether it can match is decided in names.ts.
 */

import { isAscii } from 'node:buffer';
import { OID } from '../der/oid.ts';
import { contextConstructed, contextPrimitive, type DerReader } from '../der/reader.ts';
import type {
  DistributionPoint,
  GeneralNames,
  IpRange,
  Name,
  NameConstraints,
  NameConstraintTrees,
  PointName,
} from './certificate.ts';
import { readName, readRelativeName } from './name.ts';

/** Context tags of GeneralName, primitive or constructed as they are on the wire. */
const FORM = Object.freeze({
  otherName: contextConstructed(0),
  rfc822Name: contextPrimitive(1),
  dnsName: contextPrimitive(2),
  x400Address: contextConstructed(3),
  directoryName: contextConstructed(4),
  ediPartyName: contextConstructed(5),
  uri: contextPrimitive(6),
  ipAddress: contextPrimitive(7),
  registeredId: contextPrimitive(8),
});

interface Draft<Address> {
  readonly dns: string[];
  readonly ip: Address[];
  readonly email: string[];
  readonly uri: string[];
  readonly directory: Name[];
  readonly otherTags: number[];
}

/** The content of a GeneralNames that a reader has entered; at least one name (RFC 5280 §4.2.1.6). */
export function readGeneralNames(names: DerReader): GeneralNames {
  if (names.atEnd) names.fail('GeneralNames is empty');
  const draft = emptyDraft<Buffer>();
  while (!names.atEnd) readGeneralName(names, draft, readAddress);
  return freezeDraft(draft);
}

/** NameConstraints (RFC 5280 §4.2.1.10): at least one list, none of them empty. */
export function readNameConstraints(reader: DerReader, critical: boolean): NameConstraints {
  const body = reader.sequence();
  if (body.atEnd) body.fail('NameConstraints is empty');
  const permitted = readTrees(body.optional(contextConstructed(0)));
  const excluded = readTrees(body.optional(contextConstructed(1)));
  body.end();
  return Object.freeze({ critical, permitted, excluded });
}

function readTrees(list: DerReader | null): NameConstraintTrees {
  const draft = emptyDraft<IpRange>();
  if (list?.atEnd) list.fail('GeneralSubtrees is empty');
  while (list !== null && !list.atEnd) {
    const tree = list.sequence();
    readGeneralName(tree, draft, readRange);
    // minimum is 0 by default and must be so; maximum must be absent (RFC 5280 §4.2.1.10).
    tree.end();
  }
  return freezeDraft(draft);
}

/** CRLDistributionPoints (RFC 5280 §4.2.1.13). */
export function readDistributionPoints(reader: DerReader): readonly DistributionPoint[] {
  const list = reader.sequence();
  if (list.atEnd) list.fail('CRLDistributionPoints is empty');
  const points: DistributionPoint[] = [];
  while (!list.atEnd) {
    const point = list.sequence();
    const name = point.optional(contextConstructed(0));
    const called = readPointName(name);
    const hasReasons = point.is(contextPrimitive(1));
    if (hasReasons) point.bitString(contextPrimitive(1));
    const issuer = point.optional(contextConstructed(2));
    if (issuer !== null) readGeneralNames(issuer);
    if (name === null && issuer === null) point.fail('a distribution point with neither name nor issuer');
    point.end();
    points.push(Object.freeze({ ...called, hasReasons, hasIssuer: issuer !== null }));
  }
  return Object.freeze(points);
}

const NO_NAMES: PointName = Object.freeze({
  uris: Object.freeze([]),
  directories: Object.freeze([]),
  relative: null,
  hasOtherNames: false,
});

/** DistributionPointName: fullName [0] GeneralNames or nameRelativeToCRLIssuer [1] RelativeDistinguishedName. */
export function readPointName(name: DerReader | null): PointName {
  if (name === null) return NO_NAMES;
  const full = name.optional(contextConstructed(0));
  const relative = full === null ? readRelativeName(name.enter(contextConstructed(1))) : null;
  name.end();
  if (full === null) return Object.freeze({ ...NO_NAMES, relative });
  const { uri, ...others } = readGeneralNames(full);
  return Object.freeze({
    uris: uri,
    directories: Object.freeze(others.directory.map(({ key }) => key)),
    relative,
    hasOtherNames: Object.values(others).some((names) => names.length > 0),
  });
}

/** AuthorityInfoAccess (RFC 5280 §4.2.2.1): the URIs of the two methods that we know. */
export function readAccess(reader: DerReader): {
  readonly ocsp: readonly string[];
  readonly caIssuers: readonly string[];
} {
  const list = reader.sequence();
  if (list.atEnd) list.fail('AuthorityInfoAccess is empty');
  const ocsp: string[] = [];
  const caIssuers: string[] = [];
  while (!list.atEnd) {
    const description = list.sequence();
    const method = description.oid();
    const location = emptyDraft<Buffer>();
    readGeneralName(description, location, readAddress);
    description.end();
    if (method === OID.ocsp) ocsp.push(...location.uri);
    if (method === OID.caIssuers) caIssuers.push(...location.uri);
  }
  return Object.freeze({ ocsp: Object.freeze(ocsp), caIssuers: Object.freeze(caIssuers) });
}

function readGeneralName<Address>(
  reader: DerReader,
  into: Draft<Address>,
  readIp: (content: Buffer) => Address | null,
): void {
  const at = reader.offset;
  const tag = reader.peek();
  switch (tag) {
    case FORM.dnsName:
      into.dns.push(readIa5(reader, tag));
      return;
    case FORM.ipAddress:
      into.ip.push(readIp(reader.content(tag)) ?? reader.fail('iPAddress is malformed', at));
      return;
    case FORM.rfc822Name:
      into.email.push(readIa5(reader, tag));
      return;
    case FORM.uri:
      into.uri.push(readIa5(reader, tag));
      return;
    case FORM.directoryName: {
      const explicit = reader.enter(tag);
      into.directory.push(readName(explicit));
      explicit.end();
      return;
    }
    case FORM.otherName:
    case FORM.x400Address:
    case FORM.ediPartyName:
    case FORM.registeredId:
      reader.content(tag);
      into.otherTags.push(tag & 0x1f);
      return;
    default:
      reader.fail('unknown form of GeneralName', at);
  }
}

function readIa5(reader: DerReader, tag: number): string {
  const at = reader.offset;
  const content = reader.content(tag);
  if (!isAscii(content)) reader.fail('IA5String is not ASCII', at);
  return content.toString('latin1');
}

function readAddress(content: Buffer): Buffer | null {
  return content.length === 4 || content.length === 16 ? content : null;
}

/** Address and mask of one family; the ones of the mask must be contiguous. */
function readRange(content: Buffer): IpRange | null {
  if (content.length !== 8 && content.length !== 32) return null;
  const half = content.length / 2;
  const mask = content.subarray(half);
  return isContiguous(mask) ? Object.freeze({ address: content.subarray(0, half), mask }) : null;
}

function isContiguous(mask: Buffer): boolean {
  let ended = false;
  for (const byte of mask) {
    if (ended && byte !== 0) return false;
    // The ones of a byte are contiguous from the left exactly when its inverse plus one is a power of two.
    const inverse = 0xff - byte;
    if ((inverse & (inverse + 1)) !== 0) return false;
    if (byte !== 0xff) ended = true;
  }
  return true;
}

function emptyDraft<Address>(): Draft<Address> {
  return { dns: [], ip: [], email: [], uri: [], directory: [], otherTags: [] };
}

function freezeDraft<Address>(draft: Draft<Address>): Draft<Address> {
  for (const list of Object.values(draft)) Object.freeze(list);
  return Object.freeze(draft);
}
