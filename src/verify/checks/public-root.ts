/**
 * Public root: does the verified path end in the public (Mozilla) set? A private interception root, however well it
 * is installed on the machine, is not in there. Cheapest and most useful detector of a machine in the middle.
 */
import type { Outcome } from '../../model/outcome.ts';
import type { Anchor } from '../../pki/path/anchors.ts';
import type { PathContext } from '../context.ts';
import type { Trust } from '../trust.ts';
import { fail } from './weigh.ts';

export function checkPublicRoot({ found, trust }: PathContext): Outcome {
  const root = found.anchor.certificate.subject.text;
  return isPublicAnchor(found.anchor, trust) ? { is: 'pass', facts: { root } } : fail('public-root.private', { root });
}

/** The same name with the same key: a root that was issued anew is still that root. */
export function isPublicAnchor(anchor: Anchor, trust: Trust): boolean {
  const { subject, spkiSha256 } = anchor.certificate;
  const named = trust.publicAnchors.bySubject.get(subject.key) ?? [];
  return named.some((entry) => entry.certificate.spkiSha256 === spkiSha256);
}
