/** Signature verification for corpora older than our rules: what the product refuses as weak is computed here. */
import { verify } from 'node:crypto';
import { OID } from '../../src/pki/der/oid.ts';
import { type SignatureMemory, verifySignature } from '../../src/pki/x509/signature.ts';

const DIGESTS: Readonly<Record<string, string>> = {
  [OID.sha1WithRsa]: 'sha1',
  [OID.ecdsaWithSha1]: 'sha1',
  [OID.sha256WithRsa]: 'sha256',
  [OID.sha512WithRsa]: 'sha512',
};

/** As `verifySignature`, but SHA-1 and small RSA keys verify. */
export const verifyOldSignature: typeof verifySignature = (signed, signature, algorithm, spki, memory) => {
  const result = verifySignature(signed, signature, algorithm, spki, memory);
  const digest = DIGESTS[algorithm.oid];
  if (result !== 'weak' || digest === undefined) return result;
  return verify(digest, signed, { key: spki, format: 'der', type: 'spki' }, signature) ? 'verified' : 'failed';
};

/** A memory that forgets at once: every verification is computed. */
export const noMemory: SignatureMemory = { recall: () => undefined, remember: () => undefined };
