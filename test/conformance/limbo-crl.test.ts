/** x509-limbo, `crl` in all its parts, through `verify --batch` with `crls` and a rule that requires them. */
import { beforeAll, describe, expect, it } from 'vitest';
import * as der from '../../src/pki/der/writer.ts';
import { type CrlSpec, issuingPoint, makeCrl, type PointSpec, type RevokedSpec } from '../support/crl-maker.ts';
import * as ext from '../support/extensions.ts';
import { authority, type Issued, type Spec } from '../support/test-ca.ts';
import { AT, type BatchAnswer, type BatchCase, HOST, judgeAll, word } from './batch.ts';
import { describeLedger, type Row } from './ledger.ts';

const AT_MS = Date.parse(AT);
const DAY_MS = 86_400_000;
const URI = 'http://crl.test/part.crl';
const required = { rule: { checks: { crl: 'require', ct: 'off', staple: 'off' } } };
/** As limbo writes them when a case does not say otherwise: very long. */
const long = { thisUpdateMs: AT_MS - 400 * DAY_MS, nextUpdateMs: AT_MS + 4000 * DAY_MS };

const root = authority({ cn: 'CRL Root', at: AT });
const leaf = root.issueLeaf({ dns: [HOST] });
const pointed = root.issueLeaf({ dns: [HOST], crlUris: [URI] });
const number = (critical: boolean) => ext.extension('2.5.29.20', critical, der.integer(12_345));
const stranger: RevokedSpec = { serial: Buffer.from([0x11, 0x22, 0x33]) };

function crl(spec: Partial<CrlSpec> = {}, signer: Issued = root): Buffer {
  const { extensions = [], ...rest } = spec;
  return makeCrl(signer, { atMs: AT_MS, ...long, extensions: [number(false), ...extensions], ...rest });
}

function ask(crls: readonly Buffer[], of: Issued = leaf, top: Issued = root): BatchCase {
  return { chain: [of], anchors: [top], crls, ...required };
}

const listed = (spec: Partial<CrlSpec> = {}, entry: Partial<RevokedSpec> = {}): BatchCase =>
  ask([crl({ revoked: [{ serial: leaf.serial, ...entry }], ...spec })]);
const unlisted = (spec: Partial<CrlSpec> = {}): BatchCase => ask([crl({ revoked: [stranger], ...spec })]);
const scoped = (point: PointSpec, of: Issued = pointed): BatchCase =>
  ask([crl({ extensions: [issuingPoint(point)] })], of);

/** A root whose key usage is `spec`, with a CRL that lists somebody else. */
function signer(spec: Spec): BatchCase {
  const top = authority({ cn: 'CRL Signer', at: AT, ...spec });
  return ask([crl({ revoked: [stranger] }, top)], top.issueLeaf({ dns: [HOST] }), top);
}

function otherIssuer(): BatchCase {
  const other = authority({ cn: 'Other CRL Root', at: AT });
  const crls = [crl(), crl({ revoked: [{ serial: leaf.serial }] }, other)];
  return { chain: [leaf], anchors: [root, other], crls, ...required };
}

function wrongKey(): BatchCase {
  const other = authority({ cn: 'Other CRL Root', at: AT });
  const crls = [crl({ issuer: root.subject, revoked: [stranger] }, other)];
  return { chain: [leaf], anchors: [root, other], crls, ...required };
}

function usersOnlyForIssuer(): BatchCase {
  const issuer = root.issueCa({ cn: 'CRL Issuer' });
  const crls = [crl({ extensions: [issuingPoint({ onlyUsers: true })] }), crl({}, issuer)];
  return { chain: [issuer.issueLeaf({ dns: [HOST] }), issuer], anchors: [root], crls, ...required };
}

/** The content of a names field with one URI and a dNSName. */
const mixedNames = der.contextConstructed(
  0,
  der.contextConstructed(
    0,
    der.contextPrimitive(6, der.ia5Bytes(URI)),
    der.contextPrimitive(2, der.ia5Bytes('example.test')),
  ),
);

function mixedPoint(): Issued {
  const point = ext.extension('2.5.29.31', false, der.sequence(der.sequence(mixedNames)));
  return root.issueLeaf({ dns: [HOST], extensions: [point] });
}

/** What only the Baseline Requirements ask, with a list that is fresh enough for them. */
function publicly(of: Issued, point: ext.RawExtension): BatchCase {
  return { ...ask([crl({ thisUpdateMs: AT_MS - DAY_MS, extensions: [point] })], of), anchorsArePublic: true };
}

function tenThousand(): Buffer {
  const revoked = Array.from({ length: 10_000 }, (_, index) => ({ serial: der.integer(index + 1000).subarray(2) }));
  return crl({ revoked });
}

const unknown = (critical: boolean) => ext.extension('1.3.6.1.4.1.55555.1', critical, der.nullValue());

const ROWS: readonly Row[] = [
  ['revoked-certificate-with-crl', 'refuse', 'crl.revoked', listed()],
  ['crlnumber-missing', 'refuse', 'allow', ask([makeCrl(root, { atMs: AT_MS, revoked: [stranger] })])],
  ['crlnumber-critical', 'refuse', 'crl.invalid', ask([makeCrl(root, { atMs: AT_MS, extensions: [number(true)] })])],
  ['certificate-not-on-crl', 'accept', 'allow', unlisted()],
  ['certificate-serial-on-crl-different-issuer', 'accept', 'allow', otherIssuer()],
  ['issuer-missing-crlsign', 'refuse', 'crl.invalid', signer({ keyUsage: ['keyCertSign'] })],
  ['issuer-no-keyusage-extension', 'accept', 'allow', signer({ keyUsage: null })],
  ['issuer-valid-crlsign-and-keycertsign', 'accept', 'allow', signer({ keyUsage: ['keyCertSign', 'cRLSign'] })],
  ['crl-invalid-signature', 'refuse', 'crl.invalid', unlisted({ broken: true })],
  ['crl-wrong-signing-key', 'refuse', 'crl.invalid', wrongKey()],
  ['crl-empty', 'accept', 'allow', ask([crl()])],
  ['crl-very-large', 'accept', 'allow', ask([tenThousand()])],
  ['crl-unknown-critical-extension', 'refuse', 'crl.invalid', unlisted({ extensions: [unknown(true)] })],
  ['crl-unknown-noncritical-extension', 'accept', 'allow', unlisted({ extensions: [unknown(false)] })],
  ['entry-unknown-critical-extension', 'refuse', 'crl.invalid', listed({}, { extensions: [unknown(true)] })],
  ['entry-unknown-noncritical-extension', 'refuse', 'crl.revoked', listed({}, { extensions: [unknown(false)] })],
  ['this-update-in-future', 'refuse', 'crl.stale', ask([crl({ thisUpdateMs: AT_MS + DAY_MS })])],
  ['next-update-in-past', 'refuse', 'crl.stale', ask([crl({ nextUpdateMs: AT_MS - 30 * DAY_MS })])],
  ['revocation-date-in-future', 'refuse', 'crl.revoked', listed({}, { atMs: AT_MS + DAY_MS })],
  ['revocation-date-before-not-before', 'refuse', 'crl.revoked', listed({}, { atMs: AT_MS - 60 * DAY_MS })],
  ['crl-validity-no-overlap', 'refuse', 'crl.stale', ask([crl({ nextUpdateMs: AT_MS - 180 * DAY_MS })])],
  ['crl-duplicate-revoked-serial', 'refuse', 'crl.invalid', unlisted({ revoked: [stranger, stranger] })],
  ['idp-cdp-scope-mismatch', 'refuse', 'crl.missing', scoped({ uris: ['http://crl.test/other.crl'] })],
  ['idp-cdp-scope-match', 'accept', 'allow', scoped({ uris: [URI] })],
  ['idp-only-contains-user-certs-ca-target', 'refuse', 'crl.missing', usersOnlyForIssuer()],
  ['idp-only-contains-ca-certs-ee-target', 'refuse', 'crl.missing', scoped({ onlyCas: true }, leaf)],
  ['idp-present-certificate-missing-cdp', 'refuse', 'crl.missing', scoped({ uris: [URI] }, leaf)],
  [
    'idp-present-certificate-cdp-non-uri-generalname',
    'refuse',
    'crl.missing',
    publicly(mixedPoint(), issuingPoint({ uris: [URI] })),
  ],
  ['the same below a private anchor', 'accept', 'allow', scoped({ uris: [URI] }, mixedPoint())],
  ['idp-only-contains-attribute-certs', 'refuse', 'crl.missing', scoped({ onlyAttributes: true }, leaf)],
  ['idp-name-relative-to-crl-issuer', 'refuse', 'crl.missing', scoped({ relative: true })],
  [
    'idp-fullname-non-uri-generalname',
    'refuse',
    'crl.missing',
    publicly(pointed, ext.extension('2.5.29.28', true, der.sequence(mixedNames))),
  ],
  [
    'the same of a private CA',
    'accept',
    'allow',
    ask([crl({ extensions: [ext.extension('2.5.29.28', true, der.sequence(mixedNames))] })], pointed),
  ],
  ['older than ten days below a public anchor', 'refuse', 'crl.stale', { ...ask([crl()]), anchorsArePublic: true }],
  ['idp-indirect-crl', 'refuse', 'crl.invalid', scoped({ uris: [URI], indirect: true })],
  ['idp-only-some-reasons-no-complete-crl', 'refuse', 'crl.invalid', scoped({ uris: [URI], onlySomeReasons: true })],
  ['idp-uri-not-byte-identical', 'refuse', 'crl.missing', scoped({ uris: ['http://crl.test/%70art.crl'] })],
  ['crl-invalid-version', 'accept', 'crl.invalid', listed({ version: 2 })],
  ['crl-missing-next-update', 'accept', 'crl.revoked', listed({ thisUpdateMs: AT_MS - DAY_MS, nextUpdateMs: null })],
];

describeLedger('x509-limbo: crl, required', ROWS, {
  'crlnumber-missing': 'says nothing about a certificate; OpenSSL writes lists without it unless it is told to',
  'crl-invalid-version': 'what is required and cannot be read is a failure; accepted with `if-present`',
  'crl-missing-next-update': 'a revocation that the issuer signed is believed',
});

describe('CRLs in other words of the rule', () => {
  const checkingWith = (crl: string) => ({ rule: { checks: { crl, ct: 'off', staple: 'off' } } });
  const malformed = ask([Buffer.from('junk')]);
  const cases: ReadonlyMap<string, BatchCase> = new Map([
    ['revoked, without a rule', { chain: [leaf], anchors: [root], crls: listed().crls! }],
    ['revoked, off', { ...listed(), ...checkingWith('off') }],
    ['revoked, if present', { ...listed(), ...checkingWith('if-present') }],
    ['unreadable, if present', { ...malformed, ...checkingWith('if-present') }],
    ['none, if present', { ...ask([]), ...checkingWith('if-present') }],
    ['none, required', ask([])],
  ]);
  let answers: ReadonlyMap<string, BatchAnswer>;
  beforeAll(async () => {
    answers = await judgeAll(cases);
  });

  it.each([
    ['revoked, without a rule', 'allow'],
    ['revoked, off', 'allow'],
    ['revoked, if present', 'crl.revoked'],
    ['unreadable, if present', 'allow'],
    ['none, if present', 'allow'],
    ['none, required', 'crl.missing'],
  ])('%s: %s', (name, expected) => {
    expect(word(answers.get(name))).toBe(expected);
  });
});
