/**
 * Our own pages: what the proxy says when it is asked like a web server. A fixed table, read only, nothing secret.
 *
 * Does: the CA certificate, a PAC file for this listener, a page that says how to use both.
 * Does not: forward, change anything, or show what a client sent other than a host and port that were parsed.
 * The caller must: answer GET and HEAD only.
 */
import { type Authority, printAuthority } from '../model/authority.ts';
import type { Certificate } from '../pki/x509/certificate.ts';

export interface OwnPage {
  readonly contentType: string;
  readonly body: string;
}

export interface OwnFacts {
  /** Where the client reaches us. */
  readonly proxy: Authority;
  /** Our CA certificates; clients trust all of them, so that a rotation is not noticed. */
  readonly cas: readonly Certificate[];
}

const PAGES: ReadonlyMap<string, (facts: OwnFacts) => OwnPage> = new Map([
  ['/', usage],
  ['/ca.pem', authorities],
  ['/proxy.pac', autoConfiguration],
]);

/** The page under a target in origin form; null: there is none. */
export function ownPage(target: string, facts: OwnFacts): OwnPage | null {
  return PAGES.get(target)?.(facts) ?? null;
}

/** Whether there is a page under this target. */
export function isOwnPage(target: string): boolean {
  return PAGES.has(target);
}

/** Fields of every page: no script, no frame, no guess at the type, no copy in a cache. */
export const OWN_PAGE_FIELDS: Readonly<Record<string, string>> = Object.freeze({
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
});

function authorities({ cas }: OwnFacts): OwnPage {
  const body = cas.map(({ der }) => pem(der.bytes)).join('');
  return { contentType: 'application/x-pem-file', body };
}

/** RFC 7468 §5.1. */
function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** No `DIRECT` behind the proxy: a client must not go around it when it is down. */
function autoConfiguration({ proxy }: OwnFacts): OwnPage {
  const body = [
    'function FindProxyForURL(url, host) {',
    '  if (isPlainHostName(host) || host === "127.0.0.1" || host === "[::1]") return "DIRECT";',
    `  return "PROXY ${printAuthority(proxy)}";`,
    '}',
    '',
  ].join('\n');
  return { contentType: 'application/x-ns-proxy-autoconfig', body };
}

function usage({ proxy, cas }: OwnFacts): OwnPage {
  const at = `http://${printAuthority(proxy)}`;
  const fingerprints = cas.map(({ der }) => `SHA-256 ${(der.sha256.match(/../g) ?? []).join(':').toUpperCase()}`);
  const text = [
    'This is a Pinwarden proxy. It is used, not visited:',
    '',
    `  curl -O ${at}/ca.pem`,
    `  curl --proxy ${at} --cacert ca.pem https://example.com/`,
    '',
    `  ${at}/ca.pem       the CA that clients must trust. It came here unprotected: compare it`,
    ...fingerprints.map((line) => `    ${line}`),
    '    with what the proxy printed when it started.',
    `  ${at}/proxy.pac    proxy auto-configuration`,
    '',
  ].join('\n');
  return { contentType: 'text/plain; charset=utf-8', body: text };
}
