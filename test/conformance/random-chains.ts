/** Chains at random: right ones, and what is wrong about one or two of their certificates or about the list. */
import fc from 'fast-check';
import * as der from '../../src/pki/der/writer.ts';
import * as ext from '../support/extensions.ts';
import { generateKey, type KeyPair } from '../support/keys.ts';
import { authority, forgeIssuer, type Issued, type Spec } from '../support/test-ca.ts';
import { HOST } from './batch.ts';

const NOW_MS = Date.now();
const DAY_MS = 86_400_000;
const expired: Spec = { notBefore: NOW_MS - 30 * DAY_MS, notAfter: NOW_MS - DAY_MS };

/** Key generation would cost more than everything else. */
const keys: readonly KeyPair[] = Array.from({ length: 5 }, () => generateKey());
export const anchors: readonly Issued[] = [
  authority({ cn: 'Anchor', key: keys[0]! }),
  authority({ cn: 'Other Anchor', key: keys[1]! }),
];
const stranger = authority({ cn: 'Stranger', key: keys[2]! });
const forged = generateKey();

/** Wrong or odd things of one certificate, by name. */
export const CHANGES: Readonly<Record<string, Spec>> = {
  none: {},
  expired,
  'not yet valid': { notBefore: NOW_MS + DAY_MS, notAfter: NOW_MS + 30 * DAY_MS },
  'no CA bit': { ca: false },
  'no basicConstraints': { ca: null },
  'CA bit': { ca: true },
  'path length 0': { ca: true, pathLength: 0 },
  'path length 1': { ca: true, pathLength: 1 },
  'no key usage': { keyUsage: null },
  'usage: sign': { keyUsage: ['digitalSignature'] },
  'usage: certificates': { keyUsage: ['keyCertSign'] },
  'usage: encipher': { keyUsage: ['keyEncipherment'] },
  'no purpose': { extendedKeyUsage: null },
  'purpose: server': { extendedKeyUsage: [ext.EKU.serverAuth] },
  'purpose: client': { extendedKeyUsage: [ext.EKU.clientAuth] },
  'purpose: any': { extendedKeyUsage: [ext.EKU.any] },
  'purpose: any and server': { extendedKeyUsage: [ext.EKU.any, ext.EKU.serverAuth] },
  'permits the host': { nameConstraints: { permitted: { dns: ['test'] } } },
  'permits another host': { nameConstraints: { permitted: { dns: ['other.test'] } } },
  'excludes the host': { nameConstraints: { excluded: { dns: [HOST] } } },
  'permits addresses': { nameConstraints: { permitted: { ranges: ['192.0.2.0/24'] } } },
  'broken signature': { broken: 'flipped' },
  'signed by nobody': { broken: 'junk' },
  'unknown critical extension': { unknownCritical: true },
  'serial number zero': { serial: 0 },
  'long serial number': { serial: Buffer.alloc(21, 1) },
  'SHA-1': { signature: 'sha1' },
  'no key identifiers': { subjectKeyId: null, authorityKeyId: null },
  'wrong authority key identifier': { authorityKeyId: Buffer.alloc(20, 9) },
  'version 1': { version: 1 },
  'critical policies': { policies: ['1.2.3'] },
  'explicit policy': {
    extensions: [ext.extension('2.5.29.36', true, der.sequence(der.contextPrimitive(0, Buffer.from([0]))))],
  },
};

/** Certificates beside the chain, and disorder. */
export const COMPANY = [
  'nothing',
  'root',
  'twice',
  'stranger',
  'cross-sign',
  'expired cross-sign',
  'forged issuer',
  'self-signed copy',
  'cross-sign of a stranger',
] as const;

export interface Plan {
  readonly depth: number;
  /** For the leaf and each issuer, leaf first. */
  readonly changes: readonly string[];
  readonly company: readonly (typeof COMPANY)[number][];
  /** Leaves out the issuer at this place; none when it is beyond the chain. */
  readonly without: number;
  readonly order: readonly number[];
}

const change = fc.oneof(
  { weight: 4, arbitrary: fc.constant('none') },
  { weight: 1, arbitrary: fc.constantFrom(...Object.keys(CHANGES)) },
);

export const plans: fc.Arbitrary<Plan> = fc.record({
  depth: fc.integer({ min: 0, max: 3 }),
  changes: fc.array(change, { minLength: 4, maxLength: 4 }),
  company: fc.array(fc.constantFrom(...COMPANY), { maxLength: 2 }),
  without: fc.integer({ min: 0, max: 12 }),
  order: fc.array(fc.nat({ max: 1000 }), { minLength: 8, maxLength: 8 }),
});

/** What the upstream presents, leaf first. */
export function present({ depth, changes, company, without, order }: Plan): readonly Issued[] {
  let issuer = anchors[0]!;
  const issuers: Issued[] = [];
  for (let level = depth; level > 0; level -= 1) {
    issuer = issuer.issueCa({ cn: `Issuing ${level}`, key: keys[level]!, ...CHANGES[changes[level]!] });
    issuers.unshift(issuer);
  }
  const leaf = issuer.issueLeaf({ dns: [HOST], key: keys[4]!, ...CHANGES[changes[0]!] });
  const rest = [...issuers.filter((_, at) => at !== without), ...company.flatMap((word) => guests(word, issuers))];
  const turned = rest.map((one, at) => ({ one, rank: order[at % order.length]! }));
  return [leaf, ...turned.sort((a, b) => a.rank - b.rank).map(({ one }) => one)];
}

function guests(word: (typeof COMPANY)[number], issuers: readonly Issued[]): readonly Issued[] {
  const first = issuers[0];
  switch (word) {
    case 'nothing':
      return [];
    case 'root':
      return [anchors[0]!];
    case 'twice':
      return issuers;
    case 'stranger':
      return [stranger];
    case 'cross-sign':
      return first === undefined ? [] : [anchors[1]!.crossSign(first)];
    case 'expired cross-sign':
      return first === undefined ? [] : [anchors[1]!.crossSign(first, expired)];
    case 'forged issuer':
      return first === undefined ? [] : [forgeIssuer(first, forged.spki)];
    case 'self-signed copy':
      return first === undefined ? [] : [authority({ subject: first.subject, key: first.key })];
    case 'cross-sign of a stranger':
      return first === undefined ? [] : [stranger.crossSign(first), stranger];
  }
}
