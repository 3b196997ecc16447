/**
 * Looks at one host: the very resolve, handshake, examine and judge of the proxy, and then hangs up.
 *
 * Does: dial any address, private ones too. The address guard protects a proxy from its clients; here the person who
 * asks is the operator, who may look at their own hosts. Nothing is sent after the handshake.
 * Does not: print, or let bytes flow.
 */
import { dirname, join } from 'node:path';
import { systemClock } from '../host/clock.ts';
import type { Authority } from '../model/authority.ts';
import type { Code } from '../model/codes.ts';
import type { Evidence } from '../model/evidence.ts';
import type { Facts } from '../model/outcome.ts';
import { Problem } from '../model/problem.ts';
import type { Config } from '../policy/config.ts';
import { loadGroups } from '../policy/load.ts';
import { type Decision, isPortOpen, lookup } from '../policy/lookup.ts';
import type { PinGroups } from '../policy/pin-groups.ts';
import { type AnchorsChoice, anchorsKey, type Policy, type Rule } from '../policy/policy.ts';
import { shippedGroups } from '../runtime/supervisor-start.ts';
import { handshake, handshakeOver } from '../upstream/handshake.ts';
import type { Line } from '../upstream/line.ts';
import { createResolver, type Resolver } from '../upstream/resolve.ts';
import { dialVia } from '../upstream/via.ts';
import { examine } from '../verify/examine.ts';
import { tlsFloorOf } from '../verify/floor.ts';
import { judge, type Verdict } from '../verify/judge.ts';
import type { Report } from '../verify/report.ts';
import type { AnchorSet, Trust } from '../verify/trust.ts';
import { ruleOfValue } from './plain-rule.ts';
import type { ProbeOptions } from './probe-options.ts';
import { readTrust } from './read-trust.ts';
import { CommandError } from './usage.ts';

/** What a probe looks with. */
export interface Glass {
  readonly trust: Trust;
  /** What a path must end in where no rule of the configuration says otherwise, and how it was chosen. */
  readonly anchors: AnchorSet;
  readonly choice: AnchorsChoice;
  readonly rule: Rule;
  /** The rules of the configuration that `-c` names; null: the probe judges by its own, strict one. */
  readonly policy: Policy | null;
  readonly resolver: Resolver;
  readonly limits: Config['limits'];
  /** `egress.ports`. */
  readonly ports: readonly number[];
  /** CA groups that ship, to be offered instead of single keys. */
  readonly groups: PinGroups;
  close(): void;
}

/** One look, or why there was nothing to see. */
export type View =
  | {
      readonly kind: 'seen';
      readonly via: Authority | null;
      readonly evidence: Evidence;
      readonly report: Report;
      readonly verdict: Verdict;
      /** The rule of the configuration that decides, in words; absent: it was not asked. */
      readonly decides?: string;
      /** Why the proxy would refuse before it sees a chain; absent: it was not asked, or would not. */
      readonly refused?: readonly Code[];
    }
  | { readonly kind: 'unreached'; readonly via: Authority | null; readonly code: Code; readonly facts: Facts };

export type Seen = Extract<View, { readonly kind: 'seen' }>;

const ANYWHERE = ['0.0.0.0/0', '::/0'];
const ALPN = ['h2', 'http/1.1'];
/** @throws CommandError when anchors, log list or CRLs cannot be used. */
export function createGlass(
  config: Config,
  options: Pick<ProbeOptions, 'anchors' | 'addresses'>,
  policy: Policy | null = null,
): Glass {
  const anchors = options.anchors ?? (policy === null ? 'public' : config.anchors);
  const trust = readTrust({ ...config, anchors }, policy);
  const set = trust.anchorSets.get(anchorsKey(anchors));
  if (set === undefined || set.anchors.length === 0) {
    throw new CommandError('there are no anchors to judge by', 'name a PEM file with --anchors FILE');
  }
  const resolver = createResolver({
    hosts: new Map([...config.egress.hosts, ...options.addresses]),
    servers: config.egress.dns.servers,
    timeoutMs: config.egress.dns.timeoutMs,
    own: [],
  });
  const groups = loadGroups(shippedGroups());
  return {
    trust,
    anchors: set,
    choice: anchors,
    policy,
    rule: probeRule(config, anchors),
    resolver,
    limits: config.limits,
    ports: config.egress.ports,
    groups: groups.ok ? groups.value : new Map(),
    close: () => resolver.close(),
  };
}

/** Everything that can be judged is judged, and every failure counts; what is not there is said, not held against the host. */
function probeRule(config: Config, anchors: AnchorsChoice): Rule {
  const isPublic = anchors === 'public';
  const checks = {
    publicRoot: isPublic ? 'require' : 'off',
    ct: 'if-present',
    staple: 'if-present',
    crl: 'if-present',
    lifetime: 'if-present',
    continuity: 'off',
  };
  const choice = typeof anchors === 'string' ? anchors : anchors.files;
  const rule = ruleOfValue({ name: 'probe', checks, anchors: choice }, join(dirname(config.file), 'probe'), new Map());
  if (!rule.ok) throw new TypeError(rule.mistakes[0]?.message ?? 'the rule of the probe is refused');
  return rule.value;
}

/** Looks once, directly or through another proxy. Does not throw for what the network or the peer does. */
export async function look(authority: Authority, via: Authority | null, glass: Glass): Promise<View> {
  try {
    const { rule, decided } = standardFor(authority, glass);
    const { evidence } = await openLine(authority, via, rule, glass);
    const report = examine(evidence, rule, glass.trust, evidence.seenAtMs);
    const seen = { kind: 'seen', via, evidence, report, verdict: judge(report, rule, evidence) } as const;
    if (decided === null) return seen;
    const refused = refusedBefore(authority, seen, decided.decision, glass);
    return { ...seen, decides: decided.says, ...(refused.length > 0 && { refused }) };
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code === 'internal.failure') throw thrown;
    return { kind: 'unreached', via, code: thrown.code, facts: thrown.facts };
  }
}

/** The two refusals that this look has passed over: it dials any port and any address. */
function refusedBefore(
  authority: Authority,
  { evidence, via }: Pick<Seen, 'evidence' | 'via'>,
  decision: RuleDecision,
  { ports, resolver }: Glass,
): readonly Code[] {
  const refused: Code[] = isPortOpen(decision, authority, ports) ? [] : ['port.denied'];
  if (via !== null || evidence.address === null) return refused;
  try {
    resolver.checkDialled(evidence.address, authority, decision.rule.allowPrivate);
    return refused;
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    return [...refused, thrown.code];
  }
}

type RuleDecision = Extract<Decision, { kind: 'rule' }>;

interface Standard {
  /** What is judged by: the rule that decides, or that of the probe. */
  readonly rule: Rule;
  /** What the proxy would go by, also in words; null: no configuration was asked. */
  readonly decided: { readonly decision: RuleDecision; readonly says: string } | null;
}

/** @throws Problem `host.denied` where the configuration lets nobody connect. */
function standardFor(authority: Authority, { policy, rule }: Glass): Standard {
  if (policy === null) return { rule, decided: null };
  const decision = lookup(policy, authority, []);
  if (decision.kind === 'deny') throw new Problem('host.denied', 'client');
  const { name, mode, onFailure } = decision.rule;
  // Nothing would be judged; who probes wants to see.
  if (mode === 'bypass') {
    const says = `${name}: bypass, the proxy passes it on unjudged; judged here all the same`;
    return { rule, decided: { decision, says } };
  }
  return { rule: decision.rule, decided: { decision, says: `${name}: onFailure ${onFailure}` } };
}

async function openLine(authority: Authority, via: Authority | null, rule: Rule, glass: Glass): Promise<Line> {
  const { limits, resolver, trust } = glass;
  const anchors = trust.anchorSets.get(anchorsKey(rule.anchors)) ?? glass.anchors;
  const signal = AbortSignal.timeout(limits.dialTimeoutMs + limits.handshakeTimeoutMs + 60_000);
  const addresses = await resolver.resolve(via ?? authority, ANYWHERE, signal);
  const ask = {
    authority,
    alpn: ALPN,
    anchors,
    tls: tlsFloorOf(rule, systemClock.nowMs()),
    completing: () => [],
    handshakeTimeoutMs: limits.handshakeTimeoutMs,
    clock: systemClock,
    signal,
  };
  const dialTimeoutMs = limits.dialTimeoutMs;
  const line =
    via === null
      ? await handshake({ ...ask, addresses, dialTimeoutMs })
      : await handshakeOver(
          await dialVia({ addresses, port: via.port, destination: authority, timeoutMs: dialTimeoutMs, signal }),
          ask,
        );
  line.socket.destroy();
  return line;
}
