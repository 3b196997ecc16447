/**
 * The entry that a log signed for a certificate with embedded SCTs (RFC 6962 §3.2): the TBSCertificate as it was
 * before the SCT list went in.
 *
 * Does: take SCT list and poison out of the extensions and write the three lengths around them anew; every other byte
 * stays. A precertificate issued by a precert CA needs nothing special: the log already put the final issuer in.
 * Does not: verify anything.
 * The caller must: pass as issuer the certificate above the leaf in the validated path, not one that was presented.
 */
import { createHash } from 'node:crypto';
import { OID } from '../der/oid.ts';
import { contextConstructed, type DerReader, readDer } from '../der/reader.ts';
import * as write from '../der/writer.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { SignedEntry } from './sct.ts';

const EXTENSIONS = contextConstructed(3);
const LEFT_OUT: readonly string[] = [OID.sctList, OID.ctPoison];

/** Entry of an embedded SCT. */
export function precertEntry(leaf: Pick<Certificate, 'tbs'>, issuer: Pick<Certificate, 'spki'>): SignedEntry {
  const issuerKeyHash = createHash('sha256').update(issuer.spki).digest();
  return { type: 'precert', issuerKeyHash, tbs: precertTbs(leaf.tbs) };
}

/** Entry of an SCT that was delivered beside the certificate. */
export function x509Entry(leaf: Pick<Certificate, 'der'>): SignedEntry {
  return { type: 'x509', certificate: leaf.der.bytes };
}

/** `tbs` (of a parsed certificate, with header) without SCT list and poison. */
export function precertTbs(tbs: Buffer): Buffer {
  const parts = readDer(tbs, tbs.length, (reader) => {
    const fields = reader.sequence();
    const kept: Buffer[] = [];
    while (!fields.atEnd) kept.push(fields.is(EXTENSIONS) ? keepExtensions(fields) : fields.element());
    return kept;
  });
  // It was read before, so this cannot fail; an empty entry verifies under no signature.
  return parts.ok ? write.sequence(...parts.value) : Buffer.alloc(0);
}

function keepExtensions(fields: DerReader): Buffer {
  const wrapper = fields.context(3);
  const list = wrapper.sequence();
  wrapper.end();
  const kept: Buffer[] = [];
  while (!list.atEnd) {
    const at = list.offset;
    const extension = list.sequence();
    const oid = extension.oid();
    extension.rest();
    if (!LEFT_OUT.includes(oid)) kept.push(list.since(at));
  }
  // Extensions is SIZE (1..MAX): with none left, the field itself is left out.
  return kept.length === 0 ? Buffer.alloc(0) : write.contextConstructed(3, write.sequence(...kept));
}
