/**
 * Certificate Transparency of the leaf under the verified path.
 *
 * Does: give pki/ct what it asks for, the timestamps of a good staple included, and put its word into an outcome.
 * Does not: judge chains to private anchors; a private CA does not log.
 */
import type { Facts, Outcome } from '../../model/outcome.ts';
import { type CtJudgement, judgeTransparency } from '../../pki/ct/compliance.ts';
import { DEFAULT_MAX_LOG_LIST_AGE_MS } from '../../pki/ct/log-list.ts';
import type { PathContext } from '../context.ts';
import type { CtDemand } from '../trust.ts';
import { isPublicAnchor } from './public-root.ts';
import { goodStapleScts } from './staple.ts';
import { fail } from './weigh.ts';

/** SCTs named in facts. */
const MAX_NAMED = 16;

const DEFAULT_DEMAND: CtDemand = Object.freeze({
  profile: Object.freeze({ name: 'chrome' }),
  maxListAgeMs: DEFAULT_MAX_LOG_LIST_AGE_MS,
});

export function checkCt(context: PathContext): Outcome {
  const { leaf, found, trust, seenAtMs, nowMs } = context;
  const { profile, maxListAgeMs } = trust.ct ?? DEFAULT_DEMAND;
  const issuer = found.path[1];
  if (issuer === undefined) return { is: 'skipped', why: 'not-public' };
  const judgement = judgeTransparency({
    leaf,
    issuer,
    scope: isPublicAnchor(found.anchor, trust) ? 'public' : 'private',
    // Chrome does not count them any more, so the staple need not be read for it.
    ocspSctList: profile.name === 'chrome' ? null : goodStapleScts(context),
    list: trust.logList,
    profile,
    seenAtMs,
    nowMs,
    maxListAgeMs,
    memory: trust.signatures,
  });
  return outcomeOf(judgement);
}

function outcomeOf(judgement: CtJudgement): Outcome {
  const facts = factsOf(judgement);
  switch (judgement.is) {
    case 'compliant':
      return { is: 'pass', facts };
    case 'not-applicable':
      return { is: 'skipped', why: 'not-public' };
    case 'no-scts':
      return { is: 'absent', why: 'no-scts' };
    case 'no-list':
      return { is: 'absent', why: 'no-log-list' };
    case 'list-stale':
      return { is: 'absent', why: 'log-list-stale' };
    case 'not-enough-scts':
      return fail('ct.not-enough-scts', facts);
    case 'not-diverse':
      return fail('ct.not-diverse', facts);
    case 'no-known-log':
      return fail('ct.no-known-log', facts);
    case 'invalid':
      return fail('ct.invalid', facts);
  }
}

function factsOf({ have, need, malformed, scts }: CtJudgement): Facts {
  return {
    ...(have === null ? {} : { have }),
    ...(need === null ? {} : { need }),
    ...(malformed === null ? {} : { malformed }),
    scts: scts.slice(0, MAX_NAMED).map((sct) => `${sct.verdict}: ${sct.log ?? sct.logId}`),
  };
}
