/** x509-limbo, `webpki` and `invalid`: every question by its name there, below anchors that are public. */
import { generateKeyPairSync } from 'node:crypto';
import * as der from '../../src/pki/der/writer.ts';
import * as ext from '../support/extensions.ts';
import { generateKey, type KeyPair, spkiDigest } from '../support/keys.ts';
import { authority, type Spec } from '../support/test-ca.ts';
import { AT, type BatchCase, HOST } from './batch.ts';
import { describeLedger, type Row } from './ledger.ts';
import { critical, criticalPurposes, leaf, nameless, odd, oddRoot, root } from './limbo-chains.ts';

const { serverAuth, clientAuth, any } = ext.EKU;
const PRECERTIFICATES = '1.3.6.1.4.1.11129.2.4.4';
const kp = (number: number): string => `1.3.6.1.5.5.7.3.${number}`;

const san = (dns: readonly string[], host: string): BatchCase => odd({ dns }, { host });
const purposes = (...extendedKeyUsage: readonly string[]): BatchCase => odd({ extendedKeyUsage });
const common = (cn: string, names: Spec, host: string): BatchCase =>
  odd({ dns: undefined, cn, ...names } as Spec, { host });

/** root with an authority key identifier of these parts → leaf. */
function rootKeyId(parts: (own: Buffer) => readonly Buffer[]): BatchCase {
  const key = generateKey();
  const value = der.sequence(...parts(ext.keyIdentifier(key.spki)));
  return oddRoot({ key, authorityKeyId: null, extensions: [critical('2.5.29.35', value, false)] });
}

const keyId = (id: Buffer): Buffer => der.contextPrimitive(0, id);
const certIssuer = der.contextConstructed(1, der.contextConstructed(4, ext.distinguishedName([['CN', 'myCN']])));
const certSerial = der.contextPrimitive(2, Buffer.from([0x04, 0xd2]));

function rsa(modulusLength: number): KeyPair {
  const pair = generateKeyPairSync('rsa', { modulusLength });
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' });
  return { ...pair, spki, spkiSha256: spkiDigest(spki) };
}

/** SPKI of a kind of key that is not ours to generate: algorithm, parameters, some bits. */
function foreign(algorithm: string, parameters: Buffer, bits = Buffer.from([4, 1, 2])): Buffer {
  return der.sequence(der.sequence(der.oid(algorithm), parameters), der.bitString(bits));
}

const P192 = foreign('1.2.840.10045.2.1', der.oid('1.2.840.10045.3.1.1'));
const DSA = foreign('1.2.840.10040.4.1', der.sequence(der.integer(7), der.integer(3), der.integer(2)));
const EMPTY_RSA = foreign('1.2.840.113549.1.1.1', der.nullValue(), Buffer.alloc(0));

/** A root whose certificate speaks of `spki` → leaf. */
function rootWith(spki: Buffer): BatchCase {
  return oddRoot({ spki });
}

function malformedIssuerKey(): BatchCase {
  const other = authority({ subject: root.subject, at: AT });
  const issuer = other.issueCa({ cn: 'No Key', spki: EMPTY_RSA });
  return { chain: [leaf({}, issuer), issuer], anchors: [root] };
}

function emptyUsage(): BatchCase {
  return odd({ key: 'rsa2048', keyUsage: null, extensions: [critical('2.5.29.15', Buffer.from([3, 1, 0]))] });
}

const IP = '192.168.1.1';
const IP6 = '2001:db8::1';

const ROWS: readonly Row[] = [
  ['aki::root-with-aki-missing-keyidentifier', 'refuse', 'chain.malformed-issuer', rootKeyId(() => [])],
  [
    'aki::root-with-aki-authoritycertissuer',
    'refuse',
    'chain.malformed-issuer',
    rootKeyId((own) => [keyId(own), certIssuer]),
  ],
  [
    'aki::root-with-aki-authoritycertserialnumber',
    'refuse',
    'chain.malformed-issuer',
    rootKeyId((own) => [keyId(own), certSerial]),
  ],
  [
    'aki::root-with-aki-all-fields',
    'refuse',
    'chain.malformed-issuer',
    rootKeyId((own) => [keyId(own), certIssuer, certSerial]),
  ],
  [
    'aki::root-with-aki-ski-mismatch',
    'refuse',
    'chain.malformed-issuer',
    rootKeyId(() => [keyId(Buffer.alloc(20, 7))]),
  ],
  ['a root with its own key identifier', 'accept', 'allow', rootKeyId((own) => [keyId(own)])],
  ['cn::ipv4-hex-mismatch', 'refuse', 'allow', common('0xC0A80101', { ip: [IP] }, IP)],
  ['cn::ipv4-leading-zeros-mismatch', 'refuse', 'allow', common('192.168.001.001', { ip: [IP] }, IP)],
  ['cn::ipv6-uppercase-mismatch', 'refuse', 'allow', common('2001:DB8::1', { ip: [IP6] }, IP6)],
  [
    'cn::ipv6-uncompressed-mismatch',
    'refuse',
    'allow',
    common('2001:0db8:0000:0000:0000:0000:0000:0001', { ip: [IP6] }, IP6),
  ],
  ['cn::ipv6-non-rfc5952-mismatch', 'refuse', 'allow', common('2001:db8:0:0:0:0:0:1', { ip: [IP6] }, IP6)],
  [
    'cn::punycode-not-in-san',
    'refuse',
    'allow',
    common('xn--nxasmq6b.test', { dns: ['xn--n3h.test'] }, 'xn--n3h.test'),
  ],
  [
    'cn::utf8-vs-punycode-mismatch',
    'refuse',
    'allow',
    common('b\u00fccher.test', { dns: ['xn--bcher-kva.test'] }, 'xn--bcher-kva.test'),
  ],
  ['cn::not-in-san', 'refuse', 'allow', common(`not.${HOST}`, { dns: [HOST, `other.${HOST}`] }, HOST)],
  ['cn::case-mismatch', 'refuse', 'allow', common('Example.TEST', { dns: [HOST] }, HOST)],
  ['eku::ee-anyeku', 'refuse', 'chain.extended-key-usage', purposes(serverAuth, any)],
  ['eku::ee-critical-eku', 'refuse', 'chain.extended-key-usage', odd(criticalPurposes())],
  ['eku::ee-without-eku', 'refuse', 'chain.extended-key-usage', odd({ extendedKeyUsage: null })],
  ['eku::root-has-eku', 'refuse', 'chain.extended-key-usage', oddRoot({ extendedKeyUsage: [serverAuth] })],
  ['eku::ee-clientauth-only', 'refuse', 'chain.extended-key-usage', purposes(clientAuth)],
  ['eku::ee-precertificate-only', 'refuse', 'chain.extended-key-usage', purposes(PRECERTIFICATES)],
  [
    'eku::ee-precertificate-with-serverauth',
    'refuse',
    'chain.extended-key-usage',
    purposes(serverAuth, PRECERTIFICATES),
  ],
  ['eku::ee-serverauth-with-additional', 'accept', 'allow', purposes(serverAuth, clientAuth)],
  ['eku::ee-codesigning-with-serverauth', 'refuse', 'chain.extended-key-usage', purposes(serverAuth, kp(3))],
  ['eku::ee-emailprotection-with-serverauth', 'refuse', 'chain.extended-key-usage', purposes(serverAuth, kp(4))],
  ['eku::ee-timestamping-with-serverauth', 'refuse', 'chain.extended-key-usage', purposes(serverAuth, kp(8))],
  ['eku::ee-ocspsigning-with-serverauth', 'refuse', 'chain.extended-key-usage', purposes(serverAuth, kp(9))],
  ['ku::ee-rsa-without-any-usages', 'refuse', 'chain.malformed', emptyUsage()],
  ['san::exact-dns-san', 'accept', 'allow', odd({})],
  ['san::exact-localhost-ip-san', 'accept', 'allow', common(HOST, { ip: ['127.0.0.1'] }, '127.0.0.1')],
  ['san::mismatch-domain-san', 'refuse', 'identity.mismatch', san(['example.com'], 'example2.com')],
  ['san::mismatch-subdomain-san', 'refuse', 'identity.mismatch', san(['abc.example.com'], 'def.example.com')],
  ['san::mismatch-subdomain-apex-san', 'refuse', 'identity.mismatch', san(['example.com'], 'abc.example.com')],
  ['san::mismatch-apex-subdomain-san', 'refuse', 'identity.mismatch', san(['abc.example.com'], 'example.com')],
  ['san::public-suffix-wildcard-san', 'refuse', 'identity.public-suffix', san(['*.com'], 'example.com')],
  [
    'san::leftmost-wildcard-san',
    'accept',
    'allow',
    common('example.com', { dns: ['*.example.com'] }, 'foo.example.com'),
  ],
  ['san::wildcard-embedded-leftmost-san', 'refuse', 'identity.mismatch', san(['ba*.example.com'], 'baz.example.com')],
  [
    'san::wildcard-not-in-leftmost-san',
    'refuse',
    'identity.mismatch',
    san(['foo.*.example.com'], 'foo.bar.example.com'),
  ],
  [
    'san::wildcard-match-across-labels-san',
    'refuse',
    'identity.mismatch',
    san(['*.example.com'], 'foo.bar.example.com'),
  ],
  [
    'san::wildcard-embedded-ulabel-san',
    'refuse',
    'identity.mismatch',
    san(['xn--*-1b3c148a.example.com'], 'xn--bliss-1b3c148a.example.com'),
  ],
  [
    'san::unicode-emoji-san',
    'refuse',
    'chain.malformed',
    san([Buffer.from('\u{1f61c}.example.com').toString('latin1')], 'xn--628h.example.com'),
  ],
  ['san::no-san', 'refuse', 'identity.no-san', nameless({ cn: HOST })],
  [
    'san::san-critical-with-nonempty-subject',
    'refuse',
    'chain.malformed',
    odd({ cn: 'something-else', namesCritical: true }),
  ],
  ['san::san-wildcard-only', 'refuse', 'identity.mismatch', san(['*'], 'example.com')],
  ['san::san-wildcard-only-tld', 'refuse', 'identity.mismatch', san(['*'], 'com')],
  [
    'malformed-aia',
    'refuse',
    'chain.malformed',
    odd({ extensions: [critical('1.3.6.1.5.5.7.1.1', Buffer.from('malformed'), false)] }),
  ],
  ['forbidden-p192-leaf', 'refuse', 'chain.weak-key', odd({ spki: P192 })],
  ['forbidden-p192-root', 'refuse', 'chain.weak-key', rootWith(P192)],
  ['forbidden-dsa-leaf', 'refuse', 'chain.weak-key', odd({ spki: DSA })],
  ['forbidden-dsa-root', 'refuse', 'chain.weak-key', rootWith(DSA)],
  ['forbidden-weak-rsa-key-in-root', 'refuse', 'chain.weak-key', oddRoot({ key: 'rsa1024' })],
  ['forbidden-weak-rsa-in-leaf', 'refuse', 'chain.weak-key', odd({ key: 'rsa1024' })],
  ['forbidden-rsa-not-divisable-by-8-in-root', 'refuse', 'chain.weak-key', oddRoot({ key: rsa(2052) })],
  ['forbidden-rsa-key-not-divisable-by-8-in-leaf', 'refuse', 'chain.weak-key', odd({ key: rsa(2052) })],
  ['v1-cert', 'refuse', 'identity.no-san', odd({ version: 1, cn: HOST })],
  ['ee-basicconstraints-ca', 'refuse', 'chain.leaf-is-ca', odd({ ca: true })],
  ['ca-as-leaf', 'refuse', 'chain.leaf-is-ca', { chain: [root.issueCa({ dns: [HOST] })], anchors: [root] }],
  ['invalid::invalid-issuer-key', 'refuse', 'chain.incomplete', malformedIssuerKey()],
];

const commonName =
  'never an identity to us; limbo accepts other common names that no SAN has (san::leftmost-wildcard-san)';

describeLedger(
  'x509-limbo: webpki',
  ROWS.map(([name, suite, ours, one]) => [name, suite, ours, { anchorsArePublic: true, ...one }] as const),
  {
    'cn::ipv4-hex-mismatch': commonName,
    'cn::ipv4-leading-zeros-mismatch': commonName,
    'cn::ipv6-uppercase-mismatch': commonName,
    'cn::ipv6-uncompressed-mismatch': commonName,
    'cn::ipv6-non-rfc5952-mismatch': commonName,
    'cn::punycode-not-in-san': commonName,
    'cn::utf8-vs-punycode-mismatch': commonName,
    'cn::not-in-san': commonName,
    'cn::case-mismatch': commonName,
  },
);
