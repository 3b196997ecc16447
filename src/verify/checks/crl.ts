/**
 * CRLs of the trust snapshot against the verified path.
 *
 * Does: ask for every certificate below the anchor. Any proven revocation fails. Otherwise the leaf decides, and an
 * issuer for which there are CRLs of its own issuer, none of which counts: that is no different from having none.
 * A stale or unfit CRL is the operator's or the fetcher's, not the upstream's: it counts as absence, which `require`
 * turns into a failure. A leaf that lives for at most seven days needs no CRL (BR §1.6.1, short-lived certificates).
 */
import type { Code } from '../../model/codes.ts';
import { type Finding, finding } from '../../model/finding.ts';
import type { Facts, Outcome } from '../../model/outcome.ts';
import {
  type CrlJudgement,
  DEFAULT_MAX_CA_CRL_AGE_MS,
  DEFAULT_MAX_CRL_AGE_MS,
  judgeCrls,
} from '../../pki/crl/check.ts';
import type { Certificate } from '../../pki/x509/certificate.ts';
import { verifySignature } from '../../pki/x509/signature.ts';
import type { PathContext } from '../context.ts';
import { isPublicAnchor } from './public-root.ts';
import { isoText, reasonPart } from './staple.ts';
import { failWith } from './weigh.ts';

/** Seven days, since 2026-03-15. Milliseconds. */
const SHORT_LIVED_MS = 7 * 86_400_000;

export function checkCrl(context: PathContext): Outcome {
  const { path } = context.found;
  if (path.length === 1) return { is: 'skipped', why: 'leaf-is-anchor' };
  const judged = path.slice(0, -1).map((certificate, depth) => ({
    certificate,
    judgement: judgeOne(context, certificate, path.slice(depth + 1), depth === 0),
  }));
  const revoked = judged.flatMap(({ certificate, judgement }) => revocation(certificate, judgement));
  const [first, ...others] = revoked;
  if (first !== undefined) return failWith([first, ...others]);
  const facts = {
    crls: judged.map(({ certificate, judgement }) => `${describe(judgement)} ${certificate.subject.text}`),
  };
  const [leaf, ...issuers] = judged;
  const outcome = leafOutcome(context, leaf!.judgement, facts);
  const unsettled = outcome.is === 'absent' ? undefined : issuers.find((one) => isUnsettled(context, one));
  return unsettled === undefined ? outcome : { is: 'absent', why: wordOf(unsettled.judgement), facts };
}

interface Judged {
  readonly certificate: Certificate;
  readonly judgement: CrlJudgement;
}

/** A self-issued certificate is the same CA with another key: its list may be signed by the very key that it brings. */
function isUnsettled({ trust }: PathContext, { certificate, judgement }: Judged): boolean {
  return judgement.is !== 'good' && !certificate.selfIssued && trust.crls.has(certificate.issuer.key);
}

function wordOf(judgement: CrlJudgement): string {
  return judgement.is === 'none' ? 'no-crl' : judgement.is;
}

/** The code of an absence that the rule does not accept. */
export function onCrlAbsent(why: string): Code {
  if (why === 'stale') return 'crl.stale';
  return why === 'invalid' ? 'crl.invalid' : 'crl.missing';
}

function judgeOne(
  { trust, nowMs, found }: PathContext,
  certificate: Certificate,
  issuers: readonly Certificate[],
  isLeaf: boolean,
): CrlJudgement {
  return judgeCrls({
    certificate,
    issuers,
    crls: trust.crls.get(certificate.issuer.key) ?? [],
    nowMs,
    maxAgeMs: isLeaf ? DEFAULT_MAX_CRL_AGE_MS : DEFAULT_MAX_CA_CRL_AGE_MS,
    profile: isPublicAnchor(found.anchor, trust) ? 'public' : 'private',
    memory: trust.signatures,
    verify: verifySignature,
  });
}

function revocation(certificate: Certificate, judgement: CrlJudgement): Finding[] {
  if (judgement.is !== 'revoked') return [];
  const facts: Facts = {
    subject: certificate.subject.text,
    serial: certificate.serial.toString('hex'),
    revokedAt: isoText(judgement.revokedAtMs),
    thisUpdate: isoText(judgement.thisUpdateMs),
    ...reasonPart(judgement.reason),
  };
  return [finding('crl.revoked', facts)];
}

function leafOutcome({ leaf, trust }: PathContext, judgement: CrlJudgement, facts: Facts): Outcome {
  if (judgement.is === 'good') return { is: 'pass', facts };
  if (leaf.notAfterMs - leaf.notBeforeMs <= SHORT_LIVED_MS) return { is: 'skipped', why: 'short-lived' };
  const isInvalid = judgement.is === 'none' && (trust.malformedCrls ?? 0) > 0;
  return { is: 'absent', why: isInvalid ? 'invalid' : wordOf(judgement), facts };
}

function describe(judgement: CrlJudgement): string {
  return judgement.is === 'stale' || judgement.is === 'invalid' ? `${judgement.is} (${judgement.why})` : judgement.is;
}
