/**
 * What was fetched because certificates asked for it: from bytes to what a worker judges with.
 *
 * Does: decide whether an answer is what was asked for: the CRL of this issuer, or an issuer of this certificate, each
 * proven by a signature; and put accepted ones beside the trust of the configuration.
 * Does not: fetch (fetcher.ts does), or judge certificates: freshness and scope are the checks' business.
 */
import { createHash } from 'node:crypto';
import { type Crl, parseCrl } from '../pki/crl/parse.ts';
import { verifyLink } from '../pki/path/link.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import { parsePemBlocks } from '../pki/x509/pem.ts';
import { createSignatureMemory, verifySignature } from '../pki/x509/signature.ts';
import type { Trust } from '../verify/trust.ts';
import type { FetchedMaterial, Wanted } from './messages.ts';

/** What an answer is worth; null: it is not what was asked for. Never throws. */
export type Accepted =
  | {
      readonly kind: 'crl';
      readonly bytes: Buffer;
      readonly thisUpdateMs: number;
      readonly nextUpdateMs: number | null;
    }
  | { readonly kind: 'issuer'; readonly bytes: Buffer };

/** `heldMs`: thisUpdate of the CRL in use, which a new one may not undercut; null: there is none. */
export function acceptAnswer(wanted: Wanted, answer: Buffer, heldMs: number | null): Accepted | null {
  const bytes = derOf(answer, wanted.kind === 'crl' ? 'X509 CRL' : 'CERTIFICATE');
  const asked = parseCertificate(wanted.certificate);
  if (bytes === null || !asked.ok) return null;
  return wanted.kind === 'crl' ? acceptCrl(asked.value, bytes, heldMs) : acceptIssuer(asked.value, bytes);
}

function acceptCrl(issuer: Certificate, bytes: Buffer, heldMs: number | null): Accepted | null {
  const parsed = parseCrl(bytes);
  if (!parsed.ok || parsed.value.issuerKey !== issuer.subject.key) return null;
  const { tbs, signature, signatureAlgorithm, thisUpdateMs, nextUpdateMs } = parsed.value;
  if (heldMs !== null && thisUpdateMs < heldMs) return null;
  const result = verifySignature(tbs, signature, signatureAlgorithm, issuer.spki, createSignatureMemory(1));
  return result === 'verified' ? { kind: 'crl', bytes, thisUpdateMs, nextUpdateMs } : null;
}

function acceptIssuer(child: Certificate, bytes: Buffer): Accepted | null {
  const parsed = parseCertificate(bytes);
  if (!parsed.ok || parsed.value.subject.key !== child.issuer.key) return null;
  const isIssuer = verifyLink(child, parsed.value, createSignatureMemory(1)) === 'verified';
  return isIssuer ? { kind: 'issuer', bytes } : null;
}

/** RFC 5280 §4.2.1.13 and §4.2.2.1 say DER; some servers answer PEM. */
function derOf(answer: Buffer, label: string): Buffer | null {
  if (!answer.subarray(0, 4096).includes('-----BEGIN ')) return answer;
  const blocks = parsePemBlocks(answer.toString('latin1'));
  return blocks.ok ? (blocks.value.find((block) => block.label === label)?.bytes ?? null) : null;
}

export interface Fetched {
  readonly crls: ReadonlyMap<string, readonly Crl[]>;
  readonly issuers: readonly Certificate[];
  readonly sha256: string;
}

export const NOTHING_FETCHED: Fetched = Object.freeze({ crls: new Map(), issuers: Object.freeze([]), sha256: '' });

/**
 * The supervisor has accepted all of it; what does not parse here all the same is left out.
 * @param before what was read last: CRLs that are still the same are not parsed again.
 */
export function readFetched(material: FetchedMaterial, before: Fetched = NOTHING_FETCHED): Fetched {
  const known = new Map([...before.crls.values()].flat().map((crl) => [crl.sha256, crl]));
  const hash = createHash('sha256');
  const crls = material.crls.flatMap((bytes) => {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    hash.update(sha256);
    const same = known.get(sha256);
    if (same !== undefined) return [same];
    const parsed = parseCrl(bytes);
    return parsed.ok ? [parsed.value] : [];
  });
  const issuers = material.issuers.flatMap((bytes) => {
    hash.update(bytes);
    const parsed = parseCertificate(bytes);
    return parsed.ok ? [parsed.value] : [];
  });
  return Object.freeze({ crls: Map.groupBy(crls, (crl) => crl.issuerKey), issuers, sha256: hash.digest('hex') });
}

/** A snapshot with the fetched CRLs beside those of the operator. */
export function withFetched(trust: Trust, fetched: Fetched): Trust {
  if (fetched.crls.size === 0) return trust;
  const crls = new Map(trust.crls);
  for (const [key, list] of fetched.crls) crls.set(key, [...(crls.get(key) ?? []), ...list]);
  const sha256 = createHash('sha256').update(`${trust.sha256}\0${fetched.sha256}`).digest('hex');
  return Object.freeze({ ...trust, crls, sha256 });
}
