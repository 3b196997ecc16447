/**
 * The open tunnels: what a reload judges again and a drain waits for.
 *
 * Does: hold every tunnel that carries bytes, with the evidence of the very connection under it; judge them again, in
 * short slices, and cut those that the new policy or trust refuses.
 * Does not: relay, or keep a tunnel alive.
 * The caller must: remove a tunnel when its bytes have stopped.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Client } from '../model/client.ts';
import type { Code } from '../model/codes.ts';
import type { Evidence } from '../model/evidence.ts';
import { Problem } from '../model/problem.ts';
import type { CloseReason } from '../observe/recorder.ts';
import { examine } from '../verify/examine.ts';
import { judge } from '../verify/judge.ts';
import { clientOf, ruleFor } from './admission.ts';
import type { Generation, House } from './house.ts';
import { REJUDGE_SLICE_MS } from './limits.ts';

/** What a tunnel is judged by again; the rule is that of the moment. */
export interface Standing {
  readonly client: Client;
  readonly evidence: Evidence;
}

export interface Tunnel extends Standing {
  readonly eventId: string;
  /** Number of the policy generation that judged it last. */
  generation: number;
  readonly cutSignal: AbortSignal;
  /** Ends the tunnel at once, both sides. Later calls do nothing. */
  cut(reason: CloseReason): void;
}

export interface Tunnels {
  /** Answers the function that removes it. */
  add(tunnel: Tunnel): () => void;
  all(): Iterable<Tunnel>;
  readonly size: number;
  /** How many have been removed since the start, whatever ended them. */
  readonly ended: number;
}

export function createTunnels(): Tunnels {
  const open = new Set<Tunnel>();
  let ended = 0;
  return {
    add(tunnel) {
      open.add(tunnel);
      return () => {
        if (open.delete(tunnel)) ended += 1;
      };
    },
    all: () => open.values(),
    get size() {
      return open.size;
    },
    get ended() {
      return ended;
    },
  };
}

export function openTunnel(facts: Standing & { readonly eventId: string; readonly generation: number }): Tunnel {
  const controller = new AbortController();
  return {
    ...facts,
    cutSignal: controller.signal,
    cut: (reason) => controller.abort(reason),
  };
}

/**
 * Whether the house of now would still permit this: null, or the code that it would refuse with. A change between
 * looking into a tunnel and not doing so cannot be applied to an open one: from `bypass` there is nothing to judge.
 */
export function stillPermitted(house: House, standing: Standing): Code | null {
  const { evidence } = standing;
  try {
    const generation = house.generation();
    const rule = ruleFor(generation, evidence.authority, clientNow(generation, standing));
    if (evidence.address !== null) {
      house.resolver.checkDialled(evidence.address, evidence.authority, rule.allowPrivate);
    }
    if (evidence.protocol !== 'http') {
      if (rule.mode === 'bypass') return null;
      if (evidence.assurance === 'none') return 'client.denied';
    }
    const report = examine(evidence, rule, house.trust(), house.clock.nowMs());
    const verdict = judge(report, rule, evidence);
    return verdict.kind === 'refusal' ? verdict.code : null;
  } catch (thrown) {
    return thrown instanceof Problem ? thrown.code : 'internal.failure';
  }
}

/** The same client in the groups of this generation: a reload may have taken it out of one. */
function clientNow({ config }: Generation, { client }: Standing): Client {
  return clientOf(client, config.clients);
}

export interface Rejudged {
  readonly kept: number;
  readonly cut: number;
}

/**
 * Judges every open tunnel by the current generation and trust, and cuts (`policy`) what is refused. Yields to the
 * relays at least every REJUDGE_SLICE_MS. The same evidence under the same client groups is judged once.
 */
export async function rejudge(house: House): Promise<Rejudged> {
  const generation = house.generation();
  const known = new Map<string, Code | null>();
  let kept = 0;
  let cut = 0;
  let sliceStartMs = house.clock.monotonicMs();
  for (const tunnel of Array.from(house.tunnels.all())) {
    if (house.clock.monotonicMs() - sliceStartMs >= REJUDGE_SLICE_MS) {
      await nextTurn();
      sliceStartMs = house.clock.monotonicMs();
    }
    const key = judgementKey(generation, tunnel);
    let code = known.get(key);
    if (code === undefined) {
      code = stillPermitted(house, tunnel);
      known.set(key, code);
    }
    if (code === null) {
      tunnel.generation = generation.number;
      kept += 1;
    } else {
      tunnel.cut('policy');
      cut += 1;
    }
  }
  return { kept, cut };
}

/** Everything of a tunnel that a judgement depends on. */
function judgementKey(generation: Generation, tunnel: Tunnel): string {
  const { evidence } = tunnel;
  const { authority } = evidence;
  return JSON.stringify([
    authority.host,
    authority.port,
    evidence.address,
    clientNow(generation, tunnel).groups,
    evidence.chain.map((der) => der.sha256),
    evidence.completing.map((der) => der.sha256),
    evidence.staple?.sha256 ?? null,
    evidence.openssl,
    evidence.tlsVersion,
    evidence.cipher,
    evidence.assurance,
    evidence.protocol ?? null,
    // Validity is judged at the time of the evidence, and certificates and staples end with a second.
    Math.floor(evidence.seenAtMs / 1000),
  ]);
}
