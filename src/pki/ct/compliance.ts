/**
 * Certificate Transparency of one leaf under one validated path: read its SCTs, verify them with the logs of the list,
 * count what is left against the profile.
 *
 * Does: answer with one word and one fact for each SCT, so that a person can see why it did or did not count.
 * Does not: see SCTs of the TLS extension: Node offers no way to receive them.
 * The caller must: pass the issuer of the validated path, and SCTs of an OCSP response only when that response is good.
 */
import { hash } from 'node:crypto';
import type { Certificate } from '../x509/certificate.ts';
import type { SignatureMemory } from '../x509/signature.ts';
import type { CtLog } from './log.ts';
import { type LogList, logListAge, MIMIC_LOG_IDS } from './log-list.ts';
import { precertEntry, x509Entry } from './precert.ts';
import {
  type CtProfile,
  countable,
  type Delivery,
  judgeQuota,
  lifetimeDays,
  operatorAt,
  type VerifiedSct,
} from './quota.ts';
import { parseSctList, type Sct, type SctSignature, type SignedEntry, verifySct } from './sct.ts';

/** A timestamp may lead our clock by this much. Milliseconds. */
export const SCT_SKEW_MS = 5 * 60_000;

export interface CtQuestion {
  readonly leaf: Certificate;
  /** The certificate above the leaf in the validated path. */
  readonly issuer: Certificate;
  /** CT applies only to what public CAs issue. */
  readonly scope: 'public' | 'private';
  /** SCT list of a good OCSP response; null: none. */
  readonly ocspSctList: Buffer | null;
  /** null: the operator configured none, or it could not be read. */
  readonly list: LogList | null;
  readonly profile: CtProfile;
  /** When the chain was seen: timestamps are judged at this time. Milliseconds since the epoch. */
  readonly seenAtMs: number;
  /** Now: the age of the list is judged at this time. Milliseconds since the epoch. */
  readonly nowMs: number;
  readonly maxListAgeMs: number;
  readonly memory: SignatureMemory;
}

export type CtResult =
  | 'compliant'
  | 'not-enough-scts'
  | 'not-diverse'
  | 'no-scts'
  | 'no-known-log'
  | 'invalid'
  | 'no-list'
  | 'list-stale'
  | 'not-applicable';

/** Why an SCT does or does not count. */
export type SctVerdict =
  | 'counted'
  | 'unknown-log'
  | 'mimic-log'
  | 'log-not-accepted'
  | 'log-retired'
  | 'bad-signature'
  | 'unsupported-algorithm'
  | 'in-the-future'
  | 'outside-interval'
  | 'delivery-not-counted';

export interface SctFact {
  readonly logId: string;
  /** Description and operator of the log; null: unknown log. */
  readonly log: string | null;
  readonly operator: string | null;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly delivery: Delivery;
  readonly verdict: SctVerdict;
}

export interface CtJudgement {
  readonly is: CtResult;
  /** Numbers behind `not-enough-scts` (logs) and `not-diverse` (operators, or SCTs that the operators' caps leave). */
  readonly have: number | null;
  readonly need: number | null;
  /** Why the list of SCTs is malformed; null: it is not. */
  readonly malformed: string | null;
  readonly scts: readonly SctFact[];
}

/** Judges CT of `question.leaf`. Every word but `compliant` is a reason; none is an error of ours. */
export function judgeTransparency(question: CtQuestion): CtJudgement {
  const { leaf, list } = question;
  if (question.scope === 'private') return judgement('not-applicable');
  const embedded = leaf.extensions.sctList ?? null;
  if (embedded === null && question.ocspSctList === null) return judgement('no-scts');
  if (list === null) return judgement('no-list');
  if (logListAge(list, question.nowMs, question.maxListAgeMs) === 'stale') return judgement('list-stale');
  const read = readLists(embedded, question.ocspSctList);
  if ('malformed' in read) return { ...judgement('invalid'), malformed: read.malformed };
  return count(question, list, read.scts);
}

function judgement(is: CtResult): CtJudgement {
  return { is, have: null, need: null, malformed: null, scts: [] };
}

interface DeliveredSct {
  readonly sct: Sct;
  readonly delivery: Delivery;
  /** Names the SCT: its place in the certificate, or the digest of the list that came with the staple. */
  readonly source: string;
}

/** A malformed list inside the certificate is the certificate's fault; one of a responder only adds nothing. */
function readLists(
  embedded: Buffer | null,
  ocsp: Buffer | null,
): { readonly scts: readonly DeliveredSct[] } | { readonly malformed: string } {
  const scts: DeliveredSct[] = [];
  if (embedded !== null) {
    const parsed = parseSctList(embedded);
    if (!parsed.ok) return { malformed: `${parsed.why} at byte ${parsed.offset}` };
    for (const [at, sct] of parsed.value.scts.entries()) scts.push({ sct, delivery: 'embedded', source: `${at}` });
  }
  const parsed = ocsp === null ? null : parseSctList(ocsp);
  if (ocsp !== null && parsed?.ok === true) {
    const list = hash('sha256', ocsp, 'base64');
    for (const [at, sct] of parsed.value.scts.entries()) scts.push({ sct, delivery: 'ocsp', source: `${list}.${at}` });
  }
  return { scts };
}

function count(question: CtQuestion, list: LogList, scts: readonly DeliveredSct[]): CtJudgement {
  const entryFor = entries(question);
  const weighed = scts.map((delivered) => {
    const { sct, delivery } = delivered;
    const log = list.logs.get(sct.logId) ?? null;
    const verdict = log === null ? unknownLog(sct) : weighSct(question, delivered, log, entryFor);
    return { sct, delivery, log, verdict };
  });
  const verified: VerifiedSct[] = [];
  for (const { sct, delivery, log, verdict } of weighed) {
    if (log !== null && verdict === 'counted') verified.push({ log, timestampMs: sct.timestampMs, delivery });
  }
  const isCounted = (delivery: Delivery) => delivery === 'embedded' || question.profile.name !== 'chrome';
  const counted = countable(verified.filter((one) => isCounted(one.delivery)));
  const facts = weighed.map(({ sct, delivery, log, verdict }): SctFact => {
    const isIn = counted.some((one) => one.log === log && one.timestampMs === sct.timestampMs);
    const notIn = isCounted(delivery) ? 'log-retired' : 'delivery-not-counted';
    return {
      logId: sct.logId,
      log: log?.description ?? null,
      operator: log === null ? null : operatorAt(log, sct.timestampMs),
      timestampMs: sct.timestampMs,
      delivery,
      verdict: verdict === 'counted' && !isIn ? notIn : verdict,
    };
  });
  return conclude(question, verified, facts);
}

/** What logs signed, cut out of the leaf once and only when a signature must be computed. */
function entries({ leaf, issuer }: CtQuestion): (delivery: Delivery) => SignedEntry {
  const known = new Map<Delivery, SignedEntry>();
  return (delivery) => {
    const entry = known.get(delivery) ?? (delivery === 'embedded' ? precertEntry(leaf, issuer) : x509Entry(leaf));
    known.set(delivery, entry);
    return entry;
  };
}

function conclude(question: CtQuestion, verified: readonly VerifiedSct[], scts: readonly SctFact[]): CtJudgement {
  const quota = judgeQuota(verified, lifetimeDays(question.leaf), question.profile);
  if (quota.is === 'compliant') return { ...judgement('compliant'), scts };
  if (scts.every((fact) => NO_KNOWN_LOG.has(fact.verdict))) return { ...judgement('no-known-log'), scts };
  // A log of the list that did not sign this is a stronger sign than a number that is too small.
  const forged = scts.some((fact) => fact.verdict === 'bad-signature' || fact.verdict === 'unsupported-algorithm');
  return { ...judgement(forged ? 'invalid' : quota.is), have: quota.have, need: quota.need, scts };
}

const NO_KNOWN_LOG: ReadonlySet<SctVerdict> = new Set(['unknown-log', 'mimic-log', 'log-not-accepted']);

function unknownLog(sct: Sct): SctVerdict {
  return MIMIC_LOG_IDS.has(sct.logId) ? 'mimic-log' : 'unknown-log';
}

/** `counted` here means verified and in time; whether a retired log counts is seen over all SCTs together. */
function weighSct(
  question: CtQuestion,
  delivered: DeliveredSct,
  log: CtLog,
  entryFor: (delivery: Delivery) => SignedEntry,
): SctVerdict {
  if (log.state === 'pending' || log.state === 'rejected' || log.state === 'unstated') return 'log-not-accepted';
  const signature = verifyRemembered(question, delivered, log, entryFor);
  if (signature === 'unsupported-algorithm') return 'unsupported-algorithm';
  if (signature === 'failed') return 'bad-signature';
  if (delivered.sct.timestampMs > question.seenAtMs + SCT_SKEW_MS) return 'in-the-future';
  const { interval } = log;
  const { notAfterMs } = question.leaf;
  const isOutside = interval !== null && (notAfterMs < interval.startMs || notAfterMs >= interval.endMs);
  return isOutside ? 'outside-interval' : 'counted';
}

/**
 * A log signs an entry once and hosts present it for months, so the answer is worth remembering. Leaf, issuer and source
 * name everything that goes into it: the SCT is a part of the leaf or of the list, and the log's id is that of its key.
 */
function verifyRemembered(
  { leaf, issuer, memory }: CtQuestion,
  { sct, delivery, source }: DeliveredSct,
  log: CtLog,
  entryFor: (delivery: Delivery) => SignedEntry,
): SctSignature {
  const key = `sct ${log.logId} ${leaf.der.sha256} ${issuer.spkiSha256} ${delivery} ${source}`;
  if (memory.recall(key) === true) return 'verified';
  const answer = verifySct(sct, entryFor(delivery), log);
  if (answer === 'verified') memory.remember(key, true);
  return answer;
}
