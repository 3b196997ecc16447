/**
 * A judgement without a connection: bytes from files or lines become Evidence and trust, and go through the very
 * examine and judge of the proxy.
 *
 * Does: assume that OpenSSL was not asked (`none`) and that nothing was sent (`address: null`).
 * Does not: read files or the clock.
 */
import type { Authority } from '../model/authority.ts';
import { Der } from '../model/der.ts';
import type { Evidence } from '../model/evidence.ts';
import { type Crl, parseCrl } from '../pki/crl/parse.ts';
import type { LogList } from '../pki/ct/log-list.ts';
import { type AnchorSet, buildAnchorSet } from '../pki/path/anchors.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import { createSignatureMemory } from '../pki/x509/signature.ts';
import { anchorsKey, type Rule } from '../policy/policy.ts';
import { createCertificateMemory } from '../verify/certificate-memory.ts';
import { examine } from '../verify/examine.ts';
import { judge, type Verdict } from '../verify/judge.ts';
import type { Report } from '../verify/report.ts';
import type { CertificateMemory, Trust } from '../verify/trust.ts';
import { parseHost } from '../wire/authority.ts';

/** Certificates and signatures remembered between the judgements of one run: some 10 MiB. */
const REMEMBERED = 1_000;

export interface Case {
  readonly authority: Authority;
  readonly chain: readonly Buffer[];
  /** null: the public set. */
  readonly anchors: AnchorSet | null;
  /** Certificates that were handed in as anchors and do not parse: nothing is trusted by them. */
  readonly malformedAnchors: number;
  readonly anchorsArePublic: boolean;
  /** Milliseconds since the epoch: seen and judged at this time. */
  readonly atMs: number;
  readonly staple: Buffer | null;
  readonly crls: readonly Buffer[];
  readonly logList: LogList | null;
  readonly rule: Rule;
}

export interface Answer {
  readonly report: Report;
  readonly verdict: Verdict;
}

/** What stays the same between the judgements of one run. */
export interface Bench {
  readonly publicAnchors: AnchorSet;
  readonly signatures: Trust['signatures'];
  readonly certificates: CertificateMemory;
}

export function createBench(publicAnchors: AnchorSet): Bench {
  return {
    publicAnchors,
    signatures: createSignatureMemory(REMEMBERED),
    certificates: createCertificateMemory(REMEMBERED),
  };
}

export function judgeOffline(one: Case, bench: Bench): Answer {
  const evidence = evidenceOf(one);
  const report = examine(evidence, one.rule, trustOf(one, bench), one.atMs);
  return { report, verdict: judge(report, one.rule, evidence) };
}

/** A name, or an IP address with or without brackets; port 443. Null: neither. */
export function readHost(text: string): Authority | null {
  const bare = text.includes(':') && !text.startsWith('[') ? `[${text}]` : text;
  const host = parseHost(bare);
  return host.ok ? { ...host.value, port: 443 } : null;
}

export interface GivenAnchors {
  readonly set: AnchorSet;
  readonly malformed: number;
}

/** Anchors that somebody handed in. */
export function readAnchors(ders: readonly Buffer[], bench: Bench): GivenAnchors {
  const certificates: Certificate[] = [];
  let malformed = 0;
  for (const bytes of ders) {
    const der = Der.of(bytes);
    const parsed = bench.certificates.recall(der.sha256) ?? parseCertificate(der);
    bench.certificates.remember(der.sha256, parsed);
    if (parsed.ok) certificates.push(parsed.value);
    else malformed += 1;
  }
  return { set: buildAnchorSet('given', certificates), malformed };
}

function evidenceOf(one: Case): Evidence {
  return Object.freeze({
    authority: one.authority,
    assurance: 'none',
    address: null,
    serverName: one.authority.kind === 'name' ? one.authority.host : null,
    alpnOffered: [],
    alpn: null,
    tlsVersion: null,
    cipher: null,
    group: null,
    chain: one.chain.map((bytes) => Der.of(bytes)),
    completing: [],
    staple: one.staple === null ? null : Der.of(one.staple),
    openssl: 'none',
    resumed: false,
    seenAtMs: one.atMs,
    handshakeMs: 0,
  } satisfies Evidence);
}

function trustOf(one: Case, bench: Bench): Trust {
  const anchors = one.anchors ?? bench.publicAnchors;
  const { crls, malformedCrls } = indexCrls(one.crls);
  return {
    anchorSets: new Map([[anchorsKey(one.rule.anchors), anchors]]),
    publicAnchors: one.anchors !== null && one.anchorsArePublic ? one.anchors : bench.publicAnchors,
    systemAnchors: null,
    ownCaKeys: new Set(),
    logList: one.logList,
    crls,
    malformedCrls,
    malformedAnchors: one.malformedAnchors,
    signatures: bench.signatures,
    certificates: bench.certificates,
    sha256: anchors.sha256,
  };
}

function indexCrls(ders: readonly Buffer[]): Pick<Trust, 'crls'> & { readonly malformedCrls: number } {
  const crls = new Map<string, Crl[]>();
  let malformedCrls = 0;
  for (const bytes of ders) {
    const parsed = parseCrl(bytes);
    if (!parsed.ok) {
      malformedCrls += 1;
      continue;
    }
    const known = crls.get(parsed.value.issuerKey);
    if (known === undefined) crls.set(parsed.value.issuerKey, [parsed.value]);
    else known.push(parsed.value);
  }
  return { crls, malformedCrls };
}
