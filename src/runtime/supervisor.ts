/**
 * The supervisor: owns configuration, sockets, CA, workers, reload and the metrics address. It carries no traffic.
 *
 * Does: reload; answer scrapes; drain. How it comes to life is in supervisor-start.ts.
 * Does not: print the first screen or listen to signals (cli/run.ts does).
 * The caller must: call `drain` before it ends the process.
 */
import type { Server } from 'node:http';
import type { Clock } from '../host/clock.ts';
import { mergeSnapshots, printSnapshot } from '../observe/metrics.ts';
import type { Config, ListenAddress } from '../policy/config.ts';
import { printMistake } from '../policy/mistakes.ts';
import type { Readiness } from './admin-routes.ts';
import type { Bound } from './bind.ts';
import type { LoadedCa } from './ca-files.ts';
import type { DrainCounts } from './drain.ts';
import type { Fleet } from './fleet.ts';
import type { Generation, Generations, Step } from './generations.ts';
import { saveLastGood } from './last-good.ts';
import { needsRestart } from './reload.ts';
import type { SelfTestResult } from './self-test.ts';
import { directoriesOf } from './sources.ts';
import type { SupervisorMetrics } from './supervisor-metrics.ts';
import { PUBLIC_ANCHORS_OLD_MS, parsePublicAnchors } from './trust-loader.ts';
import { createWatch, type Watch } from './watch.ts';

/** A worker compiles 100,000 rules in some seconds; a reload is not held up by one that takes longer. */
const PUBLISH_TIMEOUT_MS = 10_000;

/** What the supervisor is made of; supervisor-start.ts makes it. */
export interface SupervisorParts {
  readonly clock: Clock;
  readonly pause: (durationMs: number) => Promise<void>;
  /** One line for the operator, without its end. */
  readonly log: (line: string) => void;
  /** The configuration of the start: sockets, state and processes are as it says until the end. */
  readonly config: Config;
  readonly ca: LoadedCa;
  readonly bound: readonly Bound[];
  readonly generations: Generations;
  readonly fleet: Fleet;
  readonly metrics: SupervisorMetrics;
}

export interface Served {
  /** Where /metrics answers; null: off. */
  readonly metricsAddress: ListenAddress | null;
  readonly admin: Server | null;
  readonly selfTest: SelfTestResult;
}

export class Supervisor {
  readonly #parts: SupervisorParts;
  #served: Served | null = null;
  #watch: Watch | null = null;
  #draining = false;
  /** Resolved by a second call: nobody waits out the delay any more. */
  readonly #hurried = Promise.withResolvers<void>();
  #warnedOfAge = false;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  get config(): Config {
    return this.#parts.config;
  }

  get ca(): LoadedCa {
    return this.#parts.ca;
  }

  get bound(): readonly Bound[] {
    return this.#parts.bound;
  }

  get workers(): number {
    return this.#parts.fleet.size;
  }

  get generation(): Generation {
    const { current } = this.#parts.generations;
    if (current === null) throw new TypeError('no generation');
    return current;
  }

  get served(): Served {
    if (this.#served === null) throw new TypeError('not serving yet');
    return this.#served;
  }

  /** Everything serves: from now on files are watched. */
  open(served: Served): void {
    this.#served = served;
    if (served.selfTest.ok) this.#parts.metrics.selfTested(this.#parts.clock.nowMs());
    this.#persist();
    this.#watch = createWatch(async () => this.reload());
    this.#watch.follow(directoriesOf(this.generation.config, this.generation.trust.anchorFiles));
  }

  /** What SIGHUP asks for: audit files are opened anew, and the configuration is looked at. */
  poke(): void {
    this.#parts.fleet.reopenAudit();
    this.#watch?.poke();
  }

  /** One look at the files; what is right in them serves when this resolves. */
  async reload(): Promise<void> {
    const { generations, fleet, log, config } = this.#parts;
    const step = await generations.reload();
    this.record(step);
    if (step.kind !== 'accepted' || this.#draining) return;
    const { generation } = step;
    await fleet.publish(PUBLISH_TIMEOUT_MS);
    fleet.forgetPolicies(this.announce());
    this.#persist();
    this.#watch?.follow(directoriesOf(generation.config, generation.trust.anchorFiles));
    const fields = needsRestart(config, generation.config);
    if (fields.length > 0) log(`config: ${fields.join(', ')} changed: takes effect at the next start`);
    const { number, policy, sha256 } = generation;
    log(`generation ${number} serves: ${policy.rules.length} rules, ${sha256.slice(0, 12)}`);
  }

  /** Metrics of what was read, and a line for each mistake. */
  record(step: Step): void {
    if (step.kind === 'unchanged') return;
    const { metrics, clock, log } = this.#parts;
    const refused = step.kind === 'restored' ? [] : step.refused;
    const held = this.#parts.generations.current?.held.length ?? 0;
    const result = step.kind === 'refused' ? 'refused' : refused.length > 0 ? 'partly' : 'accepted';
    metrics.reloaded(result, held, clock.nowMs());
    for (const mistake of refused) log(printMistake(mistake, null));
    if (refused.length > 0) log('what was refused keeps its last good text; the rest is in force');
  }

  /** Puts the generation into the metrics; answers the labels that policies have. */
  announce(): ReadonlySet<string> {
    const { number, sha256, policy } = this.generation;
    return this.#parts.metrics.generation({ number, sha256, policy });
  }

  readiness(): Readiness {
    const { clock, ca, fleet, generations } = this.#parts;
    const nowMs = clock.nowMs();
    return {
      policies: generations.current !== null,
      ca: ca.ca.notBeforeMs <= nowMs && nowMs <= ca.ca.notAfterMs,
      listeners: fleet.serving > 0,
      serving: this.#served !== null && !this.#draining,
    };
  }

  /** All processes as one Prometheus text. */
  async metricsText(): Promise<string> {
    const { fleet, metrics } = this.#parts;
    const { samples, failing } = await fleet.snapshots();
    metrics.failing(failing);
    metrics.workers(fleet.serving);
    this.checkAges();
    return printSnapshot(await mergeSnapshots([await metrics.snapshot(), ...samples]));
  }

  checkAges(): void {
    const { clock, metrics, log } = this.#parts;
    const { frozenAtMs } = parsePublicAnchorsDate(this.generation.trust.publicAnchors);
    const publicAnchorsMs = Math.max(0, clock.nowMs() - frozenAtMs);
    metrics.ages({ publicAnchorsMs, ctLogListMs: null });
    if (publicAnchorsMs <= PUBLIC_ANCHORS_OLD_MS || this.#warnedOfAge) return;
    this.#warnedOfAge = true;
    log('anchors: the public set was frozen more than 180 days ago; update the proxy');
  }

  /** Lets go: unready first, then no new connections, then the tunnels. A second call shortens the first. */
  async drain(timeoutMs: number): Promise<DrainCounts> {
    const { fleet, bound, config, pause } = this.#parts;
    const { drainDelayMs } = config.limits;
    const delayed = !this.#draining && drainDelayMs > 0;
    this.#draining = true;
    this.#watch?.stop();
    if (delayed) await Promise.race([pause(drainDelayMs), this.#hurried.promise]);
    else this.#hurried.resolve();
    // Closed first: from now on the kernel refuses instead of queueing what nobody will accept.
    for (const one of bound) one.close();
    const counts = await fleet.drain(timeoutMs);
    const admin = this.#served?.admin;
    admin?.close();
    admin?.closeAllConnections();
    return counts;
  }

  #persist(): void {
    const { config, log } = this.#parts;
    const { number, configFile, sources } = this.generation;
    try {
      saveLastGood(config.state, { number, config: configFile, sources });
    } catch (thrown) {
      // The proxy serves; only the next restart would lack its memory.
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      log(`state: the last good generation was not saved: ${why}`);
    }
  }
}

let parsed: { readonly text: string; readonly frozenAtMs: number } | null = null;

/** The set is parsed once for each text, not at each scrape. */
function parsePublicAnchorsDate(text: string): { readonly frozenAtMs: number } {
  if (parsed?.text !== text) parsed = { text, frozenAtMs: parsePublicAnchors(text).frozenAtMs };
  return parsed;
}
