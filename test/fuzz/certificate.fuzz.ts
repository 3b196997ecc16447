/** Certificates that are nearly right: never a throw, always an answer, and nothing accepted that reads differently. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parsePin } from '../../src/pki/pins/parse.ts';
import { checkNameConstraints } from '../../src/pki/x509/name-constraints.ts';
import { matchesHost } from '../../src/pki/x509/names.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';
import { parsePem } from '../../src/pki/x509/pem.ts';
import { createSignatureMemory, verificationCost, verifySignature } from '../../src/pki/x509/signature.ts';
import { authority } from '../support/test-ca.ts';

const root = authority({ at: '2026-01-01T00:00:00Z' });
const issuing = root.issueCa({
  nameConstraints: { permitted: { dns: ['fuzz.test'], ranges: ['192.0.2.0/24'] }, excluded: { email: ['.fuzz.test'] } },
  policies: ['1.2.3'],
});
const leaf = issuing.issueLeaf({
  dns: ['a.fuzz.test', '*.fuzz.test'],
  ip: ['192.0.2.1'],
  email: ['a@fuzz.test'],
  uri: ['https://fuzz.test/'],
  aia: { ocsp: ['http://ocsp.fuzz.test'], caIssuers: ['http://ca.fuzz.test'] },
  crlUris: ['http://crl.fuzz.test'],
  tlsFeatures: [5],
});
const seeds = [root.der, issuing.der, leaf.der];

/** Everything that a verdict does with one certificate. */
function use(bytes: Uint8Array): void {
  const parsed = parseCertificate(bytes);
  if (!parsed.ok) {
    expect(parsed.offset).toBeLessThanOrEqual(bytes.length);
    return;
  }
  const { value } = parsed;
  expect(value.der.bytes).toEqual(Buffer.from(bytes));
  expect(value.subject.text.length).toBeLessThanOrEqual(256);
  expect(verificationCost(value.key)).toBeGreaterThanOrEqual(0);
  expect(matchesHost(value.extensions.subjectAltName, { host: 'a.fuzz.test', kind: 'name' }).is).toBeTypeOf('string');
  const constraints = value.extensions.nameConstraints;
  if (constraints !== undefined) checkNameConstraints(constraints, value);
  expect(parsePin(`sha256/${value.spkiSha256}`).ok).toBe(true);
  const memory = createSignatureMemory(1);
  for (const spki of [root.spki, value.spki])
    verifySignature(value.tbs, value.signature, value.signatureAlgorithm, spki, memory);
}

const seed = fc.constantFrom(...seeds);
const byte = fc.nat(255);

it('one byte changed', () => {
  fc.assert(
    fc.property(seed, fc.nat(), byte, (bytes, at, value) => {
      const changed = Buffer.from(bytes);
      changed[at % changed.length] = value;
      use(changed);
    }),
    { numRuns: 3000 },
  );
});

it('a prefix with garbage behind it', () => {
  fc.assert(
    fc.property(seed, fc.nat(), fc.uint8Array({ maxLength: 64 }), (bytes, at, garbage) => {
      use(Buffer.concat([bytes.subarray(0, at % bytes.length), garbage]));
    }),
    { numRuns: 1000 },
  );
});

it('a piece cut out or doubled', () => {
  fc.assert(
    fc.property(seed, fc.nat(), fc.nat({ max: 40 }), fc.boolean(), (bytes, where, size, doubled) => {
      const at = where % bytes.length;
      const piece = doubled ? bytes.subarray(at, at + size) : Buffer.alloc(0);
      use(Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(doubled ? at : at + size)]));
    }),
    { numRuns: 1000 },
  );
});

it('a signed certificate verifies only as it is', () => {
  const memory = createSignatureMemory(1);
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(leaf.der);
      changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ flip;
      const parsed = parseCertificate(changed);
      if (!parsed.ok) return;
      const { tbs, signature, signatureAlgorithm } = parsed.value;
      expect(verifySignature(tbs, signature, signatureAlgorithm, issuing.spki, memory)).not.toBe('verified');
    }),
    { numRuns: 1000 },
  );
});

it('any text as PEM and as a pin', () => {
  const pieces = fc.array(
    fc.oneof(fc.string(), fc.constantFrom('-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', '\n')),
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      expect(parsePem(parts.join('')).ok).toBe(false);
      parsePin(parts.join(''));
    }),
  );
});
