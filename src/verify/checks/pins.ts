/**
 * Pins: is a key of the verified path among those that the rule expects, and none among those it denies?
 *
 * Does: match `anyOf` with its scopes against one valid path, and say which pin matched.
 * Does not: see presented certificates that are not on the path; that is what makes an appended pinned key worthless.
 * Anchors that an operator added do not bypass pins: that is the middlebox which pins are to find.
 */
import type { Finding } from '../../model/finding.ts';
import { finding } from '../../model/finding.ts';
import type { Outcome } from '../../model/outcome.ts';
import { matchPins } from '../../pki/pins/match.ts';
import type { Certificate } from '../../pki/x509/certificate.ts';
import type { Pin, Rule } from '../../policy/policy.ts';
import { failWith } from './weigh.ts';

/** Pins and keys named in facts; more would fill the record without helping. */
const MAX_NAMED = 16;

/** A path that was verified; or the leaf alone, whose key the handshake proved; or nothing, which no pin matches. */
export interface PinQuestion {
  readonly rule: Rule;
  readonly nowMs: number;
  readonly found: { readonly path: readonly Certificate[] };
}

export function checkPins({ rule, found, nowMs }: PinQuestion): Outcome {
  const denied = found.path.find((certificate, depth) => isDenied(rule, certificate, depth === 0));
  if (denied !== undefined) {
    const facts = { key: `sha256/${denied.spkiSha256}`, subject: denied.subject.text };
    return failWith([finding('pin.denied', facts)]);
  }
  if (rule.pins.anyOf.length === 0) return { is: 'absent', why: 'no-pins' };
  const pin = matchingPin(rule, found.path);
  if (pin !== null) {
    const facts = { pin: `sha256/${pin.spkiSha256}`, use: pin.backup ? 'backup' : 'primary', ...namePart(pin) };
    return { is: 'pass', why: pin.backup ? 'backup' : 'primary', facts };
  }
  const facts = {
    expected: rule.pins.anyOf.slice(0, MAX_NAMED).map(describePin),
    observed: found.path.map((certificate) => `sha256/${certificate.spkiSha256} ${certificate.subject.text}`),
  };
  const findings: [Finding, ...Finding[]] = [finding('pin.mismatch', facts)];
  if (!pinsEnforce(rule, nowMs)) findings.push(finding('pin.expired', {}));
  return failWith(findings);
}

/** The pin of `anyOf` that the path satisfies; a primary pin is preferred over a backup, then the order of the rule. */
export function matchingPin(rule: Rule, path: readonly Certificate[]): Pin | null {
  const matches = matchPins(path, rule.pins.anyOf);
  return (matches.find(({ pin }) => !pin.backup) ?? matches[0])?.pin ?? null;
}

/** True when the rule denies this key in this place. */
export function isDenied(rule: Rule, certificate: Certificate, isLeaf: boolean): boolean {
  return rule.pins.noneOf.some((pin) => matches(pin, certificate, isLeaf));
}

/**
 * False once every pin of the rule has expired with `onExpiry: alert`: a mismatch then only alerts. One pin that is
 * still in force keeps the rule enforcing, so that an old group cannot switch off its neighbours.
 */
export function pinsEnforce(rule: Rule, nowMs: number): boolean {
  return rule.pins.anyOf.some((pin) => pin.expiresMs === null || nowMs < pin.expiresMs || pin.onExpiry === 'block');
}

function matches(pin: Pin, certificate: Certificate, isLeaf: boolean): boolean {
  if (pin.scope === 'leaf' && !isLeaf) return false;
  if (pin.scope === 'ca' && isLeaf) return false;
  return pin.spkiSha256 === certificate.spkiSha256;
}

function describePin(pin: Pin): string {
  const label = pin.name ?? pin.group;
  return `${pin.scope} sha256/${pin.spkiSha256}${label === null ? '' : ` ${label}`}`;
}

function namePart(pin: Pin): { readonly name?: string } {
  return pin.name === null ? {} : { name: pin.name };
}
