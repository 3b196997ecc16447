/**
 * The OCSP staple of the leaf, judged with the issuer of the verified path.
 *
 * Does: give pki/ocsp what it asks for and put its word into an outcome; hand the SCTs of a good response on to CT.
 * A leaf that demands a staple (RFC 7633) fails without a usable one, also under `if-present`.
 */
import type { Code } from '../../model/codes.ts';
import { type Finding, finding } from '../../model/finding.ts';
import type { Facts, Outcome } from '../../model/outcome.ts';
import { DEFAULT_MAX_STAPLE_AGE_MS, demandsStaple, judgeStaple, type StapleJudgement } from '../../pki/ocsp/staple.ts';
import { verifySignature } from '../../pki/x509/signature.ts';
import type { PathContext } from '../context.ts';
import { failWith } from './weigh.ts';

export interface StapleAnswer {
  readonly outcome: Outcome;
  /** SCT list of a good response; null: none. */
  readonly sctList: Buffer | null;
}

export function checkStaple({ leaf, found, evidence, trust, seenAtMs }: PathContext): StapleAnswer {
  const issuer = found.path[1];
  if (issuer === undefined) return { outcome: { is: 'skipped', why: 'is-anchor' }, sctList: null };
  const judgement = judgeStaple({
    staple: evidence.staple?.bytes ?? null,
    leaf,
    issuer,
    atMs: seenAtMs,
    maxAgeMs: DEFAULT_MAX_STAPLE_AGE_MS,
    memory: trust.signatures,
    verify: verifySignature,
  });
  if (judgement.is === 'good')
    return { outcome: { is: 'pass', facts: datesOf(judgement) }, sctList: judgement.sctList };
  if (judgement.is === 'none') return { outcome: { is: 'absent', why: 'no-staple' }, sctList: null };
  const findings: [Finding, ...Finding[]] = [finding(CODES_OF[judgement.is], factsOf(judgement))];
  if (judgement.is !== 'must-staple' && demandsStaple(leaf)) findings.push(finding('staple.must-staple'));
  return { outcome: failWith(findings), sctList: null };
}

const CODES_OF: Readonly<Record<Exclude<StapleJudgement['is'], 'good' | 'none'>, Code>> = Object.freeze({
  revoked: 'staple.revoked',
  unknown: 'staple.unknown',
  'must-staple': 'staple.must-staple',
  stale: 'staple.stale',
  signature: 'staple.signature',
  'wrong-certificate': 'staple.wrong-certificate',
  'error-response': 'staple.error-response',
  malformed: 'staple.malformed',
});

function factsOf(judgement: StapleJudgement): Facts {
  const why = 'why' in judgement ? { why: judgement.why.slice(0, 256) } : {};
  const dates = 'thisUpdateMs' in judgement ? datesOf(judgement) : {};
  switch (judgement.is) {
    case 'revoked':
      return { ...dates, revokedAt: isoTime(judgement.revokedAtMs), ...reasonOf(judgement.reason) };
    case 'error-response':
      return { status: judgement.status };
    default:
      return { ...why, ...dates };
  }
}

function datesOf(answer: { readonly thisUpdateMs: number; readonly nextUpdateMs: number | null }): Facts {
  const next = answer.nextUpdateMs === null ? {} : { nextUpdate: isoTime(answer.nextUpdateMs) };
  return { thisUpdate: isoTime(answer.thisUpdateMs), ...next };
}

/** CRLReason (RFC 5280 §5.3.1). */
function reasonOf(reason: number | null): Facts {
  return reason === null ? {} : { reason };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
