/**
 * NIST PKITS on revocation (4.4, 4.5, 4.14, 4.15): a selection of its questions by number, asked with certificates and CRLs of
 * our own, which the rule requires. pkits.test.ts has the rest.
 */
import * as der from '../../src/pki/der/writer.ts';
import { type CrlSpec, distributionPoint, issuingPoint, makeCrl, type PointSpec } from '../support/crl-maker.ts';
import * as ext from '../support/extensions.ts';
import { authority, type Issued } from '../support/test-ca.ts';
import { AT, type BatchCase, HOST } from './batch.ts';
import { describeLedger, type Row } from './ledger.ts';
import { critical } from './limbo-chains.ts';

const AT_MS = Date.parse(AT);
const DAY_MS = 86_400_000;
const anchor = authority({ cn: 'Trust Anchor', at: AT });
const required = { rule: { checks: { crl: 'require', ct: 'off', staple: 'off' } } };

interface Listed {
  readonly of?: readonly Buffer[];
  readonly spec?: Partial<CrlSpec>;
}

const ca = anchor.issueCa({ cn: 'Revocation CA' });
const end = ca.issueLeaf({ dns: [HOST] });
const crlOf = (signer: Issued, { of = [], spec = {} }: Listed = {}): Buffer =>
  makeCrl(signer, { atMs: AT_MS, revoked: of.map((serial) => ({ serial })), ...spec });

/** Lists of the anchor and of the CA; null: none. */
function revocation(top: Buffer | null, own: readonly Buffer[], leaf = end): BatchCase {
  return { chain: [leaf, ca], anchors: [anchor], crls: [...(top === null ? [] : [top]), ...own], ...required };
}

const clean = crlOf(anchor);
const unknown = (isCritical: boolean) => ext.extension('1.3.6.1.4.1.55555.9', isCritical, der.nullValue());
const serialled = (serial: Buffer): Issued => ca.issueLeaf({ dns: [HOST], serial });
const long = (last: number): Buffer => Buffer.concat([Buffer.alloc(19, 0x7f), Buffer.from([last])]);

/** The anchor certifies one key of a CA, and that key another of the same CA, which signs the leaf; `lists` signs the CRL. */
function rollover(lists: 'upper' | 'lower', isRevoked: boolean): BatchCase {
  const upper = anchor.issueCa({ cn: 'Rolling CA' });
  const lower = upper.issueCa({ subject: upper.subject });
  const leaf = lower.issueLeaf({ dns: [HOST] });
  const list = crlOf({ upper, lower }[lists], { of: isRevoked ? [leaf.serial] : [] });
  return { chain: [leaf, lower, upper], anchors: [anchor], crls: [clean, list], ...required };
}

/** Certificates and CRLs have keys of their own; the one for CRLs is on no path of the leaf. */
function separateKeys(): BatchCase {
  const signing = anchor.issueCa({ cn: 'Two Keys CA', keyUsage: ['keyCertSign'] });
  const listing = anchor.issueCa({ subject: signing.subject, keyUsage: ['cRLSign'] });
  const leaf = signing.issueLeaf({ dns: [HOST] });
  return { chain: [leaf, signing, listing], anchors: [anchor], crls: [clean, crlOf(listing)], ...required };
}

const delta = critical('2.5.29.27', der.integer(1));

/** The leaf calls its distribution point so, and the CRL of its CA calls its own so. */
function pointed(named: PointSpec, issued: PointSpec, isRevoked = false): BatchCase {
  const leaf = ca.issueLeaf({ dns: [HOST], extensions: [distributionPoint(named)] });
  const list = crlOf(ca, { of: isRevoked ? [leaf.serial] : [], spec: { extensions: [issuingPoint(issued)] } });
  return revocation(clean, [list], leaf);
}

const inFull = {
  directory: ext.distinguishedName([
    ['CN', 'Revocation CA'],
    ['CN', 'part'],
  ]),
};

/** The base holds the certificate back, and a delta lifts that. */
function lifted(): BatchCase {
  const entry = (reason: number) => ({ revoked: [{ serial: end.serial, reason }] });
  return revocation(clean, [crlOf(ca, { spec: entry(6) }), crlOf(ca, { spec: { ...entry(8), extensions: [delta] } })]);
}

const ROWS: readonly Row[] = [
  ['4.4.1', 'refuse', 'crl.missing', revocation(clean, [])],
  ['4.4.2', 'refuse', 'crl.revoked', revocation(crlOf(anchor, { of: [ca.serial] }), [crlOf(ca)])],
  ['4.4.3', 'refuse', 'crl.revoked', revocation(clean, [crlOf(ca, { of: [end.serial] })])],
  ['4.4.4', 'refuse', 'crl.invalid', revocation(clean, [crlOf(ca, { spec: { broken: true } })])],
  ['4.4.5', 'refuse', 'crl.missing', revocation(clean, [crlOf(ca, { spec: { issuer: anchor.subject } })])],
  ['4.4.6', 'refuse', 'crl.missing', revocation(clean, [crlOf(anchor)])],
  ['4.4.7', 'accept', 'allow', revocation(clean, [crlOf(ca, { spec: { broken: true } }), crlOf(ca)])],
  [
    '4.4.8',
    'refuse',
    'crl.invalid',
    revocation(clean, [crlOf(ca, { spec: { revoked: [{ serial: end.serial, extensions: [unknown(true)] }] } })]),
  ],
  [
    '4.4.9',
    'refuse',
    'crl.invalid',
    revocation(clean, [crlOf(ca, { of: [end.serial], spec: { extensions: [unknown(true)] } })]),
  ],
  ['4.4.10', 'refuse', 'crl.invalid', revocation(clean, [crlOf(ca, { spec: { extensions: [unknown(true)] } })])],
  ['4.4.11', 'refuse', 'crl.stale', revocation(clean, [crlOf(ca, { spec: { nextUpdateMs: AT_MS - DAY_MS } })])],
  [
    '4.4.12',
    'refuse',
    'crl.stale',
    revocation(clean, [crlOf(ca, { spec: { thisUpdateMs: Date.UTC(1998, 0), nextUpdateMs: Date.UTC(1999, 0) } })]),
  ],
  ['4.4.13', 'accept', 'allow', revocation(clean, [crlOf(ca, { spec: { nextUpdateMs: Date.UTC(2050, 0) } })])],
  ['4.4.14', 'accept', 'chain.malformed', revocation(clean, [crlOf(ca)], serialled(Buffer.from([0xff, 0x01])))],
  [
    '4.4.15',
    'refuse',
    'chain.malformed',
    revocation(clean, [crlOf(ca, { of: [Buffer.from([0xff])] })], serialled(Buffer.from([0xff]))),
  ],
  ['4.4.16', 'accept', 'allow', revocation(clean, [crlOf(ca, { of: [long(1)] })], serialled(long(2)))],
  ['4.4.18', 'refuse', 'crl.revoked', revocation(clean, [crlOf(ca, { of: [long(1)] })], serialled(long(1)))],
  ['4.4.19', 'accept', 'crl.invalid', separateKeys()],
  ['4.5.1', 'accept', 'allow', rollover('upper', false)],
  ['4.5.2', 'refuse', 'crl.revoked', rollover('upper', true)],
  ['4.5.3', 'accept', 'allow', rollover('lower', false)],
  ['4.5.5', 'refuse', 'crl.revoked', rollover('lower', true)],
  ['4.14.1', 'accept', 'allow', pointed(inFull, inFull)],
  ['4.14.2', 'refuse', 'crl.revoked', pointed(inFull, inFull, true)],
  ['4.14.3', 'refuse', 'crl.missing', pointed(inFull, { directory: anchor.subject })],
  ['4.14.4', 'accept', 'allow', pointed(inFull, { relative: true })],
  ['4.14.5', 'accept', 'allow', pointed({ relative: true }, inFull)],
  ['4.14.6', 'refuse', 'crl.revoked', pointed({ relative: true }, inFull, true)],
  [
    '4.14.11 of an end entity',
    'accept',
    'allow',
    revocation(clean, [crlOf(ca, { spec: { extensions: [issuingPoint({ onlyUsers: true })] } })]),
  ],
  [
    '4.14.12',
    'refuse',
    'crl.missing',
    revocation(clean, [crlOf(ca, { spec: { extensions: [issuingPoint({ onlyCas: true })] } })]),
  ],
  [
    '4.14.14',
    'refuse',
    'crl.missing',
    revocation(clean, [crlOf(ca, { spec: { extensions: [issuingPoint({ onlyAttributes: true })] } })]),
  ],
  [
    '4.14.15',
    'refuse',
    'crl.revoked',
    revocation(clean, [
      crlOf(ca, { of: [end.serial], spec: { extensions: [issuingPoint({ onlySomeReasons: true })] } }),
    ]),
  ],
  ['4.15.1', 'refuse', 'crl.invalid', revocation(clean, [crlOf(ca, { spec: { extensions: [delta] } })])],
  ['4.15.2', 'accept', 'allow', revocation(clean, [crlOf(ca), crlOf(ca, { spec: { extensions: [delta] } })])],
  [
    '4.15.3',
    'refuse',
    'crl.revoked',
    revocation(clean, [crlOf(ca, { of: [end.serial] }), crlOf(ca, { spec: { extensions: [delta] } })]),
  ],
  [
    '4.15.4',
    'refuse',
    'crl.revoked',
    revocation(clean, [crlOf(ca), crlOf(ca, { of: [end.serial], spec: { extensions: [delta] } })]),
  ],
  ['4.15.5', 'accept', 'crl.revoked', lifted()],
];

describeLedger('PKITS on revocation', ROWS, {
  '4.4.14': 'serial numbers are positive',
  '4.15.5': 'a delta lifts nothing: its base stands until the next one',
  '4.4.19': 'the signer of a CRL is on the path of the leaf; no other path is built',
});
