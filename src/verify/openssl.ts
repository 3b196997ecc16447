/**
 * OpenSSL's verdict as a second opinion: what we accept, it must accept too, unless it only failed to find the path.
 *
 * OpenSSL does not backtrack and does not know our pool of intermediates, so it refuses chains for which a valid path
 * exists. Its code is overridden when it is one of those below and something beside our path explains it: a code that
 * could as well speak of a certificate on our path keeps blocking without such a certificate.
 * Does not: make anything valid. It is asked only about a path that our own validator has proven to a configured anchor.
 */
import type { Path } from '../pki/path/builder.ts';
import type { Certificate } from '../pki/x509/certificate.ts';

export interface Opinion {
  /** OpenSSL's word: `accepted`, an X509_V_ERR name as Node prints it, or `none` when it was not asked. */
  readonly openssl: string;
  /** The path that we have proven. */
  readonly path: Path;
  /** What the upstream sent, besides the leaf. */
  readonly presented: readonly Certificate[];
  /** Anchors that have the name of an issuer. */
  readonly anchors: readonly Certificate[];
  /** When the chain was seen, milliseconds since the epoch. */
  readonly seenAtMs: number;
}

/** Whether OpenSSL's code may come from somewhere else than our path. */
type Elsewhere = (opinion: Opinion) => boolean;

/** X509_V_ERR names that can mean "did not find the path", each with a real connection in its test. */
const PATH_FINDING: ReadonlyMap<string, Elsewhere> = new Map<string, Elsewhere>([
  // No issuer at hand: the upstream forgot one that we know, or OpenSSL walked into a dead end.
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', () => true],
  // It ended at a root that was presented and is no anchor, beside one that is.
  ['SELF_SIGNED_CERT_IN_CHAIN', ({ presented, path }) => beside(path, presented).some((other) => other.selfIssued)],
  // It took a cross-certificate, or the issuer of one, that has run out.
  [
    'CERT_HAS_EXPIRED',
    ({ presented, anchors, path, seenAtMs }) =>
      beside(path, [...presented, ...anchors]).some((other) => other.notAfterMs < seenAtMs),
  ],
  // It took a certificate with the right name and another key, which anybody can put into the list.
  [
    'CERT_SIGNATURE_FAILURE',
    ({ presented, path }) =>
      beside(path, presented).some((other) => path.some((one) => one.issuer.key === other.subject.key)),
  ],
]);

/** Whether OpenSSL's word may stand beside our acceptance. */
export function opensslAgrees(opinion: Opinion): boolean {
  const { openssl } = opinion;
  if (openssl === 'accepted' || openssl === 'none') return true;
  return PATH_FINDING.get(openssl)?.(opinion) ?? false;
}

function beside(path: Path, others: readonly Certificate[]): readonly Certificate[] {
  const own = new Set(path.map((one) => one.der.sha256));
  return others.filter((other) => !own.has(other.der.sha256));
}
