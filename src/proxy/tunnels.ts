/**
 * The open tunnels: what a reload judges again and a drain waits for.
 *
 * Does: hold every tunnel that carries bytes, with the evidence of the very connection under it.
 * Does not: relay, or keep a tunnel alive.
 * The caller must: remove a tunnel when its bytes have stopped.
 */
import type { Client } from '../model/client.ts';
import type { Evidence } from '../model/evidence.ts';
import type { CloseReason } from '../observe/recorder.ts';
import type { Rule } from '../policy/policy.ts';

export interface Tunnel {
  readonly eventId: string;
  readonly client: Client;
  readonly evidence: Evidence;
  /** The rule that permitted it. */
  readonly rule: Rule;
  /** Number of the policy generation that judged it last. */
  generation: number;
  /** Ends the tunnel at once, both sides. Later calls do nothing. */
  cut(reason: CloseReason): void;
}

export interface Tunnels {
  /** Answers the function that removes it. */
  add(tunnel: Tunnel): () => void;
  all(): Iterable<Tunnel>;
  readonly size: number;
}

export function createTunnels(): Tunnels {
  const open = new Set<Tunnel>();
  return {
    add(tunnel) {
      open.add(tunnel);
      return () => {
        open.delete(tunnel);
      };
    },
    all: () => open.values(),
    get size() {
      return open.size;
    },
  };
}
