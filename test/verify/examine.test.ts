/** What "verified" means, from the outside: chains that must be refused first, then those that must pass. */
import { describe, expect, it } from 'vitest';
import type { Code } from '../../src/model/codes.ts';
import { CHECKS } from '../../src/model/outcome.ts';
import { EKU } from '../support/extensions.ts';
import { authority, forgeIssuer, type Issued, selfSigned } from '../support/test-ca.ts';
import { AT, AT_MS, certificateOf, DAY_MS, evidenceOf, pinOf, ruleOf, say, trustOf, verify } from './verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter' });
const leaf = inter.issueLeaf({ dns: ['good.test'] });
const rogue = authority({ cn: 'Rogue Root', at: AT });
const rogueInter = rogue.issueCa({ cn: 'Rogue Inter' });
const trust = trustOf({ anchors: [root] });

const blocked = (chain: readonly (Issued | Buffer)[], use = trust): string => say(verify(evidenceOf(chain), use));

describe('a chain that does not verify', () => {
  it('is empty, resumed, too large or malformed', () => {
    expect(blocked([])).toBe('block chain.empty');
    expect(say(verify(evidenceOf([], { resumed: true }), trust))).toBe('block tls.resumed');
    expect(say(verify(evidenceOf([leaf, inter], { resumed: true }), trust))).toBe('block tls.resumed');
    expect(blocked([leaf, ...Array.from({ length: 299 }, () => inter)])).toBe('block chain.too-large');
    expect(blocked([leaf, inter, Buffer.alloc(102_400)])).toBe('block chain.too-large');
    expect(blocked([Buffer.from('3000', 'hex'), inter])).toBe('block chain.malformed');
  });

  it.each<readonly [Code, readonly (Issued | Buffer)[]]>([
    ['chain.expired', [inter.issueLeaf({ dns: ['good.test'], notAfter: AT_MS - 1000 }), inter]],
    ['chain.not-yet-valid', [inter.issueLeaf({ dns: ['good.test'], notBefore: AT_MS + 1000 }), inter]],
    ['chain.incomplete', [leaf]],
    ['chain.self-signed', [selfSigned({ dns: ['good.test'], at: AT })]],
    ['chain.self-signed', [selfSigned({ dns: ['good.test'], at: AT, ca: true })]],
    ['chain.private-root', [rogueInter.issueLeaf({ dns: ['good.test'] }), rogueInter, rogue]],
    ['chain.signature', [inter.issueLeaf({ dns: ['good.test'], broken: 'flipped' }), inter]],
    ['chain.signature', [inter.issueLeaf({ dns: ['good.test'], broken: 'junk' }), inter]],
    ['chain.weak-signature', [inter.issueLeaf({ dns: ['good.test'], signature: 'sha1' }), inter]],
    ['chain.weak-key', [inter.issueLeaf({ dns: ['good.test'], key: 'rsa1024' }), inter]],
    ['chain.leaf-is-ca', [inter.issueLeaf({ dns: ['good.test'], ca: true }), inter]],
    [
      'chain.leaf-is-ca',
      [inter.issueLeaf({ dns: ['good.test'], keyUsage: ['digitalSignature', 'keyCertSign'] }), inter],
    ],
    ['chain.extended-key-usage', [inter.issueLeaf({ dns: ['good.test'], extendedKeyUsage: [EKU.clientAuth] }), inter]],
    ['chain.key-usage', [inter.issueLeaf({ dns: ['good.test'], keyUsage: ['cRLSign'] }), inter]],
    ['chain.critical-extension', [inter.issueLeaf({ dns: ['good.test'], unknownCritical: true }), inter]],
    ['chain.critical-extension', [inter.issueLeaf({ dns: ['good.test'], ctPoison: true }), inter]],
    ['chain.malformed', [inter.issueLeaf({ dns: ['good.test'], serial: 0 }), inter]],
    ['identity.mismatch', [inter.issueLeaf({ dns: ['other.test'] }), inter]],
    ['identity.no-san', [inter.issueLeaf({ cn: 'good.test' }), inter]],
  ])('blocks with %s', (code, chain) => {
    expect(blocked(chain)).toBe(`block ${code}`);
  });

  it('has a wildcard over a public suffix', () => {
    const wide = evidenceOf([inter.issueLeaf({ dns: ['*.co.uk'] }), inter], { authority: authorityOf('x.co.uk') });
    expect(say(verify(wide, trust))).toBe('block identity.public-suffix');
  });

  it.each<readonly [Code, Parameters<Issued['issueCa']>[0]]>([
    ['chain.expired', { notAfter: AT_MS - 1000 }],
    ['chain.invalid-ca', { ca: false }],
    ['chain.invalid-ca', { ca: null }],
    ['chain.key-usage', { keyUsage: ['cRLSign'] }],
    ['chain.extended-key-usage', { extendedKeyUsage: [EKU.clientAuth] }],
    ['chain.critical-extension', { unknownCritical: true }],
    ['chain.malformed-issuer', { serial: Buffer.from([0xff]) }],
    ['chain.weak-key', { key: 'rsa1024' }],
  ])('blocks with %s for its intermediate', (code, spec) => {
    const bad = root.issueCa({ cn: 'Bad', ...spec });
    expect(blocked([bad.issueLeaf({ dns: ['good.test'] }), bad])).toBe(`block ${code}`);
  });

  it('has an old, constrained, distrusted or expired anchor', () => {
    const chainOf = (top: Issued): readonly Issued[] => [top.issueLeaf({ dns: ['good.test'] })];
    const expired = authority({ cn: 'Old', at: AT, notAfter: AT_MS - 1000 });
    expect(blocked(chainOf(expired), trustOf({ anchors: [expired] }))).toBe('block chain.expired');
    const constrained = authority({ cn: 'C', at: AT, nameConstraints: { permitted: { dns: ['other.test'] } } });
    expect(blocked(chainOf(constrained), trustOf({ anchors: [constrained] }))).toBe('block chain.name-constraints');
    const distrusted = { certificate: certificateOf(root), distrustAfterMs: AT_MS - 365 * DAY_MS };
    expect(blocked([leaf, inter], trustOf({ anchors: [distrusted] }))).toBe('block chain.distrusted');
  });

  it('violates the path length of an issuer', () => {
    const short = root.issueCa({ cn: 'Short', pathLength: 0 });
    const below = short.issueCa({ cn: 'Below' });
    expect(blocked([below.issueLeaf({ dns: ['good.test'] }), below, short])).toBe('block chain.path-length');
  });

  it('names the leaf that was sent when no path leads anywhere, and none when it cannot be read', () => {
    const leafOf = (chain: readonly (Issued | Buffer)[]) => verify(evidenceOf(chain), trust).report.leaf;
    const orphan = rogueInter.issueLeaf({ dns: ['good.test'] });
    expect(leafOf([orphan])?.der.bytes).toEqual(orphan.der);
    expect(leafOf([Buffer.from('3000', 'hex'), inter])).toBeNull();
    expect(leafOf([])).toBeNull();
  });

  it('explains a chain to a root that is not configured, and names the root', () => {
    const { report } = verify(evidenceOf([rogueInter.issueLeaf({ dns: ['good.test'] }), rogueInter, rogue]), trust);
    expect(report.findings).toMatchObject([
      { code: 'chain.private-root', facts: { root: 'CN=Rogue Root', known: 'presented' } },
    ]);
    expect(report.path).toBeNull();
    expect(report.explanatoryPath).toHaveLength(3);
    const publicly = trustOf({ anchors: [root], publicRoots: [rogue] });
    const known = verify(evidenceOf([rogueInter.issueLeaf({ dns: ['good.test'] }), rogueInter]), publicly);
    expect(known.report.findings[0]?.facts['known']).toBe('public');
  });

  it("comes from the proxy's own CA, also when the machine trusts it", () => {
    const own = authority({ cn: 'Pinwarden', at: AT });
    const minted = own.issueLeaf({ dns: ['good.test'] });
    expect(blocked([minted, own], trustOf({ anchors: [root], own }))).toBe('block chain.own-ca');
    expect(blocked([minted], trustOf({ anchors: [root], own }))).toBe('block chain.own-ca');
    expect(blocked([minted], trustOf({ anchors: [root, own], own }))).toBe('block chain.own-ca');
    expect(blocked([own], trustOf({ anchors: [root, own], own }))).toBe('block chain.own-ca');
  });

  it('is accepted by us and refused by OpenSSL', () => {
    const disagreed = evidenceOf([leaf, inter], { openssl: 'CERT_SIGNATURE_FAILURE' });
    expect(say(verify(disagreed, trust))).toBe('block chain.validators-disagree');
    const both = evidenceOf([leaf], { openssl: 'UNABLE_TO_GET_ISSUER_CERT' });
    expect(say(verify(both, trust))).toBe('block chain.incomplete');
  });

  it('has no anchors at all', () => {
    expect(blocked([leaf, inter], trustOf({}))).toBe('block chain.incomplete');
    expect(blocked([leaf, inter, root], trustOf({}))).toBe('block chain.private-root');
    const none = { ...trust, anchorSets: new Map() };
    expect(blocked([leaf, inter], none)).toBe('block chain.incomplete');
  });

  it('reports every finding, the most specific first', () => {
    const bad = rogueInter.issueLeaf({ dns: ['other.test'], notAfter: AT_MS - 1000 });
    const { report } = verify(evidenceOf([bad, rogueInter, rogue]), trust);
    expect(report.findings.map((entry) => entry.code)).toEqual([
      'identity.mismatch',
      'chain.expired',
      'chain.private-root',
    ]);
    expect(report.headline).toBe('identity.mismatch');
  });

  it('says of a malformed intermediate that it is missing', () => {
    const { report } = verify(evidenceOf([leaf, Buffer.from('30030201', 'hex')]), trust);
    expect(report.headline).toBe('chain.incomplete');
    expect(report.findings.map((entry) => entry.code)).toContain('chain.malformed-issuer');
  });
});

describe('a chain that verifies', () => {
  it('is allowed, with every check reported', () => {
    const { report, verdict } = verify(evidenceOf([leaf, inter]), trust);
    expect(verdict).toMatchObject({ kind: 'permit', verdict: 'allow', code: null });
    expect(Object.keys(report.outcomes)).toEqual([...CHECKS]);
    expect(report.outcomes.chain).toMatchObject({ is: 'pass', facts: { anchor: 'CN=Root', depth: 3 } });
    expect(report.outcomes.pins).toEqual({ is: 'absent', why: 'no-pins' });
    expect(report.outcomes.ct).toEqual({ is: 'skipped', why: 'off' });
    expect(report.path?.map((one) => one.subject.text)).toEqual(['CN=good.test', 'CN=Inter', 'CN=Root']);
  });

  it('may be reversed, doubled, padded, completed from our pool, and carry the root', () => {
    const junk = Array.from({ length: 10 }, (_, index) => authority({ cn: `Junk ${index}`, at: AT }));
    expect(blocked([leaf, root, inter])).toBe('allow');
    expect(blocked([leaf, inter, inter, leaf, root, ...junk, Buffer.from('junk')])).toBe('allow');
    expect(say(verify(evidenceOf([leaf], { completing: evidenceOf([inter]).chain }), trust))).toBe('allow');
  });

  it('is valid at both ends of its validity', () => {
    const edge = inter.issueLeaf({ dns: ['good.test'], notBefore: AT_MS, notAfter: AT_MS });
    expect(blocked([edge, inter])).toBe('allow');
  });

  it('takes the valid one of two cross-signs', () => {
    const oldRoot = authority({ cn: 'AddTrust', at: AT, notAfter: AT_MS - 1000 });
    const cross = oldRoot.crossSign(root, { notAfter: AT_MS - 1000 });
    const both = trustOf({ anchors: [oldRoot, root] });
    expect(blocked([leaf, inter, cross], both)).toBe('allow');
    expect(blocked([leaf, inter, cross], trustOf({ anchors: [oldRoot] }))).toBe('block chain.expired');
  });

  it('may be a self-signed certificate that was made an anchor', () => {
    const alone = selfSigned({ dns: ['good.test'], at: AT, ca: true });
    expect(blocked([alone], trustOf({ anchors: [alone] }))).toBe('allow');
    const expired = selfSigned({ dns: ['good.test'], at: AT, notAfter: AT_MS - 1000 });
    expect(blocked([expired], trustOf({ anchors: [expired] }))).toBe('block chain.expired');
    expect(blocked([leaf], trustOf({ anchors: [leaf] }))).toBe('block chain.incomplete');
  });

  it('is asked for more below a public anchor', () => {
    const bare = inter.issueLeaf({ dns: ['good.test'], extendedKeyUsage: null });
    const any = inter.issueLeaf({ dns: ['good.test'], extendedKeyUsage: [EKU.serverAuth, EKU.any] });
    const publicly = trustOf({ anchors: [root], publicRoots: [root] });
    for (const one of [bare, any]) {
      expect(blocked([one, inter])).toBe('allow');
      expect(blocked([one, inter], publicly)).toBe('block chain.extended-key-usage');
    }
    expect(blocked([leaf, inter], publicly)).toBe('allow');
  });

  it('is matched by address only against addresses', () => {
    const addressed = inter.issueLeaf({ cn: 'x', ip: ['192.0.2.1'] });
    const named = inter.issueLeaf({ dns: ['192.0.2.1'] });
    const at = (one: Issued) =>
      say(verify(evidenceOf([one, inter], { authority: { host: '192.0.2.1', kind: 'ipv4', port: 443 } }), trust));
    expect(at(addressed)).toBe('allow');
    expect(at(named)).toBe('block identity.mismatch');
  });
});

describe('bypass', () => {
  it('judges nothing and says so', () => {
    const rule = ruleOf({ mode: 'bypass', reason: 'test' });
    const { report, verdict } = verify(evidenceOf([]), trust, rule);
    expect(verdict).toMatchObject({ kind: 'permit', verdict: 'allow', code: null });
    for (const check of CHECKS) expect(report.outcomes[check]).toEqual({ is: 'skipped', why: 'mode-bypass' });
  });
});

describe('forged issuers', () => {
  const pinned = authority({ cn: 'Pinned', at: AT });
  const rule = ruleOf({ pins: { anyOf: [pinOf(pinned)], noneOf: [] } });

  it('do not carry a pin into the path', () => {
    const forgedRoot = forgeIssuer(root, pinned.spki);
    const forgedInter = forgeIssuer(inter, pinned.spki);
    for (const chain of [
      [leaf, inter, forgedRoot],
      [leaf, forgedRoot, inter],
      [leaf, forgedInter, inter],
      [leaf, inter, pinned],
    ]) {
      expect(say(verify(evidenceOf(chain), trust, rule))).toBe('block pin.mismatch');
    }
  });

  it('do not change the diagnosis of a chain that lacks its issuer', () => {
    expect(blocked([leaf])).toBe('block chain.incomplete');
    expect(blocked([leaf, forgeIssuer(inter, pinned.spki)])).toBe('block chain.incomplete');
  });
});

function authorityOf(host: string) {
  return { host, kind: 'name', port: 443 } as const;
}
