/** OCSP responses that are nearly right: always an answer, and a changed one is never believed. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseOcspResponse } from '../../src/pki/ocsp/response.ts';
import { DEFAULT_MAX_STAPLE_AGE_MS, judgeStaple, type StapleJudgement } from '../../src/pki/ocsp/staple.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';
import { createSignatureMemory, verifySignature } from '../../src/pki/x509/signature.ts';
import { EKU } from '../support/extensions.ts';
import { mangled } from '../support/mangled.ts';
import { errorResponse, ocspResponse, ocspScts } from '../support/ocsp-responder.ts';
import { authority, type Issued } from '../support/test-ca.ts';

const AT = Date.UTC(2026, 0, 1);
const root = authority({ at: AT });
const leaf = root.issueLeaf({ dns: ['a.test'] });
const responder = root.issueLeaf({ cn: 'Responder', extendedKeyUsage: [EKU.ocspSigning] });
const direct = ocspResponse(root, [{ certificate: leaf, extensions: [ocspScts(Buffer.alloc(3))] }], { atMs: AT });
const delegated = ocspResponse(
  responder,
  [
    { certificate: leaf, status: 'revoked', reason: 1 },
    { certificate: leaf, status: 'unknown', hash: 'sha256' },
  ],
  { atMs: AT, responderId: 'name', certificates: [responder.der], version: 0 },
);

function parsed(issued: Issued) {
  const certificate = parseCertificate(issued.der);
  if (!certificate.ok) throw new Error(certificate.why);
  return certificate.value;
}

const question = {
  leaf: parsed(leaf),
  issuer: parsed(root),
  atMs: AT,
  maxAgeMs: DEFAULT_MAX_STAPLE_AGE_MS,
  verify: verifySignature,
};

const judge = (staple: Buffer): StapleJudgement =>
  judgeStaple({ ...question, staple, memory: createSignatureMemory(1) });

it('never throws', () => {
  fc.assert(
    fc.property(mangled([direct, delegated, errorResponse(3)]), (bytes) => {
      expect(parseOcspResponse(bytes).is).toMatch(/^(basic|error|malformed)$/);
      expect(judge(bytes).is).toBeTypeOf('string');
    }),
    { numRuns: 3000 },
  );
});

it('what it says cannot be changed', () => {
  const said = { [direct.toString('hex')]: 'good', [delegated.toString('hex')]: 'revoked' };
  fc.assert(
    fc.property(
      fc.constantFrom(direct, delegated),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (bytes, where, flip) => {
        const changed = Buffer.from(bytes);
        const at = where % changed.length;
        changed[at] = (changed[at] ?? 0) ^ flip;
        const { is } = judge(changed);
        // Bytes outside of what was signed may change without effect, never with another one.
        if (is === 'good' || is === 'revoked' || is === 'unknown') expect(is).toBe(said[bytes.toString('hex')]);
      },
    ),
    { numRuns: 3000 },
  );
});
