import { describe, expect, it } from 'vitest';
import { acceptAnswer, NOTHING_FETCHED, readFetched, withFetched } from '../../src/runtime/fetched.ts';
import { makeCrl } from '../support/crl-maker.ts';
import { authority, pem } from '../support/test-ca.ts';
import { trustOf } from '../verify/verify-cases.ts';
import { AT, AT_MS, crlOf, DAY_MS, inter, leaf, root, wantedCrl, wantedIssuer } from './fetch-cases.ts';

const impostor = authority({ subject: inter.subject, at: AT });

describe('an answer', () => {
  it.each<readonly [string, ReturnType<typeof wantedCrl>, Buffer]>([
    ['nothing', wantedCrl(), Buffer.alloc(0)],
    ['junk', wantedCrl(), Buffer.from('<html>')],
    ['PEM of something else', wantedCrl(), Buffer.from(pem('CERTIFICATE', inter.der))],
    ['broken PEM', wantedCrl(), Buffer.from('-----BEGIN X509 CRL-----\n')],
    ['the CRL of another CA', wantedCrl(), crlOf(root)],
    ['a CRL that another key signed', wantedCrl(), crlOf(impostor)],
    ['a CRL with a broken signature', wantedCrl(), makeCrl(inter, { atMs: AT_MS, broken: true })],
    ['a certificate instead of a CRL', wantedCrl(), inter.der],
    ['junk for an issuer', wantedIssuer(), Buffer.from('x')],
    ['another CA for an issuer', wantedIssuer(), root.der],
    ['a forged issuer', wantedIssuer(), impostor.der],
    ['an issuer of a certificate that does not parse', { ...wantedIssuer(), certificate: Buffer.from('x') }, inter.der],
  ])('is refused: %s', (_what, wanted, answer) => {
    expect(acceptAnswer(wanted, answer, null)).toBeNull();
  });

  it('is refused when it is older than what is held', () => {
    const held = AT_MS - DAY_MS;
    expect(acceptAnswer(wantedCrl(), crlOf(), held)).not.toBeNull();
    expect(acceptAnswer(wantedCrl(), crlOf(), held + 1)).toBeNull();
  });

  it('is taken in DER and in PEM', () => {
    const crl = { kind: 'crl', bytes: crlOf(), thisUpdateMs: AT_MS - DAY_MS, nextUpdateMs: AT_MS + 5 * DAY_MS };
    const der = crlOf();
    expect(acceptAnswer(wantedCrl(), der, null)).toEqual({ ...crl, bytes: der });
    expect(acceptAnswer(wantedCrl(), Buffer.from(pem('X509 CRL', der)), null)).toEqual({ ...crl, bytes: der });
    expect(acceptAnswer(wantedIssuer(), inter.der, null)).toEqual({ kind: 'issuer', bytes: inter.der });
  });
});

describe('what was fetched', () => {
  it('stands beside what the operator gave', () => {
    const own = readFetched({ crls: [crlOf()], issuers: [] }).crls;
    const trust = trustOf({ anchors: [root] }, { crls: own });
    expect(withFetched(trust, NOTHING_FETCHED)).toBe(trust);
    const fetched = readFetched({
      crls: [crlOf(), crlOf(root), Buffer.from('x')],
      issuers: [inter.der, leaf.der.subarray(1)],
    });
    const both = withFetched(trust, fetched);
    expect([...both.crls.values()].map((list) => list.length)).toEqual([2, 1]);
    expect(both.sha256).not.toBe(trust.sha256);
    expect(fetched.issuers.map(({ subject }) => subject.text)).toEqual(['CN=Inter']);
  });

  it('is parsed once', () => {
    const [one, two] = [crlOf(), crlOf(root)];
    const before = readFetched({ crls: [one], issuers: [] });
    const after = readFetched({ crls: [one, two], issuers: [] }, before);
    const of = (fetched: typeof before) => [...fetched.crls.values()][0]?.[0];
    expect(of(after)).toBe(of(before));
    expect(after.crls.size).toBe(2);
  });
});
