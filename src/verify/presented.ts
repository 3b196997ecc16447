/**
 * The presented list made ready for path building: limits first, then one parse for each distinct certificate.
 *
 * A certificate beyond the leaf that does not parse is junk and no candidate; it is counted, because a path may lack it.
 */
import type { Code } from '../model/codes.ts';
import type { Der } from '../model/der.ts';
import type { Evidence } from '../model/evidence.ts';
import type { Certificate, Parsed } from '../pki/x509/certificate.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import type { Trust } from './trust.ts';

/** OpenSSL's own default for a received list (SSL_MAX_CERT_LIST_DEFAULT). */
const MAX_PRESENTED_BYTES = 102_400;
/** No honest server sends more than a dozen; the byte limit would allow 300 small ones. */
const MAX_PRESENTED = 128;

export type Presented =
  | {
      readonly ok: true;
      readonly leaf: Certificate;
      /** Distinct certificates other than the leaf: presented ones and those from our pool. */
      readonly candidates: readonly Certificate[];
      /** Distinct presented certificates that do not parse. */
      readonly malformed: number;
    }
  | { readonly ok: false; readonly code: Code; readonly facts: Readonly<Record<string, string | number>> };

export function readPresented(evidence: Evidence, trust: Trust): Presented {
  if (evidence.resumed) return { ok: false, code: 'tls.resumed', facts: {} };
  const [first, ...rest] = evidence.chain;
  if (first === undefined) return { ok: false, code: 'chain.empty', facts: {} };
  const count = evidence.chain.length;
  const bytes = evidence.chain.reduce((sum, der) => sum + der.bytes.length, 0);
  if (count > MAX_PRESENTED || bytes > MAX_PRESENTED_BYTES) {
    return { ok: false, code: 'chain.too-large', facts: { count, bytes } };
  }
  const leaf = parse(first, trust);
  if (!leaf.ok) return { ok: false, code: 'chain.malformed', facts: { why: leaf.why, offset: leaf.offset } };
  const seen = new Set([first.sha256]);
  const candidates: Certificate[] = [];
  let malformed = 0;
  for (const der of [...rest, ...evidence.completing]) {
    if (seen.has(der.sha256)) continue;
    seen.add(der.sha256);
    const parsed = parse(der, trust);
    if (parsed.ok) candidates.push(parsed.value);
    else malformed += 1;
  }
  return { ok: true, leaf: leaf.value, candidates, malformed };
}

function parse(der: Der, trust: Trust): Parsed<Certificate> {
  const known = trust.certificates?.recall(der.sha256);
  if (known !== undefined) return known;
  const parsed = parseCertificate(der);
  trust.certificates?.remember(der.sha256, parsed);
  return parsed;
}
