/**
 * CRLs of the verified path, judged now: is any of its certificates listed?
 *
 * Does: ask pki/crl about every certificate below the anchor. The leaf decides whether a CRL was there at all; a CRL of
 * an issuer counts when it is held.
 * Does not: fetch. What the trust snapshot lacks is absent.
 * A short-lived public certificate needs no revocation information (Baseline Requirements §4.9.9): without a CRL for it
 * the check is skipped, also under `require`.
 */
import { finding } from '../../model/finding.ts';
import type { Facts, Outcome } from '../../model/outcome.ts';
import {
  type CrlJudgement,
  DEFAULT_MAX_CA_CRL_AGE_MS,
  DEFAULT_MAX_CRL_AGE_MS,
  judgeCrls,
} from '../../pki/crl/check.ts';
import { verifySignature } from '../../pki/x509/signature.ts';
import type { PathContext } from '../context.ts';
import { isPublicAnchor } from './public-root.ts';
import { failWith } from './weigh.ts';

/** Baseline Requirements §1.6.1 since 2026-03-15. */
const SHORT_LIVED_MS = 7 * 86_400_000;

export function checkCrl(context: PathContext): Outcome {
  const { path } = context.found;
  if (path.length === 1) return { is: 'skipped', why: 'is-anchor' };
  let leafIs: CrlJudgement['is'] = 'none';
  for (let depth = 0; depth < path.length - 1; depth++) {
    const judgement = judgeAt(context, depth);
    if (depth === 0) leafIs = judgement.is;
    const failure = failureOf(judgement, { depth, subject: path[depth]!.subject.text });
    if (failure !== null) return failure;
  }
  if (leafIs === 'good') return { is: 'pass' };
  if ((context.trust.malformedCrls ?? 0) > 0) return failWith([finding('crl.invalid', { why: 'malformed' })]);
  return isShortLived(context) ? { is: 'skipped', why: 'short-lived' } : { is: 'absent', why: 'no-crl' };
}

function judgeAt({ found, trust, nowMs }: PathContext, depth: number): CrlJudgement {
  const certificate = found.path[depth]!;
  return judgeCrls({
    certificate,
    issuers: found.path.slice(depth + 1),
    crls: trust.crls.get(certificate.issuer.key) ?? [],
    nowMs,
    maxAgeMs: depth === 0 ? DEFAULT_MAX_CRL_AGE_MS : DEFAULT_MAX_CA_CRL_AGE_MS,
    memory: trust.signatures,
    verify: verifySignature,
  });
}

/** Null: the judgement does not fail the check. */
function failureOf(judgement: CrlJudgement, place: Facts): Outcome | null {
  switch (judgement.is) {
    case 'good':
    case 'none':
      return null;
    case 'revoked': {
      const reason = judgement.reason === null ? {} : { reason: judgement.reason };
      const revokedAt = new Date(judgement.revokedAtMs).toISOString();
      return failWith([finding('crl.revoked', { ...place, revokedAt, ...reason })]);
    }
    case 'stale':
      return failWith([finding('crl.stale', { ...place, why: judgement.why })]);
    case 'invalid':
      return failWith([finding('crl.invalid', { ...place, why: judgement.why })]);
  }
}

function isShortLived({ leaf, found, trust }: PathContext): boolean {
  return leaf.notAfterMs - leaf.notBeforeMs < SHORT_LIVED_MS && isPublicAnchor(found.anchor, trust);
}
