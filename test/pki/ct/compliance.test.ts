import { describe, expect, it } from 'vitest';
import { type CtQuestion, judgeTransparency, SCT_SKEW_MS } from '../../../src/pki/ct/compliance.ts';
import { DEFAULT_MAX_LOG_LIST_AGE_MS, MIMIC_LOG_IDS } from '../../../src/pki/ct/log-list.ts';
import type { Certificate } from '../../../src/pki/x509/certificate.ts';
import { parseCertificate } from '../../../src/pki/x509/parse.ts';
import { createSignatureMemory } from '../../../src/pki/x509/signature.ts';
import { embeddedScts, parsedList, sctList, type TestLog, testLog } from '../../support/ct-log.ts';
import { authority, type Issued, type Spec } from '../../support/test-ca.ts';

const AT = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;
const root = authority({ cn: 'Root', at: AT });
const one = testLog({ operator: 'One' });
const two = testLog({ operator: 'Two', tiled: true });
const LEAF_INDEX = { extensions: Buffer.from([0, 0, 5, 0, 0, 0, 0, 7]) };

function parsed(issued: Issued): Certificate {
  const certificate = parseCertificate(issued.der);
  if (!certificate.ok) throw new Error(certificate.why);
  return certificate.value;
}

const issue = (spec: Spec): Certificate => parsed(root.issueLeaf({ dns: ['a.test'], ...spec }));
const logged = (logs: readonly TestLog[], atMs = AT - DAY_MS) => issue({ sctList: embeddedScts(logs, atMs) });

function ask(leaf: Certificate, logs: readonly TestLog[] = [one, two], more: Partial<CtQuestion> = {}) {
  return judgeTransparency({
    leaf,
    issuer: parsed(root),
    scope: 'public',
    ocspSctList: null,
    list: parsedList(logs, AT),
    profile: { name: 'chrome' },
    seenAtMs: AT,
    nowMs: AT,
    maxListAgeMs: DEFAULT_MAX_LOG_LIST_AGE_MS,
    memory: createSignatureMemory(100),
    ...more,
  });
}

const verdicts = (judgement: ReturnType<typeof ask>) => judgement.scts.map((sct) => sct.verdict);

describe('judgeTransparency', () => {
  it('does not apply below a private anchor', () => {
    expect(ask(logged([one, two]), [one, two], { scope: 'private' }).is).toBe('not-applicable');
  });

  it('says what is missing: SCTs, a list, a fresh list', () => {
    expect(ask(issue({})).is).toBe('no-scts');
    expect(ask(logged([one, two]), [], { list: null }).is).toBe('no-list');
    expect(ask(logged([one, two]), [one, two], { nowMs: AT + 71 * DAY_MS }).is).toBe('list-stale');
  });

  it('a malformed list is invalid, and says why', () => {
    expect(ask(issue({ sctList: Buffer.from([0, 9]) }))).toMatchObject({
      is: 'invalid',
      malformed: expect.any(String),
    });
  });

  it('logs that nobody listed, or that are not accepted, are unknown', () => {
    expect(ask(logged([testLog(), testLog()]))).toMatchObject({ is: 'no-known-log' });
    const states = [null, ['pending', '2026-01-01T00:00:00Z'], ['rejected', '2026-01-01T00:00:00Z']] as const;
    const logs = states.map((state) => testLog({ state }));
    const judgement = ask(logged(logs), logs);
    expect(judgement.is).toBe('no-known-log');
    expect(verdicts(judgement)).toEqual(['log-not-accepted', 'log-not-accepted', 'log-not-accepted']);
  });

  it('names the mimic logs', () => {
    const [mimic = ''] = MIMIC_LOG_IDS;
    const list = embeddedScts([one], AT);
    const leaf = issue({
      sctList: (tbs, issuer) => {
        const bytes = list(tbs, issuer);
        Buffer.from(mimic, 'base64').copy(bytes, 5);
        return bytes;
      },
    });
    const judgement = ask(leaf);
    expect(judgement.is).toBe('no-known-log');
    expect(verdicts(judgement)).toEqual(['mimic-log']);
  });

  it('a known log that did not sign this makes it invalid', () => {
    const leaf = issue({ sctList: embeddedScts([one, two], AT, { broken: true }) });
    expect(ask(leaf)).toMatchObject({ is: 'invalid', malformed: null });
    expect(verdicts(ask(leaf))).toEqual(['bad-signature', 'bad-signature']);
    expect(ask(issue({ sctList: embeddedScts([one, two], AT, { hash: 2 }) })).is).toBe('invalid');
    const other = parsed(authority({ cn: 'Root', at: AT }));
    expect(ask(logged([one, two]), [one, two], { issuer: other }).is).toBe('invalid');
  });

  it('does not count timestamps from the future, nor a notAfter outside of the interval of the log', () => {
    const judgement = ask(logged([one, two], AT + SCT_SKEW_MS + 1));
    expect(judgement).toMatchObject({ is: 'not-enough-scts', have: 0, need: 2 });
    expect(verdicts(judgement)).toEqual(['in-the-future', 'in-the-future']);
    const early = testLog({ interval: ['2026-01-01T00:00:00Z', '2026-08-30T00:00:00Z'] });
    const late = testLog({ interval: ['2026-08-30T00:00:01Z', '2027-01-01T00:00:00Z'] });
    expect(verdicts(ask(logged([early, late]), [early, late]))).toEqual(['outside-interval', 'outside-interval']);
  });

  it('says when a retired log came too late, or one operator gave all', () => {
    const retired = testLog({ operator: 'Two', state: ['retired', '2026-05-01T00:00:00Z'] });
    const judgement = ask(logged([one, retired]), [one, retired]);
    expect(judgement.is).toBe('not-enough-scts');
    expect(verdicts(judgement)).toEqual(['counted', 'log-retired']);
    const same = testLog({ operator: 'One' });
    expect(ask(logged([one, same]), [one, same])).toMatchObject({ is: 'not-diverse', have: 1, need: 2 });
  });

  it('is compliant, and stays so with more SCTs, whatever they are worth', () => {
    const judgement = ask(logged([one, two], AT + SCT_SKEW_MS));
    expect(judgement).toMatchObject({ is: 'compliant', have: null, need: null });
    expect(judgement.scts[1]).toMatchObject({
      log: 'log of Two',
      operator: 'Two',
      delivery: 'embedded',
      verdict: 'counted',
    });
    expect(ask(logged([one, two, testLog()])).is).toBe('compliant');
    const edge = testLog({ operator: 'Two', interval: ['2026-08-30T00:00:00Z', '2027-01-01T00:00:00Z'] });
    expect(ask(logged([one, edge]), [one, edge]).is).toBe('compliant');
  });

  it('takes the extensions of the static CT API into account', () => {
    expect(ask(issue({ sctList: embeddedScts([one, two], AT, LEAF_INDEX) })).is).toBe('compliant');
  });

  it('counts the SCTs of an OCSP response where the profile does', () => {
    const leaf = logged([one]);
    const entry = { type: 'x509', certificate: leaf.der.bytes } as const;
    const ocspSctList = sctList(two.sct(entry, AT - DAY_MS));
    const chrome = ask(leaf, [one, two], { ocspSctList });
    expect(chrome.is).toBe('not-enough-scts');
    expect(verdicts(chrome)).toEqual(['counted', 'delivery-not-counted']);
    expect(ask(leaf, [one, two], { ocspSctList, profile: { name: 'apple' } }).is).toBe('compliant');
    const broken = ask(leaf, [one, two], { ocspSctList: Buffer.from([1]), profile: { name: 'apple' } });
    expect(broken).toMatchObject({ is: 'not-enough-scts', malformed: null });
    expect(ask(issue({}), [one, two], { ocspSctList }).is).toBe('invalid');
  });

  it('remembers what verified, and nothing that did not', () => {
    const memory = createSignatureMemory(100);
    const leaf = logged([one, two]);
    const other = logged([one, two]);
    expect(ask(leaf, [one, two], { memory }).is).toBe('compliant');
    expect(ask(leaf, [one, two], { memory }).is).toBe('compliant');
    const swapped = { ...other, extensions: { ...other.extensions, sctList: leaf.extensions.sctList! } };
    expect(ask(swapped, [one, two], { memory }).is).toBe('invalid');
  });
});
