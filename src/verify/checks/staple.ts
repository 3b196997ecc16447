/**
 * The stapled OCSP response of the leaf under the verified path.
 *
 * Does: give pki/ocsp what it asks for and put its word into an outcome.
 * A stale staple and a responder's error say nothing about the certificate (Apache staples `tryLater` by default), so
 * they count as absence; a certificate that demands a staple fails for every unusable one.
 */
import type { Code } from '../../model/codes.ts';
import { finding } from '../../model/finding.ts';
import type { Facts, Outcome } from '../../model/outcome.ts';
import { DEFAULT_MAX_STAPLE_AGE_MS, demandsStaple, judgeStaple, type StapleJudgement } from '../../pki/ocsp/staple.ts';
import { verifySignature } from '../../pki/x509/signature.ts';
import type { PathContext } from '../context.ts';
import { fail, failWith } from './weigh.ts';

export function checkStaple(context: PathContext): Outcome {
  const judgement = judgementOf(context);
  return judgement === null
    ? { is: 'skipped', why: 'leaf-is-anchor' }
    : outcomeOf(judgement, demandsStaple(context.leaf));
}

/** The TLS list of SCTs in a staple that says good; null: there is none. */
export function goodStapleScts(context: PathContext): Buffer | null {
  if (context.evidence.staple === null) return null;
  const judgement = judgementOf(context);
  return judgement?.is === 'good' ? judgement.sctList : null;
}

/** Null: nobody issued the leaf. */
function judgementOf({ leaf, found, evidence, trust, seenAtMs }: PathContext): StapleJudgement | null {
  const issuer = found.path[1];
  if (issuer === undefined) return null;
  return judgeStaple({
    staple: evidence.staple?.bytes ?? null,
    leaf,
    issuer,
    atMs: seenAtMs,
    maxAgeMs: DEFAULT_MAX_STAPLE_AGE_MS,
    memory: trust.signatures,
    verify: verifySignature,
  });
}

/** The code of an absence that the rule does not accept. */
export function onStapleAbsent(why: string): Code {
  if (why === 'stale') return 'staple.stale';
  return why === 'error-response' ? 'staple.error-response' : 'staple.missing';
}

function outcomeOf(judgement: StapleJudgement, demanded: boolean): Outcome {
  const facts = factsOf(judgement);
  switch (judgement.is) {
    case 'good':
      return { is: 'pass', facts };
    case 'revoked':
      return fail('staple.revoked', facts);
    case 'unknown':
      return fail('staple.unknown', facts);
    case 'none':
      return { is: 'absent', why: 'no-staple' };
    case 'must-staple':
      return fail('staple.must-staple');
    case 'stale':
    case 'error-response':
      return demanded
        ? unusable(onStapleAbsent(judgement.is), facts, true)
        : { is: 'absent', why: judgement.is, facts };
    case 'malformed':
      return unusable('staple.malformed', facts, demanded);
    case 'signature':
      return unusable('staple.signature', facts, demanded);
    case 'wrong-certificate':
      return unusable('staple.wrong-certificate', facts, demanded);
  }
}

function unusable(code: Code, facts: Facts, demanded: boolean): Outcome {
  return demanded ? failWith([finding('staple.must-staple'), finding(code, facts)]) : fail(code, facts);
}

function factsOf(judgement: StapleJudgement): Facts {
  switch (judgement.is) {
    case 'good':
    case 'unknown':
      return timesOf(judgement);
    case 'stale':
      return { ...timesOf(judgement), reason: judgement.why };
    case 'revoked':
      return { ...timesOf(judgement), revokedAt: isoText(judgement.revokedAtMs), ...reasonPart(judgement.reason) };
    case 'signature':
      return { reason: judgement.why };
    case 'malformed':
      return { part: judgement.part, reason: judgement.why };
    case 'error-response':
      return { status: judgement.status };
    case 'none':
    case 'must-staple':
    case 'wrong-certificate':
      return {};
  }
}

function timesOf(answer: Extract<StapleJudgement, { thisUpdateMs: number }>): Facts {
  const { thisUpdateMs, nextUpdateMs, signer } = answer;
  return {
    thisUpdate: isoText(thisUpdateMs),
    ...(nextUpdateMs === null ? {} : { nextUpdate: isoText(nextUpdateMs) }),
    signer: signer.subject,
    signerKind: signer.kind,
  };
}

/** CRLReason (RFC 5280 §5.3.1). */
export function reasonPart(reason: number | null): { readonly reason?: string } {
  return reason === null ? {} : { reason: REASONS[reason] ?? String(reason) };
}

const REASONS: Readonly<Record<number, string>> = Object.freeze({
  0: 'unspecified',
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  8: 'removeFromCRL',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
});

/** ISO 8601; DER times always fit. */
export function isoText(atMs: number): string {
  return new Date(atMs).toISOString();
}
