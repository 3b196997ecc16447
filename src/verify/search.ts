/** The searches of one verdict: the one that may allow, and those that only explain, all with the same validator. */
import type { Code } from '../model/codes.ts';
import type { Anchor } from '../pki/path/anchors.ts';
import { createBudget } from '../pki/path/budget.ts';
import { type FoundPath, findPath, type Path, type SearchResult } from '../pki/path/builder.ts';
import { validatePath } from '../pki/path/validator.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { isDenied } from './checks/pins.ts';
import { isPublicAnchor } from './checks/public-root.ts';
import type { Context } from './context.ts';

export interface Ask {
  readonly candidates: readonly Certificate[];
  readonly anchors: { get(subjectKey: string): readonly Anchor[] | undefined };
  readonly brokenLinks: 'drop' | 'follow';
  readonly mayIssue: (certificate: Certificate) => boolean;
  readonly accept: (found: FoundPath) => boolean;
  /** Sees each complete path with its findings. */
  readonly watch?: (found: FoundPath) => void;
}

export function searchPaths(context: Context, ask: Ask): SearchResult {
  const { leaf, trust, seenAtMs } = context;
  const budget = createBudget();
  const circumstances = {
    budget,
    atMs: seenAtMs,
    memory: trust.signatures,
    profile: (anchor: Anchor) => (isPublicAnchor(anchor, trust) ? ('public' as const) : ('private' as const)),
  };
  return findPath({
    leaf,
    candidates: ask.candidates,
    anchors: ask.anchors,
    atMs: seenAtMs,
    budget,
    memory: trust.signatures,
    brokenLinks: ask.brokenLinks,
    mayIssue: ask.mayIssue,
    judge: (path: Path, anchor: Anchor) => {
      const findings = validatePath(path, anchor, circumstances);
      ask.watch?.({ path, anchor, findings });
      return findings;
    },
    accept: ask.accept,
  });
}

/** Why a key may not be on a path at all; null: it may. */
export function forbidden(context: Context, certificate: Certificate, isLeaf: boolean): Code | null {
  if (context.trust.ownCaKeys.has(certificate.spkiSha256)) return 'chain.own-ca';
  return isDenied(context.rule, certificate, isLeaf) ? 'pin.denied' : null;
}
