/** Events with real certificates: a valid chain of another CA than the pinned one, and an invalid one. */
import { Der } from '../../src/model/der.ts';
import { finding } from '../../src/model/finding.ts';
import type { VerdictEntry } from '../../src/observe/recorder.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';
import { AUTHORITY, evidenceOf, reportOf, verdictEntry } from './entries.ts';
import type { Issued } from './test-ca.ts';
import { testPki } from './test-pki.ts';

/** Issuing a certificate costs milliseconds: one cast for all. */
const PKI = testPki();
const CHAINS = new Map<string, Issued>();

/** A leaf of the CA that rules do not pin; the same for the same name. */
export function rogueLeaf(name: string = AUTHORITY.host): Issued {
  const leaf = CHAINS.get(name) ?? PKI.otherInter.issueLeaf({ cn: name, dns: [name] });
  CHAINS.set(name, leaf);
  return leaf;
}

export function certificateOf(der: Uint8Array) {
  const parsed = parseCertificate(Der.of(der));
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

/** A mismatch: the chain is valid, the pins are another CA's. */
export function mismatchEntry(fields: Partial<VerdictEntry> = {}, leaf: Issued = rogueLeaf()): VerdictEntry {
  const path = [...leaf.chain, PKI.otherRoot.der].map(certificateOf);
  const observed = path.map((one) => `sha256/${one.spkiSha256} ${one.subject.text}`);
  const host = fields.authority?.host ?? AUTHORITY.host;
  return verdictEntry({
    evidence: evidenceOf({ chain: leaf.chain.map((bytes) => Der.of(bytes)), authority: { ...AUTHORITY, host } }),
    report: reportOf({
      findings: [finding('pin.mismatch', { expected: ['ca sha256/='], observed })],
      headline: 'pin.mismatch',
      path,
      pinHit: null,
    }),
    verdict: 'block',
    code: 'pin.mismatch',
    ...fields,
  });
}
