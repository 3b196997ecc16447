/**
 * Certificate extensions (RFC 5280 §4.2): the list, and which of them we decode.
 *
 * Does: refuse duplicates, an encoded default of `critical` and any known extension that is malformed, critical or
 * not; list the critical ones that nobody here processes.
 * Does not: judge. An unknown critical extension is data (`unknownCritical`); the validator refuses it.
 */

import { OID } from '../der/oid.ts';
import { type DerReader, TAG } from '../der/reader.ts';
import type { Extensions, RawExtension } from './certificate.ts';
import {
  readAuthorityKeyId,
  readBasicConstraints,
  readKeyPurposes,
  readKeyUsage,
  readPolicies,
  readPolicyConstraints,
  readPolicyMappings,
  readSkipCerts,
  readTlsFeatures,
} from './extension-values.ts';
import { readAccess, readDistributionPoints, readGeneralNames, readNameConstraints } from './general-names.ts';

/** Most extensions of one certificate; real ones have about ten. */
export const MAX_EXTENSIONS = 64;

export interface ExtensionList {
  readonly known: Extensions;
  readonly raw: readonly RawExtension[];
  readonly unknownCritical: readonly string[];
}

type Draft = { -readonly [Name in keyof Extensions]: Extensions[Name] };

/** Decodes one value into the draft; false: parts of it are not processed, which matters when it is critical. */
type Decode = (value: DerReader, draft: Draft, critical: boolean) => boolean;

/** Content of `[3]` that a reader has entered. */
export function readExtensions(explicit: DerReader): ExtensionList {
  const list = explicit.sequence();
  if (list.atEnd) list.fail('Extensions is empty');
  const known: Draft = {};
  const raw: RawExtension[] = [];
  const unknownCritical: string[] = [];
  const seen = new Set<string>();
  while (!list.atEnd) {
    const at = list.offset;
    if (raw.length === MAX_EXTENSIONS) list.fail(`more than ${MAX_EXTENSIONS} extensions`, at);
    const extension = list.sequence();
    const oid = extension.oid();
    if (seen.has(oid)) list.fail(`extension ${oid} occurs twice`, at);
    seen.add(oid);
    const critical = extension.booleanDefaultFalse();
    const value = extension.enter(TAG.octetString);
    extension.end();
    raw.push(Object.freeze({ oid, critical, value: value.view() }));
    if (!decode(oid, value, known, critical) && critical) unknownCritical.push(oid);
  }
  return Object.freeze({
    known: Object.freeze(known),
    raw: Object.freeze(raw),
    unknownCritical: Object.freeze(unknownCritical),
  });
}

/** Whether the extension is known and processed in full. */
function decode(oid: string, value: DerReader, draft: Draft, critical: boolean): boolean {
  const known = DECODERS.get(oid);
  if (known === undefined) return false;
  const processed = known(value, draft, critical);
  value.end();
  return processed;
}

/**
 * Extensions that are `refused` when critical: some check reads them only when the rule asks for it, or the profile
 * forbids it (RFC 5280 §4.2.1.1, §4.2.1.2, §4.2.2.1), or they are there to be refused (RFC 6962 §3.1, the poison).
 */
const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  [OID.basicConstraints, entry('basicConstraints', 'processed', readBasicConstraints)],
  [OID.keyUsage, entry('keyUsage', 'processed', readKeyUsage)],
  [OID.extendedKeyUsage, entry('extendedKeyUsage', 'processed', readKeyPurposes)],
  [OID.subjectAltName, entry('subjectAltName', 'processed', (value) => readGeneralNames(value.sequence()))],
  [OID.nameConstraints, entry('nameConstraints', 'processed', readNameConstraints)],
  [OID.policyMappings, entry('policyMappings', 'processed', readPolicyMappings)],
  [OID.policyConstraints, entry('policyConstraints', 'processed', readPolicyConstraints)],
  [OID.inhibitAnyPolicy, entry('inhibitAnyPolicy', 'processed', (value) => readSkipCerts(value, TAG.integer))],
  [OID.certificatePolicies, decodePolicies],
  [OID.subjectKeyId, entry('subjectKeyId', 'refused', (value) => value.octetString())],
  [OID.authorityKeyId, entry('authorityKeyId', 'refused', readAuthorityKeyId)],
  [OID.authorityInfoAccess, entry('authorityInfoAccess', 'refused', readAccess)],
  [OID.crlDistributionPoints, entry('crlDistributionPoints', 'refused', readDistributionPoints)],
  [OID.tlsFeature, entry('tlsFeatures', 'refused', readTlsFeatures)],
  [OID.sctList, entry('sctList', 'refused', (value) => value.octetString())],
  [OID.ctPoison, entry('ctPoison', 'refused', readPresence)],
  [OID.ocspNoCheck, entry('ocspNoCheck', 'refused', readPresence)],
]);

function entry<Name extends keyof Draft>(
  name: Name,
  whenCritical: 'processed' | 'refused',
  read: (value: DerReader, critical: boolean) => NonNullable<Draft[Name]>,
): Decode {
  return (value, draft, critical) => {
    draft[name] = read(value, critical);
    return whenCritical === 'processed';
  };
}

/** A qualifier that we do not know is harmless unless the extension is critical (RFC 5280 §4.2.1.4). */
function decodePolicies(value: DerReader, draft: Draft): boolean {
  const { policies, qualifiersKnown } = readPolicies(value);
  draft.certificatePolicies = policies;
  return qualifiersKnown;
}

/** Extensions whose value is NULL: being there is all they say. */
function readPresence(value: DerReader): true {
  value.null();
  return true;
}
