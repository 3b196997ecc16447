/**
 * The chain: search for a path to an anchor of the rule that satisfies everything the rule asks of a path.
 *
 * Does: run the search, hold every valid path against the rule, keep the best, and have failures explained.
 * Does not: let anything but a configured anchor allow. Pins and the other checks can only narrow.
 */
import { CODES, type Code } from '../../model/codes.ts';
import { type Finding, finding } from '../../model/finding.ts';
import type { Outcome } from '../../model/outcome.ts';
import type { FoundPath, Path, SearchResult } from '../../pki/path/builder.ts';
import type { Certificate } from '../../pki/x509/certificate.ts';
import { anchorsKey } from '../../policy/policy.ts';
import type { Context } from '../context.ts';
import { explainFailure } from '../explain-failure.ts';
import { type Opinion, opensslAgrees } from '../openssl.ts';
import { forbidden, searchPaths } from '../search.ts';
import { failWith } from './weigh.ts';

/** The outcomes of one valid path that depend on the path. */
export type PathOutcomes = Readonly<
  Record<'pins' | 'publicRoot' | 'certificatePolicies' | 'ct' | 'staple' | 'crl' | 'lifetime', Outcome>
>;

export interface ChainAnswer {
  readonly outcome: Outcome;
  readonly best: { readonly found: FoundPath; readonly outcomes: PathOutcomes } | null;
  readonly explanatoryPath: Path | null;
}

export interface ChainQuestion {
  readonly context: Context;
  /** Distinct certificates other than the leaf. */
  readonly candidates: readonly Certificate[];
  /** Presented certificates that do not parse. */
  readonly malformed: number;
  /** Called for each valid path until one has no failed outcome. */
  readonly judgePath: (found: FoundPath) => PathOutcomes;
}

interface Judged {
  readonly found: FoundPath;
  readonly outcomes: PathOutcomes;
  readonly codes: readonly Code[];
}

interface Attempt {
  readonly best: Judged | null;
  readonly result: SearchResult;
}

const NOTHING_FOUND: SearchResult = Object.freeze({
  accepted: null,
  nearest: null,
  stuck: null,
  pruned: true,
  overrun: false,
});

export function checkChain(question: ChainQuestion): ChainAnswer {
  const { context, candidates, malformed } = question;
  const attempt = searchAllowed(question);
  const { best, result } = attempt;
  if (best === null) {
    const failure = explainFailure({ context, candidates, malformed, result });
    return { outcome: failWith(failure.findings), best: null, explanatoryPath: failure.path };
  }
  const findings: Finding[] = [];
  if (result.accepted === null && result.overrun) findings.push(finding('chain.budget', {}));
  if (!opensslAgrees(opinionOf(context, best.found.path, candidates))) {
    findings.push(finding('chain.validators-disagree', { openssl: context.evidence.openssl.slice(0, 64) }));
  }
  const [first, ...others] = findings;
  const facts = { anchor: best.found.anchor.certificate.subject.text, depth: best.found.path.length };
  return {
    outcome: first === undefined ? { is: 'pass', facts } : failWith([first, ...others], facts),
    best,
    explanatoryPath: null,
  };
}

/** What OpenSSL had before it: the presented list and the anchors, but not our pool. */
function opinionOf(
  { evidence, rule, trust, seenAtMs }: Context,
  path: Path,
  candidates: readonly Certificate[],
): Opinion {
  const sent = new Set(evidence.chain.map((der) => der.sha256));
  const presented = candidates.filter((candidate) => sent.has(candidate.der.sha256));
  const named = trust.anchorSets.get(anchorsKey(rule.anchors))?.bySubject;
  const issuers = new Set([path[0], ...presented].map((one) => one.issuer.key));
  const anchors = [...issuers].flatMap((name) => named?.get(name) ?? []).map((anchor) => anchor.certificate);
  return { openssl: evidence.openssl, path, presented, anchors, seenAtMs };
}

/**
 * First without the keys that the rule denies; only if that leaves no valid path, with them, so that a chain which is
 * valid but for a denied key says so (the pins check then fails). The proxy's own CA is never walked.
 */
function searchAllowed(question: ChainQuestion): Attempt {
  const { context } = question;
  const leafCode = forbidden(context, context.leaf, true);
  if (leafCode === 'chain.own-ca') return { best: null, result: NOTHING_FOUND };
  const strict =
    leafCode === null
      ? search(question, (certificate) => forbidden(context, certificate, false) === null)
      : { best: null, result: NOTHING_FOUND };
  if (strict.best !== null || !strict.result.pruned || strict.result.overrun) return strict;
  return search(question, (certificate) => forbidden(context, certificate, false) !== 'chain.own-ca');
}

function search(question: ChainQuestion, mayIssue: (certificate: Certificate) => boolean): Attempt {
  const { context, candidates, judgePath } = question;
  let best: Judged | null = null;
  const result = searchPaths(context, {
    candidates,
    anchors: context.trust.anchorSets.get(anchorsKey(context.rule.anchors))?.bySubject ?? new Map(),
    brokenLinks: 'drop',
    mayIssue,
    accept: (found) => {
      const outcomes = judgePath(found);
      const judged = { found, outcomes, codes: failedCodes(outcomes) };
      if (best === null || isBetter(judged, best)) best = judged;
      return judged.codes.length === 0;
    },
  });
  return { best, result };
}

function failedCodes(outcomes: PathOutcomes): readonly Code[] {
  return Object.values(outcomes).flatMap((outcome) =>
    outcome.is === 'fail' ? outcome.findings.map((entry) => entry.code) : [],
  );
}

/** Fewer failures of the floor, then fewer failures; the first of equals stays. */
function isBetter(one: Judged, other: Judged): boolean {
  const floor = (judged: Judged): number => judged.codes.filter((code) => CODES[code].floor).length;
  return floor(one) - floor(other) < 0 || (floor(one) === floor(other) && one.codes.length < other.codes.length);
}
