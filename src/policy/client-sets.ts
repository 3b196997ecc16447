/**
 * Which sets of client groups an address can be in, before a change of `clients:` and after it.
 *
 * Does: walk over the ends of all ranges once; between two ends every address is in the same groups.
 * Does not: know rules.
 */
import { parseCidr } from '../model/ip.ts';
import type { ClientGroup } from './config.ts';

/** Names of the groups of one address in the order of each file. */
export interface ClientSets {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

interface End {
  readonly at: bigint;
  readonly side: 'before' | 'after';
  readonly name: string;
  /** 1: a range begins; -1: it is over. */
  readonly step: 1 | -1;
}

/** Above all IPv4 addresses, so that both families lie on one line. */
const IPV6_BASE = 1n << 32n;

/** Every pair that occurs, once; without the one of addresses in no group. */
export function clientSets(before: readonly ClientGroup[], after: readonly ClientGroup[]): readonly ClientSets[] {
  const ends = [...endsOf(before, 'before'), ...endsOf(after, 'after')].sort((one, other) =>
    one.at < other.at ? -1 : one.at > other.at ? 1 : 0,
  );
  const open = { before: new Map<string, number>(), after: new Map<string, number>() };
  const found = new Map<string, ClientSets>();
  for (const [index, { at, side, name, step }] of ends.entries()) {
    open[side].set(name, (open[side].get(name) ?? 0) + step);
    if (ends[index + 1]?.at === at) continue;
    const sets = { before: inside(before, open.before), after: inside(after, open.after) };
    if (sets.before.length + sets.after.length > 0) found.set(JSON.stringify(sets), sets);
  }
  return [...found.values()];
}

function inside(groups: readonly ClientGroup[], open: ReadonlyMap<string, number>): readonly string[] {
  return groups.filter(({ name }) => (open.get(name) ?? 0) > 0).map(({ name }) => name);
}

function endsOf(groups: readonly ClientGroup[], side: End['side']): End[] {
  return groups.flatMap(({ name, ranges }) =>
    ranges.flatMap((text): End[] => {
      const cidr = parseCidr(text);
      if (cidr === null) return [];
      const { bytes, prefixBits } = cidr;
      const base = bytes.length === 4 ? 0n : IPV6_BASE;
      const first = base + BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
      const size = 1n << BigInt(bytes.length * 8 - prefixBits);
      return [
        { at: first, side, name, step: 1 },
        { at: first + size, side, name, step: -1 },
      ];
    }),
  );
}
