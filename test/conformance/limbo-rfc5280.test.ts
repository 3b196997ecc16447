/**
 * x509-limbo, `rfc5280`, `rfc9881` and `pathlen`: every question by its name there, with what limbo wants and what we answer below
 * private anchors. limbo.test.ts asks further ones of the same kind.
 */
import * as der from '../../src/pki/der/writer.ts';
import * as ext from '../support/extensions.ts';
import { authority, type Issued, type Spec } from '../support/test-ca.ts';
import { AT, type BatchCase, HOST } from './batch.ts';
import { describeLedger, type Row } from './ledger.ts';
import {
  at,
  below,
  critical,
  inter,
  leaf,
  nameless,
  odd,
  oddIssuer,
  oddRoot,
  requireExplicit,
  root,
  SECOND,
  selfIssued,
} from './limbo-chains.ts';

const stranger = authority({ cn: 'Stranger', at: AT, unknownCritical: true });
const strange = stranger.issueCa({ cn: 'Strange', unknownCritical: true });

/** keyUsage without a bit. */
const noUsage: Spec = { keyUsage: null, extensions: [critical('2.5.29.15', Buffer.from([3, 1, 0]), false)] };

function noncriticalCa(): Spec {
  return { ca: null, extensions: [{ ...ext.basicConstraints(true, null), critical: false }] };
}

function aia(isCritical: boolean): ext.RawExtension {
  const location = der.contextPrimitive(2, der.ia5Bytes(HOST));
  const value = der.sequence(der.sequence(der.oid('1.3.6.1.5.5.7.48.2'), location));
  return ext.extension('1.3.6.1.5.5.7.1.1', isCritical, value);
}

function criticalKeyId(oid: string): Spec {
  const id = Buffer.alloc(20, 1);
  return oid === '2.5.29.35'
    ? { authorityKeyId: null, extensions: [critical(oid, der.sequence(der.contextPrimitive(0, id)))] }
    : { subjectKeyId: null, extensions: [critical(oid, der.octetString(id))] };
}

/** The outer algorithm of a root is not the inner one. */
function mismatchedRoot(): BatchCase {
  const top = authority({ cn: 'Two Algorithms', at: AT, innerAlgorithm: der.sequence(der.oid('1.2.840.10045.4.3.3')) });
  return { chain: [leaf({}, top)], anchors: [top] };
}

function caAsLeaf(host: string): BatchCase {
  return { chain: [root.issueCa({ dns: [HOST] })], anchors: [root], host };
}

function crossRoot(): BatchCase {
  const other = authority({ cn: 'Cross', at: AT });
  const cross = other.issueCa({ cn: 'Crossed', pathLength: 0, authorityKeyId: null });
  return { chain: [leaf({}, cross)], anchors: [cross] };
}

function emptyIssuer(): BatchCase {
  return { chain: [root.issueLeaf({ dns: [HOST], issuer: [] })], anchors: [root] };
}

/** root → lengths… → leaf; null: no limit. */
function lengths(...limits: readonly (number | null)[]): BatchCase {
  const chain: Issued[] = [];
  let issuer = root;
  for (const [index, limit] of limits.entries()) {
    issuer = issuer.issueCa({ cn: `Level ${index}`, ...(limit === null ? {} : { pathLength: limit }) });
    chain.unshift(issuer);
  }
  return { chain: [leaf({}, issuer), ...chain], anchors: [root] };
}

/** Valid from `from` to `to`, all three of them. */
function during(from: string, to: string, when: string): BatchCase {
  const dates = { notBefore: from, notAfter: to };
  const top = authority({ cn: 'Dated', at: AT, ...dates });
  const issuer = top.issueCa({ cn: 'Dated Issuer', ...dates });
  return { chain: [leaf(dates, issuer), issuer], anchors: [top], at: when };
}

/** root → leaf with keys of ML-DSA. */
function mlDsa(set: 44 | 65 | 87, spec: Spec = {}): BatchCase {
  const key = `ml-dsa-${set}` as const;
  return oddRoot({ key }, { key, ...spec });
}

const MARCH = '2026-03-01T00:00:00Z';
const APRIL = '2026-04-01T00:00:00Z';

const ROWS: readonly Row[] = [
  ['pathlen::ee-with-intermediate-pathlen-0', 'accept', 'allow', lengths(0)],
  ['pathlen::ee-with-intermediate-pathlen-1', 'accept', 'allow', lengths(1)],
  ['pathlen::ee-with-intermediate-pathlen-2', 'accept', 'allow', lengths(2)],
  [
    'pathlen::validation-ignores-pathlen-in-leaf',
    'accept',
    'chain.leaf-is-ca',
    (() => {
      const first = root.issueCa({ cn: 'First', pathLength: 0 });
      const second = first.issueCa({ cn: 'Second', pathLength: 0, dns: [HOST] });
      return { chain: [second, first], anchors: [root] };
    })(),
  ],
  ['pathlen::intermediate-violates-pathlen-0', 'refuse', 'chain.path-length', lengths(0, 0)],
  ['pathlen::intermediate-pathlen-may-increase', 'accept', 'allow', below({ pathLength: 1 }, { pathLength: 2 })],
  ['pathlen::intermediate-pathlen-too-long', 'refuse', 'chain.path-length', lengths(1, 0, 0)],
  ['pathlen::self-issued-certs-pathlen', 'accept', 'allow', selfIssued()],
  ['rfc5280::ee-empty-issuer', 'refuse', 'chain.incomplete', emptyIssuer()],
  ['rfc5280::ca-empty-subject', 'refuse', 'chain.invalid-ca', oddRoot({ subject: [] })],
  ['rfc5280::unknown-critical-extension-ee', 'refuse', 'chain.critical-extension', odd({ unknownCritical: true })],
  [
    'rfc5280::unknown-critical-extension-root',
    'refuse',
    'chain.critical-extension',
    oddRoot({ unknownCritical: true }),
  ],
  [
    'rfc5280::unknown-critical-extension-intermediate',
    'refuse',
    'chain.critical-extension',
    oddIssuer({ unknownCritical: true, pathLength: 0 }),
  ],
  ['rfc5280::unknown-critical-extension-unrelated-root', 'accept', 'allow', { ...odd({}), anchors: [stranger, root] }],
  [
    'rfc5280::unknown-critical-extension-unrelated-intermediate',
    'accept',
    'allow',
    { chain: [leaf(), strange, inter], anchors: [root] },
  ],
  [
    'rfc5280::chain-untrusted-root',
    'refuse',
    'chain.private-root',
    { chain: [leaf(), root, inter], anchors: [authority({ cn: 'Unrelated', at: AT })] },
  ],
  ['rfc5280::intermediate-ca-without-ca-bit', 'refuse', 'chain.invalid-ca', oddIssuer({ ca: false })],
  ['rfc5280::intermediate-ca-missing-basic-constraints', 'refuse', 'chain.invalid-ca', oddIssuer({ ca: null })],
  ['rfc5280::root-missing-basic-constraints', 'refuse', 'chain.invalid-ca', oddRoot({ ca: null })],
  ['rfc5280::root-non-critical-basic-constraints', 'refuse', 'allow', oddRoot(noncriticalCa())],
  ['rfc5280::root-inconsistent-ca-extensions', 'refuse', 'chain.malformed-issuer', oddRoot(noUsage)],
  ['rfc5280::ica-ku-keycertsign', 'refuse', 'chain.malformed-issuer', oddIssuer({ pathLength: 0, ...noUsage })],
  [
    'rfc5280::leaf-ku-keycertsign',
    'refuse',
    'chain.leaf-is-ca',
    odd({ ca: false, keyUsage: ['digitalSignature', 'keyCertSign'] }),
  ],
  ['rfc5280::ee-aia', 'accept', 'allow', odd({ extensions: [aia(false)] })],
  ['rfc5280::ee-critical-aia-invalid', 'refuse', 'chain.critical-extension', odd({ extensions: [aia(true)] })],
  [
    'rfc5280::duplicate-extensions',
    'refuse',
    'chain.malformed',
    odd({ extensions: [ext.subjectAltName({ dns: [HOST] })] }),
  ],
  ['rfc5280::no-keyusage', 'accept', 'allow', odd({ keyUsage: null })],
  ['rfc5280::no-basicconstraints', 'accept', 'allow', odd({ ca: null })],
  ['rfc5280::mismatching-signature-algorithm', 'refuse', 'chain.malformed-issuer', mismatchedRoot()],
  ['rfc5280::ca-as-leaf', 'accept', 'chain.leaf-is-ca', caAsLeaf(HOST)],
  ['rfc5280::ca-as-leaf-wrong-san', 'refuse', 'identity.mismatch', caAsLeaf('other.test')],
  ['rfc5280::root-and-intermediate-swapped', 'accept', 'allow', { chain: [leaf(), root], anchors: [inter] }],
  ['rfc5280::aki::critical-aki', 'refuse', 'chain.critical-extension', oddRoot(criticalKeyId('2.5.29.35'))],
  ['rfc5280::aki::leaf-missing-aki', 'refuse', 'allow', odd({ authorityKeyId: null })],
  ['rfc5280::aki::intermediate-missing-aki', 'refuse', 'allow', oddIssuer({ authorityKeyId: null, pathLength: 0 })],
  ['rfc5280::aki::self-signed-root-missing-aki', 'accept', 'allow', oddRoot({ authorityKeyId: null })],
  ['rfc5280::aki::cross-signed-root-missing-aki', 'refuse', 'allow', crossRoot()],
  ['rfc5280::ski::critical-ski', 'refuse', 'chain.critical-extension', oddRoot(criticalKeyId('2.5.29.14'))],
  ['rfc5280::ski::root-missing-ski', 'refuse', 'allow', oddRoot({ subjectKeyId: null })],
  ['rfc5280::ski::intermediate-missing-ski', 'refuse', 'allow', oddIssuer({ subjectKeyId: null })],
  ['rfc5280::eku::ee-wrong-eku', 'refuse', 'chain.extended-key-usage', odd({ extendedKeyUsage: [ext.EKU.clientAuth] })],
  ['rfc5280::eku::ee-without-eku', 'accept', 'allow', odd({ extendedKeyUsage: null })],
  [
    'rfc5280::eku::ee-eku-empty',
    'refuse',
    'chain.malformed',
    odd({ extendedKeyUsage: null, extensions: [critical('2.5.29.37', der.sequence(), false)] }),
  ],
  [
    'rfc5280::san::malformed',
    'refuse',
    'chain.malformed',
    nameless({ extensions: [critical('2.5.29.17', Buffer.from(HOST), false)] }),
  ],
  [
    'rfc5280::san::noncritical-with-empty-subject',
    'refuse',
    'chain.malformed',
    odd({ subject: [], namesCritical: false }),
  ],
  ['rfc5280::san::underscore-dns', 'refuse', 'allow', odd({ dns: ['under_score.test'] }, { host: 'under_score.test' })],
  ['rfc5280::serial::too-long', 'refuse', 'chain.malformed', odd({ serial: Buffer.alloc(22, 0x11) })],
  ['rfc5280::serial::zero', 'refuse', 'chain.malformed', odd({ serial: 0 })],
  [
    'rfc5280::serial::negative',
    'refuse',
    'chain.malformed',
    (() => {
      const own = authority({ cn: HOST, dns: [HOST], at: AT, serial: Buffer.from([0xf0]) });
      return { chain: [own], anchors: [own] };
    })(),
  ],
  ['rfc5280::pc::ica-noncritical-pc', 'refuse', 'chain.policy', oddIssuer({ extensions: [requireExplicit(3, false)] })],
  ['rfc5280::validity::expired-root', 'refuse', 'chain.expired', oddRoot({ notAfter: at(-SECOND) })],
  ['rfc5280::validity::expired-intermediate', 'refuse', 'chain.expired', oddIssuer({ notAfter: at(-SECOND) })],
  ['rfc5280::validity::expired-leaf', 'refuse', 'chain.expired', odd({ notAfter: at(-SECOND) })],
  ['rfc5280::validity::notbefore-exact', 'accept', 'allow', during(MARCH, APRIL, MARCH)],
  [
    'rfc5280::validity::notbefore-fractional',
    'refuse',
    'chain.not-yet-valid',
    during('2026-03-01T00:00:01Z', APRIL, '2026-03-01T00:00:00.999Z'),
  ],
  ['rfc5280::validity::notafter-exact', 'accept', 'allow', during(MARCH, APRIL, APRIL)],
  ['rfc5280::validity::notafter-fractional', 'accept', 'allow', during(MARCH, APRIL, '2026-04-01T00:00:00.005Z')],
  ['rfc9881::ml-dsa-44', 'accept', 'allow', mlDsa(44)],
  ['rfc9881::ml-dsa-65', 'accept', 'allow', mlDsa(65)],
  ['rfc9881::ml-dsa-87', 'accept', 'allow', mlDsa(87)],
  ['rfc9881::ml-dsa-44-bad-signature', 'refuse', 'chain.signature', mlDsa(44, { broken: 'flipped' })],
  [
    'rfc9881::ml-dsa-44-key-encipherment',
    'refuse',
    'chain.key-usage',
    mlDsa(44, { keyUsage: ['digitalSignature', 'keyEncipherment'] }),
  ],
  [
    'rfc9881::ml-dsa-44-key-agreement',
    'refuse',
    'chain.key-usage',
    mlDsa(44, { keyUsage: ['digitalSignature', 'keyAgreement'] }),
  ],
  ['a second after notAfter', 'refuse', 'chain.expired', during(MARCH, APRIL, '2026-04-01T00:00:01Z')],
];

const hint = 'a hint for finding issuers; OpenSSL before 3.2 leaves it out, public intermediates in use lack it';

describeLedger('x509-limbo: rfc5280', ROWS, {
  'pathlen::validation-ignores-pathlen-in-leaf': 'a leaf is no CA; limbo refuses the same in webpki::ca-as-leaf',
  'rfc5280::ca-as-leaf': 'the same',
  'rfc5280::root-non-critical-basic-constraints': 'a duty of CAs; what it says is processed either way',
  'rfc5280::aki::leaf-missing-aki': hint,
  'rfc5280::aki::intermediate-missing-aki': hint,
  'rfc5280::aki::cross-signed-root-missing-aki': hint,
  'rfc5280::ski::root-missing-ski': `${hint}; so does a root of the public set`,
  'rfc5280::ski::intermediate-missing-ski': hint,
  'rfc5280::san::underscore-dns': 'private CAs issue them, and the host that is asked for has one',
});
