/**
 * An exhibit: one unexpected chain with everything that explains its verdict, ready for a ticket and for `verify`.
 * Pure.
 *
 * Does: name it by its content, so that the same chain for the same host with the same findings is one exhibit however
 * often it is seen; cap what peers chose.
 * Does not: hold the key material of anybody, or anything that was sent through the tunnel.
 */
import { createHash } from 'node:crypto';
import type { Code } from '../model/codes.ts';
import type { Evidence } from '../model/evidence.ts';
import { CHECKS, type Facts } from '../model/outcome.ts';
import { clip } from '../model/text.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { printPem } from '../pki/x509/pem.ts';
import type { Pin } from '../policy/policy.ts';
import type { Report } from '../verify/report.ts';
import type { VerdictEntry } from './recorder.ts';

/** A pin of the rule, as it was when the event happened. */
export interface ExpectedKey {
  readonly scope: string;
  readonly pin: string;
  readonly name: string | null;
  readonly group: string | null;
  readonly backup: boolean;
  /** ISO date; null: never. */
  readonly expires: string | null;
}

/** A certificate of a path. */
export interface ObservedKey {
  readonly pin: string;
  readonly subject: string;
  readonly issuer: string;
  /** SHA-256 of the certificate, hex. */
  readonly sha256: string;
  readonly notBefore: string | null;
  readonly notAfter: string | null;
}

export interface ExhibitFinding {
  readonly code: Code;
  /** Position in the presented list; null: it speaks of no single one. */
  readonly certificate: number | null;
  readonly facts: Facts;
}

export interface ExhibitOutcome {
  readonly is: string;
  readonly why: string | null;
}

/** One event that showed this chain. */
export interface Sighting {
  readonly event: string;
  readonly at: string;
  readonly client: string;
  /** Client group of the configuration. */
  readonly group: string | null;
}

export interface Exhibit {
  /** SHA-256, hex; see exhibitId. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly verdict: 'alert' | 'block';
  readonly code: Code;
  /** All codes, sorted. */
  readonly codes: readonly Code[];
  readonly rule: string | null;
  readonly owner: string | null;
  readonly mode: string | null;
  readonly generation: number;
  readonly assurance: string;
  readonly openssl: string;
  /** The dialled address. */
  readonly address: string | null;
  readonly serverName: string | null;
  readonly alpnOffered: readonly string[];
  readonly alpn: string | null;
  readonly tlsVersion: string | null;
  readonly cipher: string | null;
  readonly group: string | null;
  readonly handshakeMs: number;
  readonly seenAt: string;
  readonly findings: readonly ExhibitFinding[];
  readonly outcomes: Readonly<Record<string, ExhibitOutcome>>;
  readonly expected: readonly ExpectedKey[];
  readonly denied: readonly ExpectedKey[];
  /** The verified path, leaf first, anchor last; null: there is none. */
  readonly path: readonly ObservedKey[] | null;
  /** Without a verified path: the nearest miss. */
  readonly nearest: readonly ObservedKey[] | null;
  /** SHA-256 of each presented certificate, hex, in the order in which they came. */
  readonly presented: readonly string[];
  /** PEM of the presented list; shorter than `presented` when that was too long to keep. */
  readonly chain: string;
  /** PEM of what completed the path without having been presented; anchors are left out. */
  readonly completing: string;
  /** Stapled OCSP response, base64. */
  readonly staple: string | null;
  readonly count: number;
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** The first and the newest events, at most MAX_SIGHTINGS. */
  readonly sightings: readonly Sighting[];
}

export const MAX_SIGHTINGS = 32;
/** The limit of OpenSSL for a received list; what is longer is kept up to here. */
const MAX_CHAIN_BYTES = 102_400;
const MAX_STAPLE_BYTES = 16 * 1024;
const MAX_LIST = 32;

/** Names the exhibit of an event; null: there is nothing to keep. */
export function exhibitIdOf(entry: VerdictEntry): string | null {
  const { evidence, verdict, code, report } = entry;
  if (evidence === null || evidence.chain.length === 0 || code === null) return null;
  if (verdict !== 'alert' && verdict !== 'block') return null;
  const presented = evidence.chain.map(({ sha256 }) => sha256);
  return exhibitId(presented, evidence.authority.host, codesOf(code, report));
}

/** SHA-256 over the presented list, the host and the sorted codes, hex. */
export function exhibitId(presented: readonly string[], host: string, codes: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([presented, host, codes.toSorted()]))
    .digest('hex');
}

function codesOf(code: Code, report: Report | null): readonly Code[] {
  return [...new Set([code, ...(report?.findings ?? []).map((found) => found.code)])].toSorted();
}

/** The exhibit of one event; null: there is nothing to keep. */
export function exhibitOf(entry: VerdictEntry): Exhibit | null {
  const { evidence, verdict, code, report, rule } = entry;
  const id = exhibitIdOf(entry);
  if (id === null || evidence === null || code === null || (verdict !== 'alert' && verdict !== 'block')) return null;
  const at = new Date(entry.atMs).toISOString();
  return {
    id,
    host: evidence.authority.host,
    port: evidence.authority.port,
    verdict,
    code,
    codes: codesOf(code, report),
    rule: rule?.name ?? null,
    owner: rule?.owner ?? null,
    mode: entry.mode,
    generation: entry.generation,
    ...connectionOf(evidence),
    ...tracesOf(report),
    expected: (rule?.pins.anyOf ?? []).slice(0, MAX_LIST).map(expectedKey),
    denied: (rule?.pins.noneOf ?? []).slice(0, MAX_LIST).map(expectedKey),
    ...bytesOf(evidence, report?.path ?? null),
    count: 1,
    firstSeen: at,
    lastSeen: at,
    sightings: [sightingOf(entry)],
  };
}

export function sightingOf({ eventId, atMs, client }: VerdictEntry): Sighting {
  return { event: eventId, at: new Date(atMs).toISOString(), client: client.address, group: client.groups[0] ?? null };
}

/** Both are of the same id: the newer words, the older start, all sightings up to the bound. */
export function mergeExhibits(older: Exhibit, newer: Exhibit): Exhibit {
  const known = new Set(older.sightings.map(({ event }) => event));
  const all = [...older.sightings, ...newer.sightings.filter(({ event }) => !known.has(event))];
  const kept = all.length <= MAX_SIGHTINGS ? all : [...all.slice(0, 1), ...all.slice(1 - MAX_SIGHTINGS)];
  return {
    ...newer,
    count: older.count + newer.count,
    firstSeen: older.firstSeen < newer.firstSeen ? older.firstSeen : newer.firstSeen,
    lastSeen: older.lastSeen > newer.lastSeen ? older.lastSeen : newer.lastSeen,
    sightings: kept,
  };
}

function connectionOf(evidence: Evidence) {
  return {
    assurance: evidence.assurance,
    openssl: evidence.openssl,
    address: evidence.address,
    serverName: evidence.serverName,
    alpnOffered: evidence.alpnOffered.slice(0, MAX_LIST).map((one) => clip(one)),
    alpn: evidence.alpn === null ? null : clip(evidence.alpn),
    tlsVersion: evidence.tlsVersion,
    cipher: evidence.cipher,
    group: evidence.group,
    handshakeMs: Math.round(evidence.handshakeMs),
    seenAt: new Date(evidence.seenAtMs).toISOString(),
  };
}

function tracesOf(report: Report | null) {
  const findings = (report?.findings ?? []).slice(0, MAX_LIST).map(({ code, certificate, facts }) => ({
    code,
    certificate: certificate ?? null,
    facts: capFacts(facts),
  }));
  const outcomes =
    report === null
      ? {}
      : Object.fromEntries(
          CHECKS.map((check) => {
            const { is, why } = report.outcomes[check];
            return [check, { is, why: why === undefined ? null : clip(why) }];
          }),
        );
  const path = report?.path?.slice(0, MAX_LIST).map(observedKey) ?? null;
  const nearest = report?.explanatoryPath?.slice(0, MAX_LIST).map(observedKey) ?? null;
  return { findings, outcomes, path, nearest: path === null ? nearest : null };
}

function expectedKey(pin: Pin): ExpectedKey {
  const { scope, spkiSha256, name, group, backup, expiresMs } = pin;
  return { scope, pin: `sha256/${spkiSha256}`, name, group, backup, expires: isoOrNull(expiresMs) };
}

/** What people compare of a certificate. */
export function observedKey(certificate: Certificate): ObservedKey {
  const { spkiSha256, subject, issuer, der, notBeforeMs, notAfterMs } = certificate;
  return {
    pin: `sha256/${spkiSha256}`,
    subject: clip(subject.text),
    issuer: clip(issuer.text),
    sha256: der.sha256,
    notBefore: isoOrNull(notBeforeMs),
    notAfter: isoOrNull(notAfterMs),
  };
}

function bytesOf({ chain, staple }: Evidence, path: readonly Certificate[] | null) {
  let bytes = 0;
  const kept = chain.filter((der) => {
    bytes += der.bytes.length;
    return bytes <= MAX_CHAIN_BYTES;
  });
  const presented = new Set(chain.map(({ sha256 }) => sha256));
  const added = (path ?? []).slice(0, -1).filter(({ der }) => !presented.has(der.sha256));
  return {
    presented: chain.map(({ sha256 }) => sha256),
    chain: kept.map((der) => printPem(der.bytes)).join(''),
    completing: added.map(({ der }) => printPem(der.bytes)).join(''),
    staple: staple === null || staple.bytes.length > MAX_STAPLE_BYTES ? null : staple.bytes.toString('base64'),
  };
}

/** A certificate may name a year that Date cannot print. */
function isoOrNull(atMs: number | null): string | null {
  const date = new Date(atMs ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function capFacts(facts: Facts): Facts {
  return Object.fromEntries(
    Object.entries(facts)
      .slice(0, MAX_LIST)
      .map(([key, value]) => {
        if (typeof value === 'string') return [clip(key), clip(value)];
        if (typeof value === 'object') return [clip(key), value.slice(0, MAX_LIST).map((one) => clip(one))];
        return [clip(key), value];
      }),
  );
}
