/**
 * Intermediates that we know: the operator's, those that were fetched, and those of paths that were accepted.
 *
 * Does: offer what an upstream forgot to send, by the names that are missing. Bounded; the least recently used of the
 * learned ones goes first.
 * Does not: trust anything. What is offered is a candidate like a presented certificate, and must be signed up to an
 * anchor.
 * The caller must: put what was offered into the Evidence, so that the same evidence always gives the same verdict.
 */
import type { Der } from '../model/der.ts';
import type { Certificate, Parsed } from '../pki/x509/certificate.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import type { CertificateMemory } from '../verify/trust.ts';

/** Learned ones; the public Web has some 2,000 intermediates in use, of 1.5 KiB each. */
const LEARNED_MAX = 2_000;
/** Offered for one chain: a path has at most 16 certificates, and a CA has a handful of cross-certificates. */
const OFFERED_MAX = 16;

export interface Intermediates {
  /** What may complete this list: certificates whose subject is an issuer that is not in it. */
  complete(presented: readonly Der[]): readonly Der[];
  /** Keeps the issuers of a path that was accepted, leaf first, anchor last. */
  learn(path: readonly Certificate[]): void;
  /** Drops what was learned: the operator does not want chains completed by it any more. */
  forget(): void;
  /** Replaces those that are given and not learned. */
  provide(certificates: readonly Certificate[]): void;
  /** Learned ones that are held now. */
  readonly learned: number;
}

/** `memory`: where presented certificates are parsed once for everybody. */
export function createIntermediates(memory: CertificateMemory, learnedMax: number = LEARNED_MAX): Intermediates {
  /** Insertion order is the order of use. */
  const learned = new Map<string, Certificate>();
  const bySubject = new Map<string, Map<string, Certificate>>();
  let provided = new Map<string, readonly Certificate[]>();

  const drop = (certificate: Certificate): void => {
    learned.delete(certificate.der.sha256);
    const named = bySubject.get(certificate.subject.key);
    named?.delete(certificate.der.sha256);
    if (named?.size === 0) bySubject.delete(certificate.subject.key);
  };
  const keep = (certificate: Certificate): void => {
    drop(certificate);
    learned.set(certificate.der.sha256, certificate);
    const named = bySubject.get(certificate.subject.key) ?? new Map<string, Certificate>();
    bySubject.set(certificate.subject.key, named.set(certificate.der.sha256, certificate));
    const oldest = learned.values().next();
    if (learned.size > learnedMax && oldest.done !== true) drop(oldest.value);
  };
  const named = (subjectKey: string): readonly Certificate[] => [
    ...(provided.get(subjectKey) ?? []),
    ...(bySubject.get(subjectKey)?.values() ?? []),
  ];

  return {
    complete: (presented) =>
      offer(
        presented.flatMap((der) => read(der, memory)),
        named,
      ),
    learn(path) {
      for (const certificate of path.slice(1, -1)) keep(certificate);
    },
    forget() {
      learned.clear();
      bySubject.clear();
    },
    provide(certificates) {
      provided = Map.groupBy(certificates, (certificate) => certificate.subject.key);
    },
    get learned() {
      return learned.size;
    },
  };
}

/** Upwards from the leaf by name: what is not presented is looked up, and then its own issuers. */
function offer(
  presented: readonly Certificate[],
  named: (subjectKey: string) => readonly Certificate[],
): readonly Der[] {
  const subjects = new Set(presented.map((certificate) => certificate.subject.key));
  const offered = new Map<string, Der>();
  let missing = presented.map((certificate) => certificate.issuer.key);
  while (missing.length > 0) {
    const found: Certificate[] = [];
    for (const name of new Set(missing)) {
      if (subjects.has(name)) continue;
      subjects.add(name);
      found.push(...named(name));
    }
    for (const { der } of found) {
      if (offered.size >= OFFERED_MAX) return [...offered.values()];
      offered.set(der.sha256, der);
    }
    missing = found.map((certificate) => certificate.issuer.key);
  }
  return [...offered.values()];
}

function read(der: Der, memory: CertificateMemory): readonly Certificate[] {
  let parsed: Parsed<Certificate> | undefined = memory.recall(der.sha256);
  if (parsed === undefined) {
    parsed = parseCertificate(der);
    memory.remember(der.sha256, parsed);
  }
  return parsed.ok ? [parsed.value] : [];
}
