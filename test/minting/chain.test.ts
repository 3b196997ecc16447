import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaError, loadCa } from '../../src/minting/ca.ts';
import { MAX_CHAIN, readChain } from '../../src/minting/chain.ts';
import { authority, type Issued } from '../support/test-ca.ts';
import { DAY_MS, NOW_MS } from './support.ts';

const root = authority({ at: NOW_MS, cn: 'Corp Root' });
const upper = root.issueCa({ cn: 'Upper', pathLength: 2, notAfter: NOW_MS + 900 * DAY_MS });
const lower = upper.issueCa({ cn: 'Lower', notAfter: NOW_MS + 50 * DAY_MS });
const own = lower.issueCa({ cn: 'Own', pathLength: 0 });

const load = (one: Issued) => loadCa(one.pem, one.keyPem, NOW_MS);
const pems = (...all: readonly Issued[]) => all.map(({ pem }) => pem).join('');
const read = (ca: Issued, ...issuers: readonly Issued[]) => readChain(load(ca), pems(...issuers), NOW_MS);

describe('refuses', () => {
  const middle = (fields: Parameters<Issued['issueCa']>[0]) => {
    const issuer = root.issueCa({ cn: 'Middle', ...fields });
    return [issuer.issueCa({ cn: 'Below' }), issuer] as const;
  };

  it.each([
    ['nothing', own, '', /no PEM block/],
    ['a key', own, own.keyPem, /is no certificate/],
    ['another CA', own, pems(upper), /"CN=Upper".* is not the issuer of "CN=Own", which names "CN=Lower"/],
    ['the wrong order', own, pems(upper, lower), /write the CA's issuer first/],
    ['a gap', own, pems(lower, root), /certificate 2 \("CN=Corp Root"\) is not the issuer/],
    ['the right name with another key', own, authority({ at: NOW_MS, cn: 'Lower' }).pem, /did not sign/],
    ['anything for a root', root, pems(upper), /is a root/],
    ['more than clients take', own, pems(...Array.from({ length: MAX_CHAIN + 2 }, () => lower)), /more than 8/],
  ])('%s', (_name, ca, text, why) => {
    expect(() => readChain(load(ca), text, NOW_MS)).toThrow(why);
  });

  it.each([
    ['one that is no CA', { ca: false }, /is not a CA/],
    ['one that may not sign', { keyUsage: ['cRLSign'] as const }, /keyUsage/],
    ['one that allows no CA below it', { pathLength: 0 }, /allows only 0 CAs below it/],
    ['one that has ended', { notAfter: NOW_MS - 1 }, /has expired/],
    ['one that has not begun', { notBefore: NOW_MS + 60_000 }, /not valid yet/],
    ['one with a weak key', { key: 'rsa1024' as const }, /clients refuse/],
  ])('%s', (_name, fields, why) => {
    const [below, issuer] = middle(fields);
    expect(() => read(below, issuer)).toThrow(why);
  });
});

describe('takes', () => {
  it('what issued the CA, in the order in which it is sent, with the end of the first that ends', () => {
    expect(read(own, lower, upper)).toEqual({ pem: pems(lower, upper), notAfterMs: NOW_MS + 50 * DAY_MS });
    expect(read(own, lower)).toMatchObject({ pem: lower.pem });
  });

  it('files with the CA before it and the root behind it, of which neither is sent again', () => {
    expect(read(own, own, lower, upper, root).pem).toBe(pems(lower, upper));
    expect(read(upper, root)).toEqual({ pem: '', notAfterMs: null });
    expect(read(root, root)).toEqual({ pem: '', notAfterMs: null });
  });
});

it('never throws anything but its own error', () => {
  const ca = load(own);
  fc.assert(
    fc.property(fc.string(), fc.nat(), (junk, cut) => {
      const whole = pems(lower, upper);
      const text = whole.slice(0, cut % whole.length) + junk + whole.slice(cut % whole.length);
      try {
        readChain(ca, text, NOW_MS);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(CaError);
      }
    }),
    { numRuns: 300 },
  );
});
