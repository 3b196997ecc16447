/** CRL files (DER, or PEM with one or more of them) to the index that a trust snapshot holds. */
import { createHash } from 'node:crypto';
import { type Crl, parseCrl } from '../pki/crl/parse.ts';
import { parsePemBlocks } from '../pki/x509/pem.ts';
import type { TrustMaterial } from './messages.ts';

/** Trust material that cannot be used; `message` names the file. */
export class TrustError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TrustError';
  }
}

/** @throws TrustError */
export function loadCrls(files: TrustMaterial['crls']): {
  readonly crls: ReadonlyMap<string, readonly Crl[]>;
  readonly sha256: string;
} {
  const hash = createHash('sha256');
  const crls = new Map<string, Crl[]>();
  for (const { file, bytes } of files) {
    hash.update(`${bytes.length}\0`).update(bytes);
    for (const der of derOf(file, bytes)) {
      const parsed = parseCrl(der);
      if (!parsed.ok) throw new TrustError(`${file}: ${parsed.why}`);
      const ofIssuer = crls.get(parsed.value.issuerKey) ?? [];
      crls.set(parsed.value.issuerKey, [...ofIssuer, parsed.value]);
    }
  }
  return { crls, sha256: hash.digest('hex') };
}

function derOf(file: string, bytes: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!text.subarray(0, 4096).includes('-----BEGIN ')) return [bytes];
  const blocks = parsePemBlocks(text.toString('latin1'));
  if (!blocks.ok) throw new TrustError(`${file}: ${blocks.why}`);
  return blocks.value.filter(({ label }) => label === 'X509 CRL').map((block) => block.bytes);
}
