/**
 * The gate counts: open client connections and openings (dial, handshake, waiting for a hello), in all and by client
 * address. A count that is full refuses; nothing queues.
 *
 * Does: count and answer. Does not: reply (refuse.ts) or know sockets.
 * The caller must: call the leave function of every entry exactly once; a second call does nothing.
 */
import type { Limits } from './limits.ts';

/** Which bound was reached. */
export type Full = 'limit.connections' | 'limit.client';

export interface Entry {
  /** Null: within bounds. The entry counts either way until it leaves. */
  readonly full: Full | null;
  leave(): void;
}

export interface Gate {
  enterConnection(address: string): Entry;
  enterOpening(address: string): Entry;
  readonly connections: number;
  readonly openings: number;
}

export function createGate(limits: Limits): Gate {
  const connections = createCounter(limits.connections, limits.connectionsPerClient);
  const openings = createCounter(limits.opening, limits.openingPerClient);
  return {
    enterConnection: (address) => connections.enter(address),
    enterOpening: (address) => openings.enter(address),
    get connections() {
      return connections.total();
    },
    get openings() {
      return openings.total();
    },
  };
}

function createCounter(max: number, maxPerClient: number): { enter(address: string): Entry; total(): number } {
  const byClient = new Map<string, number>();
  let total = 0;
  return {
    total: () => total,
    enter(address) {
      total += 1;
      const ofClient = (byClient.get(address) ?? 0) + 1;
      byClient.set(address, ofClient);
      let inside = true;
      return {
        full: total > max ? 'limit.connections' : ofClient > maxPerClient ? 'limit.client' : null,
        leave() {
          if (!inside) return;
          inside = false;
          total -= 1;
          const left = byClient.get(address)! - 1;
          if (left === 0) byClient.delete(address);
          else byClient.set(address, left);
        },
      };
    },
  };
}
