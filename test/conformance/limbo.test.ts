/**
 * The questions of x509-limbo, asked again with certificates of our own: what a chain is about and whether a TLS client
 * may accept it, through `verify --batch`.
 *
 * `webpki` cases declare their anchors public, because they ask what the Baseline Requirements ask; the others hold for
 * private CAs too. Nothing that limbo wants refused is accepted, but for questions that are a CA's duty and not a
 * verifier's: presence of key identifiers, form of the common name, criticality of basicConstraints, CRL numbers.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import * as der from '../../src/pki/der/writer.ts';
import * as ext from '../support/extensions.ts';
import { authority } from '../support/test-ca.ts';
import { AT, type BatchAnswer, type BatchCase, HOST, judgeAll, word } from './batch.ts';
import {
  alternate,
  at,
  below,
  constrained,
  critical,
  criticalPurposes,
  dn,
  expiredCross,
  inter,
  ipTree,
  key,
  leaf,
  loop,
  manyNames,
  nameless,
  odd,
  oddIssuer,
  oddRoot,
  publicly,
  requireExplicit,
  root,
  rootLength,
  SECOND,
  selfIssued,
  selfIssuedLeaf,
  siblings,
  tooManySiblings,
  tree,
} from './limbo-chains.ts';

type Row = readonly [name: string, expected: string, one: BatchCase];

const { serverAuth, clientAuth, any } = ext.EKU;

const RFC5280: readonly Row[] = [
  ['plain', 'allow', odd({})],
  ['ee-empty-issuer', 'chain.invalid-ca', oddRoot({ subject: [] })],
  ['ca-empty-subject', 'chain.invalid-ca', oddIssuer({ subject: [] })],
  ['unknown-critical-extension-ee', 'chain.critical-extension', odd({ unknownCritical: true })],
  ['unknown-critical-extension-intermediate', 'chain.critical-extension', oddIssuer({ unknownCritical: true })],
  ['unknown-critical-extension-root', 'chain.critical-extension', oddRoot({ unknownCritical: true })],
  [
    'critical-aki',
    'chain.critical-extension',
    odd({
      authorityKeyId: null,
      extensions: [critical('2.5.29.35', der.sequence(der.contextPrimitive(0, ext.keyIdentifier(inter.spki))))],
    }),
  ],
  [
    'critical-ski',
    'chain.critical-extension',
    oddIssuer({ subjectKeyId: null, extensions: [critical('2.5.29.14', der.octetString(Buffer.alloc(20, 1)))] }),
  ],
  ['self-signed-root-missing-aki', 'allow', oddRoot({ authorityKeyId: null })],
  ['intermediate-ca-without-ca-bit', 'chain.invalid-ca', oddIssuer({ ca: false })],
  ['intermediate-ca-missing-basic-constraints', 'chain.invalid-ca', oddIssuer({ ca: null })],
  ['intermediate-ca-without-keycertsign', 'chain.key-usage', oddIssuer({ keyUsage: ['digitalSignature'] })],
  ['root-missing-basic-constraints', 'chain.invalid-ca', oddRoot({ ca: null })],
  ['root-ca-false', 'chain.invalid-ca', oddRoot({ ca: false })],
  ['root-inconsistent-ca-extensions', 'chain.key-usage', oddRoot({ keyUsage: ['cRLSign'] })],
  ['leaf-ku-keycertsign', 'chain.leaf-is-ca', odd({ keyUsage: ['digitalSignature', 'keyCertSign'] })],
  ['no-basic-constraints-in-leaf', 'allow', odd({ ca: null })],
  ['no-keyusage-in-leaf', 'allow', odd({ keyUsage: null })],
  ['chain-untrusted-root', 'chain.incomplete', { ...odd({}), anchors: [authority({ cn: 'Other', at: AT })] }],
  ['no-anchors', 'chain.incomplete', { ...odd({}), anchors: [] }],
  ['missing-intermediate', 'chain.incomplete', { ...odd({}), chain: [leaf()] }],
  [
    'root-and-intermediate-swapped',
    'allow',
    // An intermediate as anchor, and the root among the presented.
    { chain: [leaf(), root], anchors: [inter] },
  ],
  [
    'mismatching-signature-algorithm',
    'chain.malformed',
    odd({ innerAlgorithm: der.sequence(der.oid('1.2.840.10045.4.3.3')) }),
  ],
  ['broken-signature', 'chain.signature', odd({ broken: 'flipped' })],
  ['duplicate-extensions', 'chain.malformed', odd({ extensions: [ext.subjectAltName({ dns: ['other.test'] })] })],
  ['policy-constraints-not-critical', 'chain.policy', oddIssuer({ extensions: [requireExplicit(10, false)] })],
  ['policy-constraints-critical', 'allow', oddIssuer({ extensions: [requireExplicit(10, true)] })],
];

const SAN: readonly Row[] = [
  ['san::malformed', 'chain.malformed', nameless({ extensions: [critical('2.5.29.17', Buffer.from('no'), false)] })],
  ['san::noncritical-with-empty-subject', 'chain.malformed', odd({ subject: [], namesCritical: false })],
  ['san::critical-with-empty-subject', 'allow', odd({ subject: [] })],
  ['webpki::san::critical-with-subject', 'chain.malformed', odd({ namesCritical: true }, publicly)],
  ['san::critical-with-subject', 'allow', odd({ namesCritical: true })],
  ['webpki::san::no-san', 'identity.no-san', nameless({ cn: HOST }, publicly)],
  ['webpki::v1-cert', 'identity.no-san', odd({ version: 1, cn: HOST })],
  ['webpki::san::exact-ip', 'allow', odd({ ip: ['192.0.2.7'] }, { host: '192.0.2.7' })],
  ['webpki::san::exact-ipv6', 'allow', odd({ ip: ['2001:db8::7'] }, { host: '2001:db8::7' })],
  ['webpki::san::mismatch-ip', 'identity.mismatch', odd({ ip: ['192.0.2.7'] }, { host: '192.0.2.8' })],
  ['webpki::san::ip-as-dns', 'identity.mismatch', odd({ dns: ['192.0.2.7'] }, { host: '192.0.2.7' })],
  ['webpki::san::mismatch-domain', 'identity.mismatch', odd({ dns: ['other.test'] })],
  ['webpki::san::mismatch-subdomain', 'identity.mismatch', odd({ dns: [`sub.${HOST}`] })],
  ['webpki::san::mismatch-apex', 'identity.mismatch', odd({}, { host: `sub.${HOST}` })],
  ['webpki::san::wildcard', 'allow', odd({ dns: [`*.${HOST}`] }, { host: `sub.${HOST}` })],
  ['webpki::san::wildcard-apex', 'identity.mismatch', odd({ dns: [`*.${HOST}`] })],
  ['webpki::san::wildcard-across-labels', 'identity.mismatch', odd({ dns: [`*.${HOST}`] }, { host: `a.b.${HOST}` })],
  ['webpki::san::wildcard-embedded', 'identity.mismatch', odd({ dns: [`s*b.${HOST}`] }, { host: `sub.${HOST}` })],
  [
    'webpki::san::wildcard-not-leftmost',
    'identity.mismatch',
    odd({ dns: [`sub.*.${HOST}`] }, { host: `sub.a.${HOST}` }),
  ],
  ['webpki::san::wildcard-only', 'identity.mismatch', odd({ dns: ['*'] })],
  ['webpki::san::public-suffix-wildcard', 'identity.public-suffix', odd({ dns: ['*.com'] }, { host: 'example.com' })],
  ['webpki::san::public-suffix-wildcard-two', 'identity.public-suffix', odd({ dns: ['*.co.uk'] }, { host: 'x.co.uk' })],
  ['webpki::san::nul', 'identity.mismatch', odd({ dns: [`${HOST}\0.evil.test`] })],
];

const USAGE: readonly Row[] = [
  ['webpki::eku::ee-without-eku', 'chain.extended-key-usage', odd({ extendedKeyUsage: null }, publicly)],
  ['eku::ee-without-eku', 'allow', odd({ extendedKeyUsage: null })],
  ['eku::ee-anyeku', 'chain.extended-key-usage', odd({ extendedKeyUsage: [any] })],
  ['webpki::eku::ee-anyeku', 'chain.extended-key-usage', odd({ extendedKeyUsage: [serverAuth, any] }, publicly)],
  ['webpki::eku::ee-critical', 'chain.extended-key-usage', odd(criticalPurposes(), publicly)],
  ['eku::ee-wrong-eku', 'chain.extended-key-usage', odd({ extendedKeyUsage: [clientAuth] })],
  ['eku::ica-wrong-eku', 'chain.extended-key-usage', oddIssuer({ extendedKeyUsage: [clientAuth] })],
  ['eku::ica-any', 'allow', oddIssuer({ extendedKeyUsage: [any] }, {}, publicly)],
  [
    'webpki::eku::ica-any-and-more',
    'chain.extended-key-usage',
    oddIssuer({ extendedKeyUsage: [any, clientAuth] }, {}, publicly),
  ],
  ['webpki::ee-basicconstraints-ca', 'chain.leaf-is-ca', odd({ ca: true })],
  [
    'webpki::ca-as-leaf',
    'chain.leaf-is-ca',
    { chain: [root.issueCa({ dns: [HOST], extendedKeyUsage: [serverAuth] })], anchors: [root] },
  ],
  ['webpki::forbidden-rsa-1024', 'chain.weak-key', odd({ key: 'rsa1024', keyUsage: ['digitalSignature'] })],
  ['webpki::forbidden-curve', 'chain.weak-key', odd({ key: 'secp256k1' })],
  ['webpki::forbidden-sha1', 'chain.weak-signature', odd({ signature: 'sha1' })],
  ['serial::zero', 'chain.malformed', odd({ serial: 0 })],
  ['serial::negative', 'chain.malformed', odd({ serial: Buffer.from([0x80]) })],
  ['serial::too-long', 'chain.malformed', odd({ serial: Buffer.alloc(21, 0x7f) })],
  ['serial::too-long-in-intermediate', 'chain.malformed-issuer', oddIssuer({ serial: Buffer.alloc(21, 0x7f) })],
  ['serial::zero-in-root', 'allow', oddRoot({ serial: 0 })],
  [
    'webpki::malformed-aia',
    'chain.malformed',
    odd({ extensions: [critical('1.3.6.1.5.5.7.1.1', Buffer.from('x'), false)] }),
  ],
];

const VALIDITY: readonly Row[] = [
  ['validity::expired-leaf', 'chain.expired', odd({ notAfter: at(-SECOND) })],
  ['validity::expired-intermediate', 'chain.expired', oddIssuer({ notAfter: at(-SECOND) })],
  ['validity::expired-root', 'chain.expired', oddRoot({ notAfter: at(-SECOND) })],
  ['validity::future-leaf', 'chain.not-yet-valid', odd({ notBefore: at(SECOND) })],
  ['validity::future-intermediate', 'chain.not-yet-valid', oddIssuer({ notBefore: at(SECOND) })],
  ['validity::future-root', 'chain.not-yet-valid', oddRoot({ notBefore: at(SECOND) })],
  ['validity::not-after-exact', 'allow', odd({ notAfter: AT })],
  ['validity::not-before-exact', 'allow', odd({ notBefore: AT })],
  ['validity::not-after-second', 'chain.expired', odd({ notAfter: AT }, { at: at(SECOND) })],
];

const PATH_LENGTH: readonly Row[] = [
  ['pathlen::ee-with-intermediate-pathlen-0', 'allow', oddIssuer({ pathLength: 0 })],
  ['pathlen::intermediate-violates-pathlen-0', 'chain.path-length', below({ pathLength: 0 }, {})],
  ['pathlen::intermediate-pathlen-may-increase', 'allow', below({ pathLength: 1 }, { pathLength: 4 })],
  ['pathlen::root-pathlen-0', 'chain.path-length', rootLength(0)],
  ['pathlen::root-pathlen-1', 'allow', rootLength(1)],
  ['pathlen::self-issued-is-not-counted', 'allow', selfIssued()],
];

const NAMES: readonly Row[] = [
  ['nc::permitted-dns-match', 'allow', constrained({ permitted: tree(HOST) })],
  ['nc::permitted-dns-match-subdomain', 'allow', constrained({ permitted: tree('test') })],
  ['nc::permitted-dns-mismatch', 'chain.name-constraints', constrained({ permitted: tree('other.test') })],
  ['nc::excluded-dns-match', 'chain.name-constraints', constrained({ excluded: tree(HOST) })],
  ['nc::excluded-dns-match-subdomain', 'chain.name-constraints', constrained({ excluded: tree('test') })],
  [
    'nc::excluded-and-permitted',
    'chain.name-constraints',
    constrained({ permitted: tree('test'), excluded: tree(HOST) }),
  ],
  ['nc::suffix-is-no-label', 'chain.name-constraints', constrained({ permitted: tree('ample.test') })],
  ['nc::invalid-dnsname-wildcard', 'chain.name-constraints', constrained({ permitted: tree('*.test') })],
  ['nc::invalid-dnsname-leading-period', 'chain.name-constraints', constrained({ permitted: tree('.test') })],
  ['nc::permitted-different-constraint-type', 'allow', constrained({ permitted: { ranges: ['192.0.2.0/24'] } })],
  ['nc::excluded-different-constraint-type', 'allow', constrained({ excluded: { ranges: ['192.0.2.0/24'] } })],
  ['nc::permitted-ip-match', 'allow', constrained({ permitted: { ranges: ['192.0.2.0/24'] } }, { ip: ['192.0.2.9'] })],
  [
    'nc::permitted-ip-mismatch',
    'chain.name-constraints',
    constrained({ permitted: { ranges: ['192.0.2.0/24'] } }, { ip: ['192.0.3.9'] }),
  ],
  [
    'nc::excluded-ip-match',
    'chain.name-constraints',
    constrained({ excluded: { ranges: ['192.0.2.0/24'] } }, { ip: ['192.0.2.9'] }),
  ],
  [
    'nc::permitted-ipv6-mismatch',
    'chain.name-constraints',
    constrained({ permitted: { ranges: ['2001:db8::/32'] } }, { ip: ['2001:db9::1'] }),
  ],
  [
    'nc::permitted-dn-match',
    'allow',
    constrained(
      { permitted: { directory: [dn('ours')] } },
      {
        subject: [
          ['O', 'ours'],
          ['CN', 'x'],
        ],
      },
    ),
  ],
  [
    'nc::permitted-dn-mismatch',
    'chain.name-constraints',
    constrained({ permitted: { directory: [dn('ours')] } }, { subject: [['O', 'theirs']] }),
  ],
  [
    'nc::excluded-dn-match',
    'chain.name-constraints',
    constrained({ excluded: { directory: [dn('ours')] } }, { subject: [['O', 'Ours']] }),
  ],
  [
    'nc::permitted-email-mismatch',
    'chain.name-constraints',
    constrained({ permitted: { email: ['a.test'] } }, { email: ['x@b.test'] }),
  ],
  [
    'nc::permitted-uri-mismatch',
    'chain.name-constraints',
    constrained({ permitted: { uri: ['a.test'] } }, { uri: ['https://b.test/'] }),
  ],
  [
    'nc::permits-invalid-dns-san',
    'chain.name-constraints',
    constrained({ permitted: tree('test') }, { dns: [HOST, 'in valid.test'] }),
  ],
  [
    'nc::permits-invalid-ip-san',
    'chain.malformed',
    constrained({ permitted: { ranges: ['192.0.2.0/24'] } }, { rawNames: [der.contextPrimitive(7, Buffer.alloc(5))] }),
  ],
  [
    'nc::permits-invalid-email-san',
    'chain.name-constraints',
    constrained({ permitted: { email: ['a.test'] } }, { email: ['nobody'] }),
  ],
  [
    'nc::forbids-dnsname-wildcard-san',
    'chain.name-constraints',
    constrained({ excluded: tree(`bad.${HOST}`) }, { dns: [HOST, `*.${HOST}`] }),
  ],
  [
    'cve::2025-61727',
    'chain.name-constraints',
    constrained({ excluded: tree(`test.${HOST}`) }, { dns: [`*.${HOST}`] }, { host: `sub.${HOST}` }),
  ],
  [
    'nc::common-name-past-the-constraints',
    'chain.name-constraints',
    constrained({ permitted: tree('other.test') }, { cn: HOST, dns: [], ip: ['192.0.2.1'] }, { host: '192.0.2.1' }),
  ],
  ['nc::not-allowed-in-ee', 'chain.name-constraints', odd({ nameConstraints: { permitted: tree(HOST) } })],
  ['nc::nc-empty', 'chain.malformed-issuer', oddIssuer({ extensions: [critical('2.5.29.30', der.sequence())] })],
  [
    'nc::both-empty-sequences',
    'chain.malformed-issuer',
    oddIssuer({
      extensions: [critical('2.5.29.30', der.sequence(der.contextConstructed(0), der.contextConstructed(1)))],
    }),
  ],
  [
    'nc::invalid-ip-mask',
    'chain.malformed-issuer',
    oddIssuer({ extensions: [ipTree(Buffer.from([192, 0, 2, 0, 255, 0, 255, 0]))] }),
  ],
  [
    'nc::invalid-ip-length',
    'chain.malformed-issuer',
    oddIssuer({ extensions: [ipTree(Buffer.from([192, 0, 2, 0, 255]))] }),
  ],
  ['nc::self-issued-leaf-is-constrained', 'chain.name-constraints', selfIssuedLeaf()],
  [
    'nc::root-constraints-bind',
    'chain.name-constraints',
    oddRoot({ nameConstraints: { permitted: tree('other.test') } }),
  ],
  ['nc::nc-forbids-alternate-chain-ica', 'allow', alternate()],
];

const PATHS: readonly Row[] = [
  ['pathological::multiple-chains-expired-intermediate', 'allow', expiredCross()],
  ['cve::2024-0567', 'allow', loop()],
  [
    'pathological::intermediate-cycle-without-root',
    'chain.incomplete',
    { ...loop(), anchors: [authority({ cn: 'Other', at: AT })] },
  ],
  ['pathological::many-siblings', 'allow', siblings(60)],
  ['pathological::too-many-siblings', 'chain.budget', tooManySiblings()],
  ['pathological::nc-dos', 'chain.budget', manyNames()],
  [
    'cve::forged-issuer-first',
    'allow',
    {
      chain: [leaf(), root.issueCa({ subject: inter.subject, spki: key.spki, broken: 'junk' }), inter],
      anchors: [root],
    },
  ],
];

describe.each([
  ['rfc5280', RFC5280],
  ['names and identity', SAN],
  ['usage, keys, serial numbers', USAGE],
  ['validity', VALIDITY],
  ['path length', PATH_LENGTH],
  ['name constraints', NAMES],
  ['paths', PATHS],
] as const)('%s', (_title, rows) => {
  let answers: ReadonlyMap<string, BatchAnswer>;
  beforeAll(async () => {
    answers = await judgeAll(new Map(rows.map(([name, , one]) => [name, one])));
  });

  it.each(rows.map(([name, expected]) => ({ name, expected })))('$name: $expected', ({ name, expected }) => {
    const said = word(answers.get(name));
    if (expected === 'allow') expect(said).toBe('allow');
    else expect(said.split(' ')).toContain(expected);
  });
});
