/** What the tests of this room share: a CA that was made and loaded, and one moment. */
import { createCa, loadCa, type MintingCa } from '../../src/minting/ca.ts';
import type { Authority } from '../../src/model/authority.ts';

export const NOW_MS = Date.parse('2026-03-01T12:00:00Z');
export const DAY_MS = 86_400_000;

export function newCa(days = 365): {
  readonly ca: MintingCa;
  readonly certificatePem: string;
  readonly keyPem: string;
} {
  const made = createCa({ commonName: 'Pinwarden test CA', nowMs: NOW_MS, days });
  return { ca: loadCa(made.certificatePem, made.keyPem, NOW_MS), ...made };
}

export const name = (host: string): Authority => ({ host, kind: 'name', port: 443 });
