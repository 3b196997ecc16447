/**
 * A bounded memory of parsed certificates, so that the intermediates that thousands of chains share are parsed once.
 *
 * Two generations: when the young one is full it becomes the old one, and what is used again moves back. That bounds
 * the memory without bookkeeping for each use.
 */
import type { Certificate, Parsed } from '../pki/x509/certificate.ts';
import type { CertificateMemory } from './trust.ts';

/**
 * Larger ones are parsed anew each time: intermediates have 1 to 2 KiB, and parsed, the names of a hostile leaf take
 * four times its bytes (measured), so that without this bound a server could fill the memory with 200 KiB at a time.
 */
export const REMEMBERED_BYTES_MAX = 4096;

/** Remembers at most `maxEntries` certificates, at least the half of it used last. */
export function createCertificateMemory(maxEntries: number): CertificateMemory {
  const half = Math.max(1, Math.floor(maxEntries / 2));
  let young = new Map<string, Parsed<Certificate>>();
  let old = new Map<string, Parsed<Certificate>>();
  const remember = (sha256: string, parsed: Parsed<Certificate>): void => {
    if (parsed.ok && parsed.value.der.bytes.length > REMEMBERED_BYTES_MAX) return;
    if (young.size >= half) {
      old = young;
      young = new Map();
    }
    young.set(sha256, parsed);
  };
  return {
    recall: (sha256) => {
      const parsed = young.get(sha256);
      if (parsed !== undefined) return parsed;
      const aged = old.get(sha256);
      if (aged !== undefined) remember(sha256, aged);
      return aged;
    },
    remember,
  };
}
