/**
 * Two views of one host: whether somebody stands in one of the two ways. Pure.
 *
 * Leaf keys differ between the servers of one host all the time; whoever intercepts differs in the CA. So the keys of
 * the issuers on the two verified paths are compared.
 */
import type { Seen, View } from './probe-look.ts';

export type Comparison =
  | { readonly is: 'same'; readonly says: string }
  /** A view is missing: nothing is proven. */
  | { readonly is: 'one-sided'; readonly says: string }
  | { readonly is: 'different'; readonly says: string };

/** null: there is only one view. */
export function compareViews(views: readonly View[]): Comparison | null {
  const [one, other] = views;
  if (one === undefined || other === undefined) return null;
  if (one.kind === 'unreached' || other.kind === 'unreached') {
    const way = one.kind === 'unreached' ? 'directly' : 'through the proxy';
    return { is: 'one-sided', says: `not reached ${way}: there is nothing to compare` };
  }
  if (one.report.path === null || other.report.path === null) {
    return samePresented(one, other)
      ? { is: 'same', says: 'both ways show the same chain, and it is not valid' }
      : { is: 'different', says: 'the two ways show different chains, and not both are valid' };
  }
  const keys = new Set(issuerKeys(one));
  return issuerKeys(other).some((key) => keys.has(key))
    ? { is: 'same', says: 'both ways lead to the same CA' }
    : { is: 'different', says: 'the two ways lead to different CAs: one of them may be intercepted' };
}

/** base64 of the keys of all issuers on the verified path; a leaf that is its own anchor counts as its issuer. */
export function issuerKeys({ report }: Seen): readonly string[] {
  const path = report.path ?? [];
  return (path.length > 1 ? path.slice(1) : path).map(({ spkiSha256 }) => spkiSha256);
}

function samePresented(one: Seen, other: Seen): boolean {
  const digests = (view: Seen): string => view.evidence.chain.map(({ sha256 }) => sha256).join();
  return digests(one) === digests(other);
}
