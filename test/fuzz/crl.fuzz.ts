/** CRLs that are nearly right: always an answer, and a changed one is never believed. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DEFAULT_MAX_CRL_AGE_MS, judgeCrls } from '../../src/pki/crl/check.ts';
import { parseCrl, revocationOf } from '../../src/pki/crl/parse.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';
import { createSignatureMemory, verifySignature } from '../../src/pki/x509/signature.ts';
import { issuingPoint, makeCrl } from '../support/crl-maker.ts';
import { mangled } from '../support/mangled.ts';
import { authority, type Issued } from '../support/test-ca.ts';

const AT = Date.UTC(2026, 0, 1);
const URI = 'http://crl.test/';
const root = authority({ at: AT });
const leaf = root.issueLeaf({ dns: ['a.test'], crlUris: [URI] });
const revoked = [{ serial: leaf.serial, reason: 1 }, { serial: Buffer.from([5]) }];
const full = makeCrl(root, { atMs: AT, revoked, extensions: [issuingPoint({ uris: [URI], onlyUsers: true })] });
const plain = makeCrl(root, { atMs: AT, version: null, nextUpdateMs: null });

function parsed(issued: Issued) {
  const certificate = parseCertificate(issued.der);
  if (!certificate.ok) throw new Error(certificate.why);
  return certificate.value;
}

const certificate = parsed(leaf);
const issuers = [parsed(root)];

it('never throws, and what it lists can be looked up', () => {
  fc.assert(
    fc.property(mangled([full, plain]), (bytes) => {
      const crl = parseCrl(bytes);
      if (!crl.ok) {
        expect(crl.offset).toBeLessThanOrEqual(bytes.length);
        return;
      }
      for (const serial of crl.value.revoked.keys()) {
        expect(revocationOf(crl.value, Buffer.from(serial, 'latin1'))).not.toBeNull();
      }
    }),
    { numRuns: 3000 },
  );
});

it('what it says cannot be changed', () => {
  fc.assert(
    fc.property(fc.nat({ max: full.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(full);
      changed[at] = (changed[at] ?? 0) ^ flip;
      const crl = parseCrl(changed);
      if (!crl.ok) return;
      const judgement = judgeCrls({
        certificate,
        issuers,
        crls: [crl.value],
        nowMs: AT,
        maxAgeMs: DEFAULT_MAX_CRL_AGE_MS,
        profile: 'public',
        memory: createSignatureMemory(1),
        verify: verifySignature,
      });
      expect(['none', 'invalid']).toContain(judgement.is);
    }),
    { numRuns: 2000 },
  );
});
