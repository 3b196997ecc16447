/**
 * What a worker learns from the chains that it judges: issuers of accepted paths for its pool, and URLs for the
 * supervisor's fetcher.
 *
 * Does: CRL distribution points of accepted paths only; for a chain that lacks an issuer, the URL that its last
 * certificate names. Each URL is told once an hour. Completing chains is the operator's choice: without it a verdict
 * depends on nothing that was seen before.
 * Does not: fetch, wait, or change a verdict that was given.
 */
import type { Clock } from '../host/clock.ts';
import type { Evidence } from '../model/evidence.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { parseCertificate } from '../pki/x509/parse.ts';
import type { Config } from '../policy/config.ts';
import type { Rule } from '../policy/policy.ts';
import type { Intermediates } from '../proxy/intermediates.ts';
import type { Report } from '../verify/report.ts';
import type { Wanted } from './messages.ts';

/** Each URL is told so often, so that the fetcher knows what is still in use. */
const AGAIN_MS = 3_600_000;
/** URLs remembered as told; when they are more, some are told again. */
const TOLD_MAX = 4_096;
/** URLs of one certificate; they carry one or two. */
const URLS_OF_ONE = 4;

export interface LearnerOptions {
  readonly clock: Clock;
  readonly config: () => Config;
  readonly intermediates: Intermediates;
  readonly want: (items: readonly Wanted[]) => void;
}

export interface Lesson {
  readonly evidence: Evidence;
  readonly report: Report;
  readonly rule: Rule;
  readonly permitted: boolean;
}

/** Takes every judgement as it comes. */
export function createLearner({ clock, config, intermediates, want }: LearnerOptions): (lesson: Lesson) => void {
  const told = new Set<string>();
  let toldSinceMs = clock.monotonicMs();
  const isNews = ({ kind, url }: Wanted): boolean => {
    if (clock.monotonicMs() - toldSinceMs > AGAIN_MS || told.size >= TOLD_MAX) {
      told.clear();
      toldSinceMs = clock.monotonicMs();
    }
    const name = `${kind} ${url}`;
    if (told.has(name)) return false;
    told.add(name);
    return true;
  };
  return ({ evidence, report, rule, permitted }) => {
    const { crl, aia } = config();
    const found: Wanted[] = [];
    if (permitted && report.path !== null) {
      if (aia === 'background') intermediates.learn(report.path);
      if (crl.fetch === 'background' && rule.checks.crl !== 'off') found.push(...crlsOf(report.path));
    } else if (aia === 'background' && report.headline === 'chain.incomplete') {
      found.push(...issuersOf(evidence));
    }
    const news = found.filter(isNews);
    if (news.length > 0) want(news);
  };
}

/** The distribution points of everything below the anchor. Points with a CRL issuer or reasons of their own are not usable. */
function crlsOf(path: readonly Certificate[]): readonly Wanted[] {
  return path.slice(0, -1).flatMap((certificate, depth) => {
    const points = certificate.extensions.crlDistributionPoints ?? [];
    const uris = points.filter((point) => !point.hasIssuer && !point.hasReasons).flatMap((point) => point.uris);
    const issuer = path[depth + 1];
    return issuer === undefined
      ? []
      : httpOnly(uris).map((url) => ({ kind: 'crl', url, certificate: issuer.der.bytes }) as const);
  });
}

/** Of the presented certificates those whose issuer was not presented: there the chain broke off. */
function issuersOf({ chain, completing }: Evidence): readonly Wanted[] {
  const known = [...chain, ...completing].flatMap((der) => {
    const parsed = parseCertificate(der);
    return parsed.ok ? [parsed.value] : [];
  });
  const subjects = new Set(known.map((certificate) => certificate.subject.key));
  return known
    .filter((certificate) => !subjects.has(certificate.issuer.key))
    .flatMap((certificate) => {
      const uris = certificate.extensions.authorityInfoAccess?.caIssuers ?? [];
      return httpOnly(uris).map((url) => ({ kind: 'issuer', url, certificate: certificate.der.bytes }) as const);
    });
}

function httpOnly(uris: readonly string[]): readonly string[] {
  return uris.filter((uri) => uri.toLowerCase().startsWith('http://')).slice(0, URLS_OF_ONE);
}
