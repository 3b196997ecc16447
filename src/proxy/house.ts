/**
 * The house: everything the straight line (connect.ts) needs, in one value that the runtime builds once a worker.
 *
 * Does: name the parts. Does not: build them, or hold state of one tunnel.
 * The caller must: answer `generation()` and `trust()` with frozen snapshots that are replaced as a whole; a tunnel
 * reads each once per judgement and never mixes two.
 */
import type { Clock } from '../host/clock.ts';
import type { Shelf } from '../minting/shelf.ts';
import type { Der } from '../model/der.ts';
import type { Evidence } from '../model/evidence.ts';
import type { Recorder } from '../observe/recorder.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import type { Config } from '../policy/config.ts';
import type { Policy, Rule } from '../policy/policy.ts';
import type { Resolver } from '../upstream/resolve.ts';
import type { Report } from '../verify/report.ts';
import type { Trust } from '../verify/trust.ts';
import type { AlpnMemory } from './alpn-memory.ts';
import type { Gate } from './gate.ts';
import type { Limits } from './limits.ts';
import type { Tunnels } from './tunnels.ts';

/** One generation of configuration and policy: swapped as a whole by a reload. */
export interface Generation {
  /** Counts up by one with each accepted reload. */
  readonly number: number;
  /** SHA-256 over the files, hex. */
  readonly sha256: string;
  readonly config: Config;
  readonly policy: Policy;
}

export interface House {
  readonly clock: Clock;
  readonly limits: Limits;
  generation(): Generation;
  trust(): Trust;
  /** Our CA certificates as clients must know them: the one that signs, and the one that will. */
  authorities(): readonly Certificate[];
  /** Known intermediates that may complete what an upstream presented. Empty: nothing is missing, or none are known. */
  intermediates(presented: readonly Der[]): readonly Der[];
  /** Takes every judgement, for the pool above and for what is fetched aside. Never throws, never waits. */
  learn(judged: {
    readonly evidence: Evidence;
    readonly report: Report;
    readonly rule: Rule;
    readonly permitted: boolean;
  }): void;
  readonly resolver: Resolver;
  readonly shelf: Shelf;
  readonly recorder: Recorder;
  /** Counts of open connections and openings. */
  readonly gate: Gate;
  /** Open tunnels, for re-judging, draining and gauges. */
  readonly tunnels: Tunnels;
  readonly alpnMemory: AlpnMemory;
  /** A new, unguessable name for one tunnel or request; at most 64 characters of [A-Za-z0-9-]. */
  eventId(): string;
  /** True from the moment the worker takes no new tunnels. */
  draining(): boolean;
}
