/**
 * TLS: did the two ends agree on a version and a cipher suite that the rule allows now?
 *
 * The handshake asks the same of the upstream (upstream/contexts.ts); here a reload asks it of open tunnels.
 * Does not: judge what was handed in without a connection: there is no version to judge.
 */
import type { Evidence } from '../../model/evidence.ts';
import type { Facts, Outcome } from '../../model/outcome.ts';
import { type Agreed, meetsTlsFloor, printTlsFloor, readTlsVersion, type TlsFloor } from '../../model/tls.ts';
import type { Rule } from '../../policy/policy.ts';
import { tlsFloorOf } from '../floor.ts';
import { fail } from './weigh.ts';

export interface TlsQuestion {
  readonly evidence: Evidence;
  readonly rule: Rule;
  readonly nowMs: number;
}

export function checkTls({ evidence, rule, nowMs }: TlsQuestion): Outcome {
  if (evidence.tlsVersion === null && evidence.address === null) return { is: 'skipped', why: 'offline' };
  const floor = tlsFloorOf(rule, nowMs);
  const facts = { spoken: spoken(evidence) };
  return meetsTlsFloor(evidence, floor) ? { is: 'pass', facts } : fail('tls.version', tlsFacts(floor, evidence));
}

/** What a refusal says: what the rule allows, and what the upstream spoke; null: that is not known. */
export function tlsFacts(floor: TlsFloor, agreed: Agreed | null): Facts {
  const allowed = printTlsFloor(floor);
  return agreed === null ? { allowed } : { allowed, spoken: spoken(agreed) };
}

/** `TLS 1.2 TLS_RSA_WITH_AES_128_CBC_SHA`; the words come from OpenSSL, not from the peer. */
function spoken({ tlsVersion, cipher }: Agreed): string {
  const version = readTlsVersion(tlsVersion);
  return `${version === null ? (tlsVersion ?? 'unknown') : `TLS ${version}`} ${cipher ?? 'unknown'}`;
}
