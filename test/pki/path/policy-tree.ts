/**
 * The valid policy tree of RFC 5280 §6.1, built as the text says, node by node. Exponential, and only for comparison with
 * what takes linear time.
 */
import { ANY, type Member } from '../../cases/pki/certificate-policies.ts';

interface Node {
  readonly policy: string;
  expected: readonly string[];
  readonly parent: Node | null;
  children: Node[];
}

export interface TreeAnswer {
  readonly fault: 'no-valid-policy' | 'mapping-of-any-policy' | null;
  /** §6.1.5 (g) with initial-explicit-policy set and this set asked for. */
  holds(asked: readonly string[]): boolean;
}

/** `path`: anchor first, leaf last. An anchor without policies is not looked at, as ours is not. */
export function growTree(path: readonly Member[]): TreeAnswer {
  const root: Node = { policy: ANY, expected: [ANY], parent: null, children: [] };
  let levels: Node[][] = [[root]];
  const n = path.length;
  let [explicit, mapping, inhibitAny] = [n + 1, n + 1, n + 1];
  const none = (fault: TreeAnswer['fault']): TreeAnswer => ({ fault, holds: () => false });
  for (const [index, member] of path.entries()) {
    const isLeaf = index === n - 1;
    const isSilentAnchor = index === 0 && n > 1 && member.policies === undefined;
    if (!isSilentAnchor) {
      if (member.policies === undefined) levels = [];
      else if (levels.length > 0) {
        const mayAssertAny = inhibitAny > 0 || (!isLeaf && member.selfIssued === true);
        levels = prune([...levels, grow(levels.at(-1) ?? [], member.policies, mayAssertAny)]);
      }
    }
    if (explicit === 0 && levels.length === 0) return none('no-valid-policy');
    if (isLeaf) break;
    if (member.mappings?.some((pair) => pair.includes(ANY)) === true) return none('mapping-of-any-policy');
    if (levels.length > 0) levels = map(levels, member.mappings ?? [], mapping);
    if (member.selfIssued !== true) {
      explicit = Math.max(0, explicit - 1);
      mapping = Math.max(0, mapping - 1);
      inhibitAny = Math.max(0, inhibitAny - 1);
    }
    explicit = Math.min(explicit, member.constraints?.[0] ?? explicit);
    mapping = Math.min(mapping, member.constraints?.[1] ?? mapping);
    inhibitAny = Math.min(inhibitAny, member.inhibitAny ?? inhibitAny);
  }
  explicit = path.at(-1)?.constraints?.[0] === 0 ? 0 : Math.max(0, explicit - 1);
  if (explicit === 0 && levels.length === 0) return none('no-valid-policy');
  return { fault: null, holds: (asked) => intersects(levels, asked) };
}

/** §6.1.3 (d) (1) and (2). */
function grow(parents: readonly Node[], policies: readonly string[], mayAssertAny: boolean): Node[] {
  const level: Node[] = [];
  const add = (parent: Node, policy: string): void => {
    const node = { policy, expected: [policy], parent, children: [] };
    parent.children.push(node);
    level.push(node);
  };
  for (const policy of policies.filter((one) => one !== ANY)) {
    const matching = parents.filter(({ expected }) => expected.includes(policy));
    for (const parent of matching) add(parent, policy);
    const any = parents.find((one) => one.policy === ANY);
    if (matching.length === 0 && any !== undefined) add(any, policy);
  }
  if (policies.includes(ANY) && mayAssertAny) {
    for (const parent of parents) {
      for (const policy of parent.expected) {
        if (!parent.children.some((child) => child.policy === policy)) add(parent, policy);
      }
    }
  }
  return level;
}

/** §6.1.3 (d) (3): nodes without children go, up to the root; an empty tree has no levels. */
function prune(levels: readonly Node[][]): Node[][] {
  const kept = levels.map((level) => [...level]);
  for (let depth = kept.length - 2; depth >= 0; depth -= 1) {
    const alive = new Set(kept[depth + 1]);
    for (const node of kept[depth] ?? []) node.children = node.children.filter((child) => alive.has(child));
    kept[depth] = (kept[depth] ?? []).filter((node) => node.children.length > 0);
  }
  return kept.some((level) => level.length === 0) ? [] : kept;
}

/** §6.1.4 (b). */
function map(levels: readonly Node[][], mappings: readonly (readonly [string, string])[], allowed: number): Node[][] {
  const deepest = [...(levels.at(-1) ?? [])];
  const gone = new Set<Node>();
  for (const from of new Set(mappings.map(([issuer]) => issuer))) {
    const targets = mappings.filter(([issuer]) => issuer === from).map(([, subject]) => subject);
    const nodes = deepest.filter(({ policy }) => policy === from);
    if (allowed === 0) {
      for (const node of nodes) gone.add(node);
    } else if (nodes.length > 0) {
      for (const node of nodes) node.expected = targets;
    } else {
      const any = deepest.find(({ policy }) => policy === ANY);
      // The root itself stands for the level above a silent anchor.
      const parent = any?.parent ?? any;
      if (any === undefined || parent === undefined) continue;
      const node: Node = { policy: from, expected: targets, parent, children: [] };
      parent.children.push(node);
      deepest.push(node);
    }
  }
  return prune([...levels.slice(0, -1), deepest.filter((node) => !gone.has(node))]);
}

/** §6.1.5 (g) (iii). */
function intersects(levels: readonly Node[][], asked: readonly string[]): boolean {
  if (levels.length === 0) return false;
  if (asked.includes(ANY)) return true;
  const deepest = levels.at(-1) ?? [];
  return deepest.some((node) => {
    let at: Node = node;
    while (at.parent !== null && at.parent.policy !== ANY) at = at.parent;
    return at.policy === ANY || asked.includes(at.policy);
  });
}
