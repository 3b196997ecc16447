/**
 * The budget of one path search, in cost and not in count: a peer chooses what we verify, so one large RSA key must not
 * weigh the same as one P-256 key.
 *
 * Does: counts candidate edges and the estimated cost of signature verifications.
 * Does not: look at clocks or at what is remembered. The charge is the same whether a result is remembered or not, so
 * that a verdict never depends on what was judged before.
 */

export interface Limits {
  /** Certificates in a path, leaf and anchor included. */
  readonly maxDepth: number;
  /** Pairs of child and possible issuer that are looked at. */
  readonly maxEdges: number;
  /** Complete paths that are judged. */
  readonly maxPaths: number;
  /** Signature verifications, in units of one P-256 verification. */
  readonly maxCost: number;
  /** Comparisons of names with name constraints, over all paths. */
  readonly maxComparisons: number;
}

/**
 * Depth: OkHttp stops at 9 signers, OpenSSL at 100; public chains have three to five certificates.
 * Edges: a public chain with all its cross-signs has some ten.
 * Paths: judging one takes up to a millisecond when its certificates list thousands of policies.
 * Cost: three links of P-521, the dearest key in use, cost 57; in P-256 verifications that is 5 ms.
 * Comparisons: twice what one certificate may take (x509/name-constraints.ts); a thousand names under one constrained
 * CA take 250,000 only when it has 250 trees.
 */
export const LIMITS: Limits = Object.freeze({
  maxDepth: 16,
  maxEdges: 200,
  maxPaths: 64,
  maxCost: 60,
  maxComparisons: 500_000,
});

export interface Budget {
  readonly limits: Limits;
  /** True once something was refused: the search is not complete. */
  readonly overrun: () => boolean;
  /** Charges one candidate edge; false: none left. */
  readonly takeEdge: () => boolean;
  /** Charges one complete path; false: none left. */
  readonly takePath: () => boolean;
  /** Charges a verification, once for each pair named by `pair`; false: it does not fit any more. */
  readonly takeVerification: (pair: string, cost: number) => boolean;
  /** Charges comparisons of names; false: they do not fit any more. */
  readonly takeComparisons: (count: number) => boolean;
  /** Says that a path was cut at the greatest depth. */
  readonly cut: () => void;
}

export function createBudget(limits: Limits = LIMITS): Budget {
  let edges = 0;
  let paths = 0;
  let cost = 0;
  let comparisons = 0;
  let overrun = false;
  const charged = new Set<string>();
  return {
    limits,
    overrun: () => overrun,
    takeEdge: () => {
      edges += 1;
      if (edges > limits.maxEdges) overrun = true;
      return edges <= limits.maxEdges;
    },
    takePath: () => {
      paths += 1;
      if (paths > limits.maxPaths) overrun = true;
      return paths <= limits.maxPaths;
    },
    takeVerification: (pair, price) => {
      if (charged.has(pair)) return true;
      charged.add(pair);
      cost += price;
      if (cost > limits.maxCost) overrun = true;
      return cost <= limits.maxCost;
    },
    takeComparisons: (count) => {
      comparisons += count;
      if (comparisons > limits.maxComparisons) overrun = true;
      return comparisons <= limits.maxComparisons;
    },
    cut: () => {
      overrun = true;
    },
  };
}
