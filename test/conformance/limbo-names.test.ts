/** x509-limbo, `rfc5280::nc`, `webpki::nc` and the CVEs about names: every question by its name there. */
import * as der from '../../src/pki/der/writer.ts';
import * as ext from '../support/extensions.ts';
import { authority, type Issued, type Spec } from '../support/test-ca.ts';
import { AT, type BatchCase, HOST } from './batch.ts';
import { describeLedger, type Row } from './ledger.ts';
import {
  alternate,
  constrained,
  critical,
  inter,
  leaf,
  odd,
  oddIssuer,
  oddRoot,
  publicly,
  tree,
} from './limbo-chains.ts';

const V4 = '192.0.2.0/24';
const named = (cn: string): Buffer => ext.distinguishedName([['CN', cn]]);
/** A GeneralName otherName of a private form. */
const OTHER = der.contextConstructed(0, der.oid('1.3.6.1.4.1.55555.3'), der.contextConstructed(0, der.nullValue()));

/** root with constraints → leaf. */
function bound(spec: ext.ConstraintsSpec, names: Spec, host = HOST, isCritical = true): BatchCase {
  const extensions = [ext.nameConstraints(spec, isCritical)];
  return oddRoot({ extensions }, { dns: undefined, ...names } as Spec, { host });
}

/** root with one raw tree of `form` → leaf. */
function boundRaw(form: number, content: Buffer, names: Spec, host: string): BatchCase {
  const value = der.sequence(der.contextConstructed(0, der.sequence(der.contextPrimitive(form, content))));
  return oddRoot({ extensions: [critical('2.5.29.30', value)] }, { dns: undefined, ...names } as Spec, { host });
}

/** root → ICA1 → ICA2 → leaf, with constraints at one of the first two and a forbidden name in ICA2. */
function nameOfIssuer(where: 'root' | 'first'): BatchCase {
  const spec = { permitted: tree(HOST), excluded: tree('forbidden.test') };
  const top = authority({ cn: 'Top', at: AT, ...(where === 'root' ? { nameConstraints: spec } : {}) });
  const first = top.issueCa({ cn: 'First', ...(where === 'first' ? { nameConstraints: spec } : {}) });
  const second = first.issueCa({ cn: 'Second', dns: ['forbidden.test'] });
  return { chain: [leaf({}, second), second, first], anchors: [top] };
}

function twoPermits(upper: readonly string[], lower: readonly string[]): BatchCase {
  const top = authority({ cn: 'Top', at: AT });
  const first = top.issueCa({ cn: 'First', nameConstraints: { permitted: { dns: upper } } });
  const second = first.issueCa({ cn: 'Second', nameConstraints: { permitted: { dns: lower } } });
  return { chain: [leaf({}, second), second, first], anchors: [top] };
}

function selfIssued(place: 'issuer' | 'leaf'): BatchCase {
  const top = authority({
    cn: 'not-example.test',
    dns: ['other.test'],
    at: AT,
    nameConstraints: { permitted: tree(HOST) },
  });
  if (place === 'issuer') {
    const rolled = top.issueCa({ subject: top.subject, dns: ['other.test'] });
    return { chain: [leaf({}, rolled), rolled], anchors: [top] };
  }
  const issuer = top.issueCa({ cn: 'Same', dns: ['other.test'] });
  return {
    chain: [issuer.issueLeaf({ subject: issuer.subject, dns: ['other.test'] }), issuer],
    anchors: [top],
    host: 'other.test',
  };
}

/** Two certificates of one CA below two roots; the one below `a` has a name that its issuer forbids. */
function forbiddenTwin(): BatchCase {
  const [a, b] = ['A', 'B'].map((cn) => authority({ cn, at: AT })) as [Issued, Issued];
  const strict = a.issueCa({ cn: 'Strict', nameConstraints: { excluded: tree('forbidden.test') } });
  const twin = strict.issueCa({ cn: 'Twin', dns: ['forbidden.test'] });
  const other = b.crossSign(twin, { dns: ['free.test'] });
  return { chain: [leaf({}, twin), strict, twin, other], anchors: [a, b] };
}

const bothEmpty = critical('2.5.29.30', der.sequence(der.contextConstructed(0), der.contextConstructed(1)));

const ROWS: readonly Row[] = [
  [
    'permitted-dns-mismatch',
    'refuse',
    'chain.name-constraints',
    bound({ permitted: tree(HOST) }, { dns: ['not-example.test'] }, 'not-example.test'),
  ],
  ['excluded-dns-match', 'refuse', 'chain.name-constraints', constrained({ excluded: tree(HOST) })],
  ['permitted-dns-match', 'accept', 'allow', bound({ permitted: tree(HOST) }, { dns: [HOST] })],
  [
    'permitted-dns-match-noncritical',
    'refuse',
    'allow',
    bound({ permitted: tree(HOST) }, { dns: [HOST] }, HOST, false),
  ],
  [
    'webpki::nc::permitted-dns-match-noncritical',
    'accept',
    'allow',
    { ...bound({ permitted: tree(HOST) }, { dns: [HOST] }, HOST, false), ...publicly },
  ],
  [
    'permitted-dns-match-more',
    'accept',
    'allow',
    bound({ permitted: tree(HOST) }, { dns: [`foo.bar.${HOST}`] }, `foo.bar.${HOST}`),
  ],
  [
    'excluded-dns-match-second',
    'refuse',
    'chain.name-constraints',
    bound({ excluded: tree(`not.${HOST}`) }, { dns: [HOST, `not.${HOST}`] }),
  ],
  [
    'permitted-ip-mismatch',
    'refuse',
    'chain.name-constraints',
    bound({ permitted: { ranges: [V4] } }, { ip: ['192.0.3.1'] }, '192.0.3.1'),
  ],
  [
    'excluded-ipv4-match',
    'refuse',
    'chain.name-constraints',
    bound({ excluded: { ranges: [V4] } }, { ip: ['192.0.2.1'] }, '192.0.2.1'),
  ],
  [
    'excluded-ipv6-match',
    'refuse',
    'chain.name-constraints',
    bound({ excluded: { ranges: ['::1/128'] } }, { ip: ['::1'] }, '::1'),
  ],
  [
    'permitted-ipv4-match',
    'accept',
    'allow',
    bound({ permitted: { ranges: [V4] } }, { ip: ['192.0.2.1'] }, '192.0.2.1'),
  ],
  ['permitted-ipv6-match', 'accept', 'allow', bound({ permitted: { ranges: ['::1/128'] } }, { ip: ['::1'] }, '::1')],
  [
    'permitted-dn-mismatch',
    'refuse',
    'chain.name-constraints',
    bound({ permitted: { directory: [named('foo')] } }, { cn: 'not-foo', dns: [HOST], directory: [named('not-foo')] }),
  ],
  [
    'excluded-dn-match',
    'refuse',
    'chain.name-constraints',
    bound({ excluded: { directory: [named('foo')] } }, { cn: 'foo', dns: [HOST], directory: [named('foo')] }),
  ],
  [
    'permitted-dn-match',
    'accept',
    'allow',
    bound({ permitted: { directory: [named('foo')] } }, { cn: 'foo', dns: [HOST], directory: [named('foo')] }),
  ],
  [
    'permitted-dn-match-subject-san-mismatch',
    'refuse',
    'chain.name-constraints',
    bound({ permitted: { directory: [named('foo')] } }, { cn: 'not-foo', dns: [HOST], directory: [named('foo')] }),
  ],
  [
    'excluded-dn-match-sub-mismatch',
    'refuse',
    'chain.name-constraints',
    bound({ excluded: { directory: [named('foo')] } }, { cn: 'foo', dns: [HOST], directory: [named('not-foo')] }),
  ],
  ['permitted-self-issued', 'accept', 'allow', selfIssued('issuer')],
  ['excluded-self-issued-leaf', 'refuse', 'chain.name-constraints', selfIssued('leaf')],
  [
    'excluded-match-permitted-and-excluded',
    'refuse',
    'chain.name-constraints',
    bound({ permitted: tree(HOST), excluded: tree(HOST) }, { dns: [HOST] }),
  ],
  ['permitted-different-constraint-type', 'accept', 'allow', bound({ permitted: { ranges: [V4] } }, { dns: [HOST] })],
  ['excluded-different-constraint-type', 'accept', 'allow', bound({ excluded: { ranges: [V4] } }, { dns: [HOST] })],
  [
    'invalid-dnsname-wildcard',
    'refuse',
    'chain.name-constraints',
    bound({ permitted: tree(`*.${HOST}`) }, { dns: [`foo.${HOST}`] }, `foo.${HOST}`),
  ],
  [
    'invalid-dnsname-leading-period',
    'refuse',
    'chain.name-constraints',
    bound({ permitted: tree(`.${HOST}`) }, { dns: [`foo.${HOST}`] }, `foo.${HOST}`),
  ],
  [
    'invalid-ipv4-address',
    'refuse',
    'chain.malformed-issuer',
    boundRaw(7, Buffer.from([127, 0, 0, 1]), { ip: ['127.0.0.1'] }, '127.0.0.1'),
  ],
  ['invalid-ipv6-address', 'refuse', 'chain.malformed-issuer', boundRaw(7, ext.ipBytes('::1'), { ip: ['::1'] }, '::1')],
  [
    'invalid-email-address',
    'refuse',
    'chain.name-constraints',
    boundRaw(1, Buffer.from('a@b@example.test'), { dns: [HOST], email: ['x@example.test'] }, HOST),
  ],
  [
    'not-allowed-in-ee-noncritical',
    'refuse',
    'chain.name-constraints',
    odd({ extensions: [ext.nameConstraints({ permitted: tree(HOST) }, false)] }),
  ],
  [
    'not-allowed-in-ee-critical',
    'refuse',
    'chain.name-constraints',
    odd({ nameConstraints: { permitted: tree(HOST) } }),
  ],
  ['intermediate-with-san-rejected-by-intermediate-nc', 'refuse', 'chain.name-constraints', nameOfIssuer('first')],
  ['intermediate-with-san-rejected-by-root-nc', 'refuse', 'chain.name-constraints', nameOfIssuer('root')],
  [
    'restrictive-permits-in-intermediates-narrows',
    'refuse',
    'chain.name-constraints',
    twoPermits([HOST, 'bar.test'], ['bar.test']),
  ],
  [
    'restrictive-permits-in-intermediates-widens',
    'refuse',
    'chain.name-constraints',
    twoPermits(['bar.test'], [HOST, 'bar.test']),
  ],
  [
    'nc-permits-invalid-dns-san',
    'refuse',
    'chain.name-constraints',
    constrained({ permitted: tree(HOST) }, { dns: [`.${HOST}`, `foo.${HOST}`] }, { host: `foo.${HOST}` }),
  ],
  [
    'nc-permits-invalid-ip-san',
    'refuse',
    'chain.malformed',
    constrained(
      { permitted: { ranges: [V4] } },
      { rawNames: [der.contextPrimitive(7, Buffer.from([192, 0, 2, 0, 255, 255, 255, 0]))] },
    ),
  ],
  [
    'nc-permits-invalid-email-san',
    'refuse',
    'chain.name-constraints',
    constrained({ permitted: { email: ['example.test'] } }, { email: ['good@example.test', 'a@b@example.test'] }),
  ],
  ['nc-forbids-alternate-chain-ica', 'accept', 'allow', alternate()],
  ['nc-forbids-same-chain-ica', 'accept', 'allow', forbiddenTwin()],
  [
    'nc-permits-email-exact',
    'accept',
    'allow',
    constrained({ permitted: { email: ['foo@example.test'] } }, { email: ['foo@example.test'] }),
  ],
  [
    'nc-permits-email-domain',
    'accept',
    'allow',
    constrained({ permitted: { email: ['example.test'] } }, { email: ['foo@example.test'] }),
  ],
  [
    'nc-forbids-othername',
    'refuse',
    'chain.name-constraints',
    constrained({ permitted: tree(HOST), excluded: { rawNames: [OTHER] } }, { rawNames: [OTHER] }),
  ],
  [
    'nc-forbids-othername-noop',
    'accept',
    'allow',
    constrained({ permitted: tree(HOST), excluded: { rawNames: [OTHER] } }),
  ],
  [
    'nc-forbids-dnsname-wildcard-san',
    'refuse',
    'chain.name-constraints',
    constrained({ excluded: tree(`bad.${HOST}`) }, { dns: [`*.${HOST}`] }, { host: `good.${HOST}` }),
  ],
  [
    'webpki::nc::intermediate-permitted-excluded-subtrees-both-null',
    'refuse',
    'chain.malformed-issuer',
    oddIssuer({ extensions: [critical('2.5.29.30', der.sequence())] }, {}, publicly),
  ],
  [
    'webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences',
    'refuse',
    'chain.malformed-issuer',
    oddIssuer({ extensions: [bothEmpty] }, {}, publicly),
  ],
  [
    'cve::cve-2025-61727',
    'refuse',
    'chain.name-constraints',
    constrained(
      { permitted: tree(HOST), excluded: tree(`bar.${HOST}`) },
      { dns: [`*.${HOST}`] },
      { host: `bar.${HOST}` },
    ),
  ],
  [
    'cve::cve-2025-61727-nc-permits-variant',
    'refuse',
    'chain.name-constraints',
    constrained({ permitted: tree(`foo.${HOST}`) }, { dns: [`*.${HOST}`] }, { host: `foo.${HOST}` }),
  ],
  [
    'a wildcard inside a permitted tree',
    'accept',
    'allow',
    { ...constrained({ permitted: tree(HOST) }, { dns: [`*.${HOST}`] }, { host: `foo.${HOST}` }) },
  ],
  [
    'a name that is not constrained and no host name',
    'accept',
    'allow',
    { chain: [leaf({ dns: [HOST, '{invalid}.test'] }), inter], anchors: odd({}).anchors },
  ],
];

describeLedger('x509-limbo: rfc5280::nc', ROWS, {
  'permitted-dns-match-noncritical':
    'the constraints bind either way; limbo itself wants it accepted in webpki::nc, and CAs of meshes issue it by default',
});
