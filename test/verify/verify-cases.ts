/** What the tests of verify/ share: Evidence, rules and trust made of test certificates, and one call for the verdict. */
import { Der } from '../../src/model/der.ts';
import type { Evidence } from '../../src/model/evidence.ts';
import type { OptionalCheck, Requirement } from '../../src/model/outcome.ts';
import { type Anchor, buildAnchorSet } from '../../src/pki/path/anchors.ts';
import type { Certificate } from '../../src/pki/x509/certificate.ts';
import { parseCertificate } from '../../src/pki/x509/parse.ts';
import { createSignatureMemory } from '../../src/pki/x509/signature.ts';
import { anchorsKey, type Pin, type Rule } from '../../src/policy/policy.ts';
import { examine } from '../../src/verify/examine.ts';
import { judge, type Verdict } from '../../src/verify/judge.ts';
import type { Report } from '../../src/verify/report.ts';
import type { Trust } from '../../src/verify/trust.ts';
import type { Issued } from '../support/test-ca.ts';

/** The moment of all these tests. */
export const AT = '2026-06-15T12:00:00Z';
export const AT_MS = Date.parse(AT);
export const DAY_MS = 86_400_000;

const PLACE = Object.freeze({ file: 'test.yaml', line: 1, column: 1 });

export function certificateOf(issued: Issued): Certificate {
  const parsed = parseCertificate(issued.der);
  if (!parsed.ok) throw new Error(`test certificate does not parse: ${parsed.why}`);
  return parsed.value;
}

export function evidenceOf(chain: readonly (Issued | Buffer)[], changes: Partial<Evidence> = {}): Evidence {
  return Object.freeze({
    authority: { host: 'good.test', kind: 'name', port: 443 } as const,
    assurance: 'connection',
    address: '127.0.0.1',
    serverName: 'good.test',
    alpnOffered: [],
    alpn: null,
    tlsVersion: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    group: null,
    chain: chain.map((one) => Der.of(Buffer.isBuffer(one) ? one : one.der)),
    completing: [],
    staple: null,
    openssl: 'accepted',
    resumed: false,
    seenAtMs: AT_MS,
    handshakeMs: 1,
    ...changes,
  } satisfies Evidence);
}

export function pinOf(issued: Issued, changes: Partial<Pin> = {}): Pin {
  return {
    spkiSha256: issued.pin.slice('sha256/'.length),
    scope: 'any',
    name: null,
    backup: false,
    group: null,
    expiresMs: null,
    onExpiry: 'block',
    place: PLACE,
    ...changes,
  };
}

const OFF: Readonly<Record<OptionalCheck, Requirement>> = Object.freeze({
  publicRoot: 'off',
  ct: 'off',
  staple: 'off',
  crl: 'off',
  lifetime: 'off',
  continuity: 'off',
});

export type RuleChanges = Partial<Omit<Rule, 'checks'>> & { readonly checks?: Partial<Rule['checks']> };

/** Blocks on every failure; all optional checks are off. */
export function ruleOf(changes: RuleChanges = {}): Rule {
  return {
    name: 'test',
    owner: null,
    place: PLACE,
    match: [],
    except: [],
    clients: [],
    mode: 'terminate',
    reason: null,
    onFailure: 'block',
    pins: { anyOf: [], noneOf: [] },
    certificatePolicies: [],
    anchors: 'system',
    plaintext: 'block',
    allowPrivate: [],
    metricsGroup: 'test',
    unsafeFloor: null,
    tls: { minVersion: '1.2' },
    unsafeTls: null,
    answer: 'before-hello',
    origins: {},
    ...changes,
    checks: { ...OFF, ...changes.checks },
  };
}

export interface Roots {
  /** Anchors of the rule. */
  readonly anchors?: readonly (Issued | Anchor)[];
  /** The public set; none by default. */
  readonly publicRoots?: readonly Issued[];
  readonly own?: Issued;
}

export function trustOf(roots: Roots, changes: Partial<Trust> = {}): Trust {
  const entries = (roots.anchors ?? []).map((one) => ('der' in one ? certificateOf(one) : one));
  const anchors = buildAnchorSet('test', entries);
  return {
    anchorSets: new Map([[anchorsKey('system'), anchors]]),
    publicAnchors: buildAnchorSet('public', (roots.publicRoots ?? []).map(certificateOf)),
    systemAnchors: null,
    ownCaKeys: new Set(roots.own === undefined ? [] : [certificateOf(roots.own).spkiSha256]),
    ownCas: roots.own === undefined ? [] : [certificateOf(roots.own)],
    logList: null,
    crls: new Map(),
    signatures: createSignatureMemory(1000),
    sha256: '',
    ...changes,
  };
}

export interface Judged {
  readonly report: Report;
  readonly verdict: Verdict;
}

export function verify(evidence: Evidence, trust: Trust, rule: Rule = ruleOf(), nowMs = evidence.seenAtMs): Judged {
  const report = examine(evidence, rule, trust, nowMs);
  return { report, verdict: judge(report, rule, evidence) };
}

/** `allow`, `alert pin.mismatch`, `block chain.expired`. */
export function say({ verdict }: Judged): string {
  return verdict.code === null ? verdict.verdict : `${verdict.verdict} ${verdict.code}`;
}
