/**
 * Values of the extensions that are neither names nor lists of names. Each function reads one value from a reader
 * that stands at its start; the caller refuses what is left over.
 */

import { contextConstructed, contextPrimitive, type DerReader, TAG } from '../der/reader.ts';
import type { Extensions, KeyUsage } from './certificate.ts';
import { readGeneralNames } from './general-names.ts';

type Value<Name extends keyof Extensions> = NonNullable<Extensions[Name]>;

/** Largest pathLenConstraint and SkipCerts; no path of ours is longer than 16, and BoringSSL has the same limit. */
const MAX_SMALL = 255;

/** KeyUsage defines nine bits (RFC 5280 §4.2.1.3). */
const KEY_USAGE_BITS = 9;

/** CPS and user notice (RFC 5280 §4.2.1.4): the qualifiers that need no processing. */
const KNOWN_QUALIFIERS = new Set(['1.3.6.1.5.5.7.2.1', '1.3.6.1.5.5.7.2.2']);

/** RFC 5280 §4.2.1.9. An encoded `cA FALSE` is not DER, but issued widely, and means the same. */
export function readBasicConstraints(value: DerReader): Value<'basicConstraints'> {
  const body = value.sequence();
  const ca = body.is(TAG.boolean) ? body.boolean() : false;
  const pathLength = body.atEnd ? null : body.smallInteger(MAX_SMALL);
  body.end();
  return Object.freeze({ ca, pathLength });
}

/** At least one bit must be set (RFC 5280 §4.2.1.3). */
export function readKeyUsage(value: DerReader): KeyUsage {
  const at = value.offset;
  const { bytes } = value.bitString();
  const bits: boolean[] = [];
  for (let i = 0; i < KEY_USAGE_BITS; i++) bits.push((((bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1) === 1);
  if (bytes.length > 2 || !bits.includes(true)) value.fail('KeyUsage asserts nothing or too much', at);
  return Object.freeze({
    digitalSignature: bits[0] === true,
    keyCertSign: bits[5] === true,
    crlSign: bits[6] === true,
    bits: Object.freeze(bits),
  });
}

/** RFC 5280 §4.2.1.12: at least one purpose. */
export function readKeyPurposes(value: DerReader): readonly string[] {
  const list = value.sequence();
  if (list.atEnd) list.fail('ExtKeyUsage is empty');
  const purposes: string[] = [];
  while (!list.atEnd) purposes.push(list.oid());
  return Object.freeze(purposes);
}

/** RFC 5280 §4.2.1.1: issuer and serial number come together or not at all. */
export function readAuthorityKeyId(value: DerReader): Value<'authorityKeyId'> {
  const body = value.sequence();
  const keyId = body.is(contextPrimitive(0)) ? body.octetString(contextPrimitive(0)) : null;
  const issuer = body.optional(contextConstructed(1));
  if (issuer !== null) readGeneralNames(issuer);
  const serial = body.is(contextPrimitive(2)) ? body.integer(contextPrimitive(2)) : null;
  if ((issuer === null) !== (serial === null)) body.fail('authority issuer and serial number do not come together');
  body.end();
  return Object.freeze({ keyId, serial });
}

/** RFC 5280 §4.2.1.4: each policy once. */
export function readPolicies(value: DerReader): {
  readonly policies: Value<'certificatePolicies'>;
  readonly qualifiersKnown: boolean;
} {
  const list = value.sequence();
  if (list.atEnd) list.fail('certificatePolicies is empty');
  const policies = new Set<string>();
  let qualifiersKnown = true;
  while (!list.atEnd) {
    const at = list.offset;
    const policy = list.sequence();
    const oid = policy.oid();
    if (policies.has(oid)) list.fail(`policy ${oid} occurs twice`, at);
    policies.add(oid);
    if (!policy.atEnd) qualifiersKnown = readQualifiers(policy.sequence()) && qualifiersKnown;
    policy.end();
  }
  return { policies: Object.freeze([...policies].map((oid) => Object.freeze({ oid }))), qualifiersKnown };
}

function readQualifiers(list: DerReader): boolean {
  if (list.atEnd) list.fail('policyQualifiers is empty');
  let known = true;
  while (!list.atEnd) {
    const qualifier = list.sequence();
    known = KNOWN_QUALIFIERS.has(qualifier.oid()) && known;
    qualifier.element();
    qualifier.end();
  }
  return known;
}

/** RFC 5280 §4.2.1.5. */
export function readPolicyMappings(value: DerReader): Value<'policyMappings'> {
  const list = value.sequence();
  if (list.atEnd) list.fail('policyMappings is empty');
  const mappings: { readonly issuer: string; readonly subject: string }[] = [];
  while (!list.atEnd) {
    const mapping = list.sequence();
    mappings.push(Object.freeze({ issuer: mapping.oid(), subject: mapping.oid() }));
    mapping.end();
  }
  return Object.freeze(mappings);
}

/** RFC 5280 §4.2.1.11: at least one of the two. */
export function readPolicyConstraints(value: DerReader): Value<'policyConstraints'> {
  const body = value.sequence();
  if (body.atEnd) body.fail('policyConstraints is empty');
  const requireExplicit = body.is(contextPrimitive(0)) ? readSkipCerts(body, contextPrimitive(0)) : null;
  const inhibitMapping = body.is(contextPrimitive(1)) ? readSkipCerts(body, contextPrimitive(1)) : null;
  body.end();
  return Object.freeze({ requireExplicit, inhibitMapping });
}

/** SkipCerts (RFC 5280 §4.2.1.11, §4.2.1.14). */
export function readSkipCerts(value: DerReader, tag: number): number {
  return value.smallInteger(MAX_SMALL, tag);
}

/** RFC 7633 §4: numbers of TLS extensions, so 16 bits. */
export function readTlsFeatures(value: DerReader): readonly number[] {
  const list = value.sequence();
  const features: number[] = [];
  while (!list.atEnd) features.push(list.smallInteger(0xffff));
  return Object.freeze(features);
}
