import { expect, it } from 'vitest';
import { loadCrls, TrustError } from '../../src/runtime/crl-loader.ts';
import { makeCrl } from '../support/crl-maker.ts';
import { AT_MS } from '../support/entries.ts';
import { authority } from '../support/test-ca.ts';

const one = makeCrl(authority({ cn: 'One' }), { atMs: AT_MS });
const other = makeCrl(authority({ cn: 'Other' }), { atMs: AT_MS });
const pem = (der: Buffer) => `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`;

it('refuses what is no CRL, and names the file', () => {
  expect(() => loadCrls([{ file: '/a.crl', bytes: one.subarray(1) }])).toThrow(/^\/a\.crl: /);
  expect(() => loadCrls([{ file: '/a.pem', bytes: Buffer.from('-----BEGIN X509 CRL-----\nx') }])).toThrow(TrustError);
});

it('reads DER and PEM, by issuer', () => {
  const loaded = loadCrls([
    { file: '/a.crl', bytes: one },
    { file: '/b.pem', bytes: Buffer.from(pem(one) + pem(other)) },
  ]);
  expect([...loaded.crls.values()].map((crls) => crls.length)).toEqual([2, 1]);
  expect(loadCrls([{ file: '/a.crl', bytes: one }]).sha256).not.toBe(loadCrls([]).sha256);
});
