/** What the tests of fetching share: a CA with a CRL and an address, and a store that is a Map. */
import type { FetchStore, Stored } from '../../src/runtime/fetcher.ts';
import type { Wanted } from '../../src/runtime/messages.ts';
import { makeCrl } from '../support/crl-maker.ts';
import { authority, type Issued } from '../support/test-ca.ts';

export const AT = '2026-06-15T12:00:00Z';
export const AT_MS = Date.parse(AT);
export const DAY_MS = 86_400_000;
export const CRL_URL = 'http://ca.test/inter.crl';
export const ISSUER_URL = 'http://ca.test/inter.cer';

export const root = authority({ cn: 'Root', at: AT });
export const inter = root.issueCa({ cn: 'Inter' });
export const leaf = inter.issueLeaf({
  dns: ['good.test'],
  crlUris: [CRL_URL, 'ldap://ca.test/x'],
  aia: { caIssuers: [ISSUER_URL, 'https://ca.test/x'] },
});

export const wantedCrl = (url = CRL_URL, issuer: Issued = inter): Wanted => ({
  kind: 'crl',
  url,
  certificate: issuer.der,
});
export const wantedIssuer = (url = ISSUER_URL, child: Issued = leaf): Wanted => ({
  kind: 'issuer',
  url,
  certificate: child.der,
});
export const crlOf = (issuer: Issued = inter, atMs = AT_MS): Buffer => makeCrl(issuer, { atMs });

export function memoryStore(): FetchStore & { readonly kept: Map<string, Stored> } {
  const kept = new Map<string, Stored>();
  return {
    kept,
    load: () => [...kept.values()],
    save: (name, stored) => void kept.set(name, stored),
    remove: (name) => void kept.delete(name),
  };
}
