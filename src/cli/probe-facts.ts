/**
 * What a probe has to say about a host, as plain values for the screen, JSON and the rule. Pure.
 *
 * Pins are told only when nothing speaks against the host: other keys may be an attacker's, and whoever reads a pin on a
 * screen may paste it into a rule. Certificates of a doubtful chain are named by their fingerprint.
 */
import { printAuthority } from '../model/authority.ts';
import { CODES, type Code } from '../model/codes.ts';
import { clip } from '../model/text.ts';
import type { Certificate, KeyKind } from '../pki/x509/certificate.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import { type Comparison, compareViews } from './probe-compare.ts';
import type { Glass, Seen, View } from './probe-look.ts';

export type Word = 'good' | 'bad' | 'unreached';

export interface Probed {
  /** `host:port`. */
  readonly target: string;
  readonly views: readonly View[];
  readonly comparison: Comparison | null;
  readonly word: Word;
  /** Why it is not good; null: it is, or the two views differ. */
  readonly code: Code | null;
}

/** One certificate of a chain. */
export interface Link {
  readonly subject: string;
  readonly issuer: string;
  /** `sha256/…`; null: something speaks against the host. */
  readonly pin: string | null;
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string;
  readonly key: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly from: string;
}

export function conclude(target: string, views: readonly View[]): Probed {
  const comparison = compareViews(views);
  const seen = views.filter((view) => view.kind === 'seen');
  const refused = seen.find(({ verdict }) => verdict.verdict !== 'allow');
  const lost = views.find((view) => view.kind === 'unreached');
  if (refused !== undefined) return { target, views, comparison, word: 'bad', code: refused.verdict.code };
  if (comparison?.is === 'different') return { target, views, comparison, word: 'bad', code: null };
  if (seen.length === 0) return { target, views, comparison, word: 'unreached', code: lost?.code ?? null };
  return { target, views, comparison, word: 'good', code: null };
}

/** The verified path, or without one what was presented. `isGood`: nothing at all speaks against the host. */
export function linksOf(
  { report, evidence }: Seen,
  glass: Pick<Glass, 'trust' | 'anchors'>,
  isGood: boolean,
): readonly Link[] {
  const presented = new Set(evidence.chain.map(({ sha256 }) => sha256));
  if (report.path === null) {
    return evidence.chain.flatMap((der) => {
      const parsed = parseCertificate(der);
      return parsed.ok ? [link(parsed.value, false, 'presented')] : [];
    });
  }
  const last = report.path.length - 1;
  return report.path.map((certificate, depth) => {
    const sent = presented.has(certificate.der.sha256);
    const from = depth === last ? `anchor (${anchorSource(certificate, glass)})` : sent ? 'presented' : 'added';
    return link(certificate, isGood, from);
  });
}

function link(certificate: Certificate, verified: boolean, from: string): Link {
  const { subject, issuer, der, spkiSha256, key, notBeforeMs, notAfterMs } = certificate;
  return {
    subject: clip(subject.text === '' ? '(empty subject)' : subject.text),
    issuer: clip(issuer.text),
    pin: verified ? `sha256/${spkiSha256}` : null,
    fingerprint: der.sha256,
    key: keyText(key),
    notBeforeMs,
    notAfterMs,
    from,
  };
}

function anchorSource({ der }: Certificate, { trust, anchors }: Pick<Glass, 'trust' | 'anchors'>): string {
  const holds = (set: { readonly anchors: Glass['anchors']['anchors'] }): boolean =>
    set.anchors.some(({ certificate }) => certificate.der.sha256 === der.sha256);
  if (holds(trust.publicAnchors)) return 'public';
  return anchors.name === 'system' ? 'system' : 'file';
}

function keyText(key: KeyKind): string {
  switch (key.kind) {
    case 'rsa':
      return `RSA ${key.bits}`;
    case 'ec':
      return key.curve === 'other' ? 'EC' : key.curve;
    case 'ed25519':
      return 'Ed25519';
    case 'ml-dsa':
      return `ML-DSA-${key.set}`;
    case 'other':
      return key.oid;
  }
}

/** `2026-12-30`; `?` for a date that no calendar has. */
export function day(atMs: number): string {
  return Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString().slice(0, 10) : '?';
}

const DAY_MS = 86_400_000;

/** Whole days from `nowMs`, negative when it is past. */
export function daysLeft(atMs: number, nowMs: number): number {
  return Math.floor((atMs - nowMs) / DAY_MS);
}

/** One line of JSON for one host. */
export function probedJson(probed: Probed, glass: Glass): object {
  const { target, word, code, comparison } = probed;
  return {
    target,
    result: word,
    code,
    comparison,
    views: probed.views.map((view) => viewJson(view, glass, word === 'good')),
  };
}

/** What did not answer: behind another proxy the dial goes to the proxy, not to the upstream. */
export function unreachedWords({ via, code, facts }: Extract<View, { kind: 'unreached' }>): {
  readonly says: string;
  readonly next: string;
} {
  const { says, next } = CODES[code];
  if (via === null || !code.startsWith('dial.')) return { says, next };
  const proxy = printAuthority(via);
  if (facts['status'] !== undefined)
    return { says: 'the proxy did not open the tunnel', next: `ask whoever runs ${proxy}` };
  return { says: says.replace('the upstream', 'the proxy'), next: `check that an HTTP proxy listens on ${proxy}` };
}

function viewJson(view: View, glass: Glass, isGood: boolean): object {
  const via = view.via === null ? null : `${view.via.host}:${view.via.port}`;
  if (view.kind === 'unreached') return { via, code: view.code, facts: view.facts, next: unreachedWords(view).next };
  const { evidence, report, verdict } = view;
  const links = linksOf(view, glass, isGood).map(({ notBeforeMs, notAfterMs, ...rest }) => ({
    ...rest,
    notBefore: day(notBeforeMs),
    notAfter: day(notAfterMs),
  }));
  return {
    via,
    at: new Date(evidence.seenAtMs).toISOString(),
    address: evidence.address,
    tlsVersion: evidence.tlsVersion,
    cipher: evidence.cipher,
    group: evidence.group,
    alpn: evidence.alpn,
    handshakeMs: Math.round(evidence.handshakeMs),
    ...(view.decides === undefined ? {} : { rule: view.decides, refused: view.refused ?? [] }),
    verdict: verdict.verdict,
    code: verdict.code,
    codes: [...new Set(report.findings.map((finding) => finding.code))],
    path: report.path === null ? null : links,
    presented: report.path === null ? links : null,
    outcomes: report.outcomes,
  };
}
