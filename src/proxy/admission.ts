/**
 * Admission: who asks, for what, and may it be asked at all. Nothing is resolved or dialled before it.
 *
 * Does: client identity, the authority (parsed once, here), limits, egress ports, the rule.
 * Does not: reply (refuse.ts), or judge the upstream.
 * The caller must: turn a thrown Problem into exactly one verdict record and one answer.
 */
import type { Authority } from '../model/authority.ts';
import type { Client } from '../model/client.ts';
import { type Cidr, cidrHolds, parseCidr, parseIp, printIp, unmapIp } from '../model/ip.ts';
import { Problem } from '../model/problem.ts';
import type { ClientGroup } from '../policy/config.ts';
import { isPortOpen, lookup } from '../policy/lookup.ts';
import type { Rule } from '../policy/policy.ts';
import { type RequestHead, readConnect } from '../wire/connect-head.ts';
import type { Generation } from './house.ts';

interface ParsedGroup {
  readonly name: string;
  readonly ranges: readonly Cidr[];
}

/** Addresses as the socket says them, and in canonical text: the same few clients come again and again. */
const canonicalAddresses = new Map<string, string>();
/** Two short strings each: below 1 MiB. */
const ADDRESSES_MAX = 4096;

/** Ranges are parsed once for each generation's list. */
const parsedGroups = new WeakMap<readonly ClientGroup[], readonly ParsedGroup[]>();

/** Canonical text of the peer's address; `unix` when there is none. */
export function peerAddress({ remoteAddress = '' }: { readonly remoteAddress?: string | undefined }): string {
  const known = canonicalAddresses.get(remoteAddress);
  if (known !== undefined) return known;
  const bytes = parseIp(remoteAddress);
  const canonical = bytes === null ? 'unix' : printIp(unmapIp(bytes));
  if (canonicalAddresses.size >= ADDRESSES_MAX) canonicalAddresses.clear();
  canonicalAddresses.set(remoteAddress, canonical);
  return canonical;
}

/** Who this is, by address: the client groups whose ranges hold it, in the order of the file. */
export function clientOf(
  peer: { readonly address: string; readonly port: number },
  groups: readonly ClientGroup[],
): Client {
  const bytes = parseIp(peer.address);
  const names =
    bytes === null
      ? []
      : parsed(groups)
          .filter((group) => group.ranges.some((range) => cidrHolds(range, bytes)))
          .map((group) => group.name);
  return Object.freeze({ address: peer.address, port: peer.port, user: null, groups: Object.freeze(names) });
}

function parsed(groups: readonly ClientGroup[]): readonly ParsedGroup[] {
  const known = parsedGroups.get(groups);
  if (known !== undefined) return known;
  const fresh = groups.map(({ name, ranges }) => ({
    name,
    // A range that cannot be read was refused with the file; here it would hold nobody.
    ranges: ranges.map(parseCidr).filter((range) => range !== null),
  }));
  parsedGroups.set(groups, fresh);
  return fresh;
}

/** @throws Problem `request.*`, `auth.required` with the fault in `why`. */
export function readAuthority(head: RequestHead): Authority {
  const ask = readConnect(head);
  if (!ask.ok) throw new Problem(ask.code, 'client', { why: ask.why });
  return ask.value.authority;
}

/** The rule for a host, and whether the port may be dialled under it. */
export interface Found {
  readonly rule: Rule;
  readonly isPortOpen: boolean;
}

/** @throws Problem `host.denied`. */
export function findRule(generation: Generation, authority: Authority, client: Client): Found {
  const decision = lookup(generation.policy, authority, client.groups);
  if (decision.kind === 'deny') throw new Problem('host.denied', 'client');
  return { rule: decision.rule, isPortOpen: isPortOpen(decision, authority, generation.config.egress.ports) };
}

/** The rule that decides. @throws Problem `host.denied`, `port.denied`. */
export function ruleFor(generation: Generation, authority: Authority, client: Client): Rule {
  const { rule, isPortOpen } = findRule(generation, authority, client);
  if (!isPortOpen) throw portDenied(authority);
  return rule;
}

export function portDenied({ port }: Authority): Problem {
  return new Problem('port.denied', 'client', { port });
}
