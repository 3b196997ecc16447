/**
 * Pins against a path.
 *
 * Does: find which pins name a key of the path, in which place.
 * Does not: choose the path. Matched against a presented list, pins prove nothing (CVE-2016-2402); matched against a
 * path whose every signature was verified, they prove who signed.
 * The caller must: pass a verified path, leaf first, anchor last.
 */
import type { Certificate } from '../x509/certificate.ts';

/** Which certificates a pin may match: the first of the path, any other including the anchor, or both. */
export type PinScope = 'leaf' | 'ca' | 'any';

export interface WantedPin {
  /** base64 of the SHA-256 of the SPKI: 44 characters. */
  readonly spkiSha256: string;
  readonly scope: PinScope;
}

export interface PinMatch<Pin extends WantedPin> {
  readonly pin: Pin;
  /** Position in the path, 0 = leaf; the first one that fits the scope. */
  readonly depth: number;
}

/** The pins that match, in the order of `pins`; empty: none does. */
export function matchPins<Pin extends WantedPin>(
  path: readonly Pick<Certificate, 'spkiSha256'>[],
  pins: readonly Pin[],
): readonly PinMatch<Pin>[] {
  const leaf = path[0]?.spkiSha256;
  // Depth of the first issuer with each key; the leaf is kept apart, because one key may be in both places.
  const issuers = new Map<string, number>();
  for (let depth = path.length - 1; depth > 0; depth--) issuers.set(path[depth]?.spkiSha256 ?? '', depth);
  const matches: PinMatch<Pin>[] = [];
  for (const pin of pins) {
    const issuer = pin.scope === 'leaf' ? undefined : issuers.get(pin.spkiSha256);
    const depth = pin.scope !== 'ca' && pin.spkiSha256 === leaf ? 0 : issuer;
    if (depth !== undefined) matches.push(Object.freeze({ pin, depth }));
  }
  return Object.freeze(matches);
}
