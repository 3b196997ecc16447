/**
 * Examine: what "verified" means. Evidence, rule, trust snapshot and time become a report; pure.
 *
 * Does: run every check, collect all findings, pick the headline.
 * Does not: decide what the findings lead to (judge.ts), nor throw for anything that a peer sent.
 * Validity periods, staples and timestamps are judged at the time of the Evidence; denials, anchors, CRLs and the rule
 * (its TLS floor too) at `nowMs`. So a re-judged tunnel does not fall when its certificate expires, but does when its
 * key is denied.
 */
import { CODES, headline } from '../model/codes.ts';
import type { Evidence } from '../model/evidence.ts';
import type { Finding } from '../model/finding.ts';
import type { CheckName, Outcome, Outcomes } from '../model/outcome.ts';
import { CHECKS } from '../model/outcome.ts';
import type { FoundPath } from '../pki/path/builder.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import type { Rule } from '../policy/policy.ts';
import { checkCertificatePolicies } from './checks/certificate-policies.ts';
import { checkChain, type PathOutcomes } from './checks/chain.ts';
import { checkContinuity } from './checks/continuity.ts';
import { checkCrl, onCrlAbsent } from './checks/crl.ts';
import { checkCt } from './checks/ct.ts';
import { checkIdentity } from './checks/identity.ts';
import { checkLifetime } from './checks/lifetime.ts';
import { checkPins, matchingPin } from './checks/pins.ts';
import { checkPublicRoot } from './checks/public-root.ts';
import { checkStaple, onStapleAbsent } from './checks/staple.ts';
import { checkTls } from './checks/tls.ts';
import { fail, weigh } from './checks/weigh.ts';
import type { Context, PathContext } from './context.ts';
import { isFloorLowered } from './floor.ts';
import { readPresented } from './presented.ts';
import type { Report } from './report.ts';
import type { Trust } from './trust.ts';

/** Which rule and Evidence a report is about, so that judge can refuse any other. */
const subjects = new WeakMap<Report, { readonly rule: Rule; readonly evidence: Evidence }>();

/** `nowMs`: milliseconds since the epoch. Never throws for what a peer sent. */
export function examine(evidence: Evidence, rule: Rule, trust: Trust, nowMs: number): Report {
  const report = Object.freeze({ judgedAtMs: nowMs, ...examined(evidence, rule, trust, nowMs) });
  subjects.set(report, { rule, evidence });
  return report;
}

/** True when `examine` made this report of this rule and this Evidence, by identity. */
export function isReportOf(report: Report, rule: Rule, evidence: Evidence): boolean {
  const subject = subjects.get(report);
  return subject !== undefined && subject.rule === rule && subject.evidence === evidence;
}

type Body = Omit<Report, 'judgedAtMs'>;

function examined(evidence: Evidence, rule: Rule, trust: Trust, nowMs: number): Body {
  if (evidence.protocol === 'http') return body(plaintextOutcomes(rule));
  if (rule.mode === 'bypass') return body(allSkipped('mode-bypass'));
  const presented = readPresented(evidence, trust);
  if (!presented.ok) {
    const chain = fail(presented.code, presented.facts);
    const tls = checkTls({ evidence, rule, nowMs });
    return body({ ...allSkipped('needs-path'), ...withoutPath(rule, nowMs, null), chain, tls });
  }
  const { leaf, candidates, malformed } = presented;
  const context: Context = { evidence, rule, trust, nowMs, seenAtMs: evidence.seenAtMs, leaf };
  const judgePath = (found: FoundPath): PathOutcomes => judgedPath({ ...context, found });
  const chain = checkChain({ context, candidates, malformed, judgePath });
  const outcomes: Outcomes = {
    ...allSkipped('needs-path'),
    chain: chain.outcome,
    identity: checkIdentity(context),
    tls: checkTls(context),
    ...(chain.best?.outcomes ?? withoutPath(rule, nowMs, leaf)),
    continuity: weigh(rule.checks.continuity, checkContinuity, () => 'continuity.unknown'),
  };
  return body(outcomes, { rule, leaf, found: chain.best?.found ?? null, explanatoryPath: chain.explanatoryPath });
}

/** The outcomes that depend on the path, in the words of the rule. */
function judgedPath(context: PathContext): PathOutcomes {
  const { checks } = context.rule;
  return {
    pins: checkPins(context),
    publicRoot: weigh(
      checks.publicRoot,
      () => checkPublicRoot(context),
      () => 'public-root.private',
    ),
    certificatePolicies: checkCertificatePolicies(context),
    ct: weigh(
      checks.ct,
      () => checkCt(context),
      (why) => (why === 'no-scts' ? 'ct.no-scts' : 'ct.unavailable'),
    ),
    staple: weigh(checks.staple, () => checkStaple(context), onStapleAbsent),
    crl: weigh(checks.crl, () => checkCrl(context), onCrlAbsent),
    lifetime: weigh(
      checks.lifetime,
      () => checkLifetime(context),
      () => 'lifetime.unexplained',
    ),
  };
}

/**
 * Without a valid path the chain's own finding says it all, and the rest is skipped. Not when `unsafeFloor` lets that
 * finding pass: then what the rule requires is absent and fails, and pins hold for the one key that is proven without
 * a path, the leaf's; a leaf that nobody can read (null) proves none.
 */
function withoutPath(rule: Rule, nowMs: number, leaf: Certificate | null): Partial<PathOutcomes> {
  if (!isFloorLowered(rule, nowMs)) return {};
  const absent = (): Outcome => ({ is: 'absent', why: 'needs-path' });
  const { publicRoot, ct, staple, crl, lifetime } = rule.checks;
  return {
    pins: checkPins({ rule, nowMs, found: { path: leaf === null ? [] : [leaf] } }),
    certificatePolicies: checkCertificatePolicies({ rule, found: null }),
    publicRoot: weigh(publicRoot, absent, () => 'public-root.private'),
    ct: weigh(ct, absent, () => 'ct.unavailable'),
    staple: weigh(staple, absent, () => 'staple.missing'),
    crl: weigh(crl, absent, () => 'crl.missing'),
    lifetime: weigh(lifetime, absent, () => 'lifetime.unexplained'),
  };
}

/** Nothing to judge; but a rule that demands TLS does so for evidence that comes from anywhere. */
function plaintextOutcomes({ plaintext }: Rule): Outcomes {
  const skipped = allSkipped('plaintext');
  return plaintext === 'allow' ? skipped : { ...skipped, chain: fail('plaintext.denied') };
}

function allSkipped(why: string): Record<CheckName, Outcome> {
  const skipped: Outcome = Object.freeze({ is: 'skipped', why });
  return Object.fromEntries(CHECKS.map((check) => [check, skipped])) as Record<CheckName, Outcome>;
}

interface Seen {
  readonly rule: Rule;
  readonly leaf: Certificate;
  readonly found: FoundPath | null;
  readonly explanatoryPath: FoundPath['path'] | null;
}

/** `seen`: null when no chain could be looked at. */
function body(outcomes: Outcomes, seen: Seen | null = null): Body {
  const found = seen?.found ?? null;
  const findings = CHECKS.flatMap((check) => {
    const outcome = outcomes[check];
    return outcome.is === 'fail' ? outcome.findings : [];
  }).sort(compareFindings);
  const pin =
    seen === null || found === null || outcomes.pins.is !== 'pass' ? null : matchingPin(seen.rule, found.path);
  return {
    outcomes: Object.freeze(outcomes),
    findings: Object.freeze(findings),
    headline: headline(findings.map((entry) => entry.code)),
    leaf: seen?.leaf ?? null,
    path: found?.path ?? null,
    explanatoryPath: seen?.explanatoryPath ?? null,
    pinHit:
      pin === null
        ? null
        : Object.freeze({ pin: pin.backup ? 'backup' : 'primary', name: pin.name, spkiSha256: pin.spkiSha256 }),
  };
}

/** Most specific first; equal ranks by name, as `headline` breaks ties. Findings of one code keep their order. */
function compareFindings(one: Finding, other: Finding): number {
  if (one.code === other.code) return 0;
  return CODES[other.code].rank - CODES[one.code].rank || (one.code < other.code ? -1 : 1);
}
