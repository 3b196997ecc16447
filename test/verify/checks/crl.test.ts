import { describe, expect, it } from 'vitest';
import type { Requirement } from '../../../src/model/outcome.ts';
import { type Crl, parseCrl } from '../../../src/pki/crl/parse.ts';
import { type CrlSpec, issuingPoint, makeCrl } from '../../support/crl-maker.ts';
import { EKU } from '../../support/extensions.ts';
import { authority, type Issued } from '../../support/test-ca.ts';
import { AT, AT_MS, DAY_MS, evidenceOf, ruleOf, say, trustOf, verify } from '../verify-cases.ts';

const root = authority({ cn: 'Root', at: AT });
const inter = root.issueCa({ cn: 'Inter' });
const leaf = inter.issueLeaf({ dns: ['good.test'] });

function crl(signer: Issued, spec: Partial<CrlSpec> = {}): Crl {
  const parsed = parseCrl(makeCrl(signer, { atMs: AT_MS, ...spec }));
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

function judged(crls: readonly Crl[], word: Requirement = 'if-present', of: Issued = leaf, nowMs = AT_MS) {
  const trust = trustOf({ anchors: [root] }, { crls: Map.groupBy(crls, (one) => one.issuerKey) });
  return verify(evidenceOf([of, inter]), trust, ruleOf({ checks: { crl: word } }), nowMs);
}

const outcome = (...args: Parameters<typeof judged>) => judged(...args).report.outcomes.crl;
const listing = (signer: Issued, ...of: readonly Issued[]) =>
  crl(signer, { revoked: of.map(({ serial }) => ({ serial, reason: 1 })) });

describe('CRLs', () => {
  it('a listed leaf and a listed intermediate block, whatever the rule does about failures', () => {
    const trust = trustOf(
      { anchors: [root] },
      { crls: new Map([[listing(inter, leaf).issuerKey, [listing(inter, leaf)]]]) },
    );
    const rule = ruleOf({ onFailure: 'alert', checks: { crl: 'if-present' } });
    expect(say(verify(evidenceOf([leaf, inter]), trust, rule))).toBe('block crl.revoked');
    expect(say(judged([listing(root, inter), crl(inter)]))).toBe('block crl.revoked');
    expect(outcome([listing(root, inter), listing(inter, leaf)])).toMatchObject({
      is: 'fail',
      findings: [
        {
          code: 'crl.revoked',
          facts: { subject: 'CN=good.test', serial: leaf.serial.toString('hex'), reason: 'keyCompromise' },
        },
        { code: 'crl.revoked', facts: { subject: 'CN=Inter' } },
      ],
    });
  });

  it.each([
    ['none', [], 'no-crl', 'crl.missing'],
    ['one of the intermediate only', [crl(root)], 'no-crl', 'crl.missing'],
    ['a stale one', [crl(inter, { nextUpdateMs: AT_MS - DAY_MS })], 'stale', 'crl.stale'],
    ['one with a broken signature', [crl(inter, { broken: true })], 'invalid', 'crl.invalid'],
  ])('%s is absence, which only `require` turns into a failure', (_, crls, why, code) => {
    expect(outcome(crls)).toMatchObject({ is: 'absent', why });
    expect(say(judged(crls))).toBe('allow');
    expect(say(judged(crls, 'require'))).toBe(`block ${code}`);
  });

  it('is not judged when off', () => {
    expect(outcome([listing(inter, leaf)], 'off')).toEqual({ is: 'skipped', why: 'off' });
  });

  it('has nothing to say when the leaf is the anchor', () => {
    const own = authority({
      cn: 'good.test',
      dns: ['good.test'],
      ca: false,
      at: AT,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [EKU.serverAuth],
    });
    const { report } = verify(evidenceOf([own]), trustOf({ anchors: [own] }), ruleOf({ checks: { crl: 'require' } }));
    expect(report.outcomes.crl).toEqual({ is: 'skipped', why: 'leaf-is-anchor' });
  });

  it('a leaf of at most seven days needs none, but may be listed', () => {
    const days = (more: number) =>
      inter.issueLeaf({ dns: ['good.test'], notBefore: AT_MS - DAY_MS, notAfter: AT_MS + 6 * DAY_MS + more });
    expect(outcome([], 'require', days(0))).toEqual({ is: 'skipped', why: 'short-lived' });
    expect(say(judged([], 'require', days(1000)))).toBe('block crl.missing');
    const short = days(0);
    expect(say(judged([listing(inter, short)], 'require', short))).toBe('block crl.revoked');
  });

  it('a leaf that is not listed passes, at the time of judging', () => {
    expect(outcome([crl(inter)], 'require')).toMatchObject({
      is: 'pass',
      facts: { crls: ['good CN=good.test', 'none CN=Inter'] },
    });
    expect(
      outcome([crl(inter), crl(root, { thisUpdateMs: AT_MS - 200 * DAY_MS, nextUpdateMs: null })], 'require'),
    ).toMatchObject({
      is: 'pass',
      facts: { crls: ['good CN=good.test', 'good CN=Inter'] },
    });
    expect(outcome([crl(inter)], 'require', leaf, AT_MS + 6 * DAY_MS)).toMatchObject({ is: 'fail', why: 'stale' });
  });

  it.each([
    ['is stale', crl(root, { nextUpdateMs: AT_MS - DAY_MS }), 'stale', 'crl.stale'],
    ['has a broken signature', crl(root, { broken: true }), 'invalid', 'crl.invalid'],
    ['is for users only', crl(root, { extensions: [issuingPoint({ onlyUsers: true })] }), 'no-crl', 'crl.missing'],
  ])('a CRL above the issuer that %s is absence too', (_, above, why, code) => {
    expect(outcome([crl(inter), above])).toMatchObject({ is: 'absent', why });
    expect(say(judged([crl(inter), above]))).toBe('allow');
    expect(say(judged([crl(inter), above], 'require'))).toBe(`block ${code}`);
    expect(say(judged([crl(inter), above, crl(root)], 'require'))).toBe('allow');
  });

  it('says of each certificate what its CRL is worth', () => {
    const crls = [crl(inter), crl(root, { broken: true })];
    expect(outcome(crls)).toMatchObject({ facts: { crls: ['good CN=good.test', 'invalid (signature) CN=Inter'] } });
  });
});
