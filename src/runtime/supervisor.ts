/**
 * The supervisor: owns configuration, sockets, CA, workers, reload and the metrics address. It carries no traffic.
 *
 * Does: reload; answer scrapes; drain. How it comes to life is in supervisor-start.ts.
 * Does not: print the first screen or listen to signals (cli/run.ts does).
 * The caller must: call `drain` before it ends the process.
 */
import type { Server } from 'node:http';
import type { Clock } from '../host/clock.ts';
import { signerAt, waitingAt } from '../minting/signer.ts';
import { mergeSnapshots, printSnapshot, type Sample } from '../observe/metrics.ts';
import { parseLogList } from '../pki/ct/log-list.ts';
import type { Config, ListenAddress } from '../policy/config.ts';
import { printMistake } from '../policy/mistakes.ts';
import type { Readiness } from './admin-routes.ts';
import type { Bound } from './bind.ts';
import type { LoadedCa } from './ca-files.ts';
import type { DrainCounts } from './drain.ts';
import type { Fetcher } from './fetcher.ts';
import type { Fleet } from './fleet.ts';
import { type Generation, type Generations, resultOf, type Step } from './generations.ts';
import { saveLastGood } from './last-good.ts';
import type { TrustMaterial } from './messages.ts';
import { needsRestart } from './reload.ts';
import type { SelfTestResult } from './self-test.ts';
import type { Sight } from './sight.ts';
import { directoriesOf } from './sources.ts';
import type { SupervisorMetrics } from './supervisor-metrics.ts';
import type { TicketKeys } from './ticket-keys.ts';
import { PUBLIC_ANCHORS_OLD_MS, parsePublicAnchors } from './trust-loader.ts';
import { printWaiting } from './unfinished.ts';
import { createWatch, type Watch } from './watch.ts';

/** A worker compiles 100,000 rules in some seconds; a reload is not held up by one that takes longer. */
const PUBLISH_TIMEOUT_MS = 10_000;

/** Timers count to 2^31 ms; whoever waits longer looks again. */
const MAX_TIMER_MS = 86_400_000;

/** A detector that has died is known within a few of these. */
const SELF_TEST_EVERY_MS = 300_000;

/** What the supervisor is made of; supervisor-start.ts makes it. */
export interface SupervisorParts {
  readonly clock: Clock;
  readonly pause: (durationMs: number) => Promise<void>;
  /** One line for the operator, without its end. */
  readonly log: (line: string) => void;
  /** The configuration of the start: sockets, state and processes are as it says until the end. */
  readonly config: Config;
  /** The CA was made just now: nothing trusts it yet. */
  readonly caCreated: boolean;
  readonly bound: readonly Bound[];
  readonly generations: Generations;
  readonly fleet: Fleet;
  readonly fetcher: Pick<Fetcher, 'stop' | 'status'>;
  readonly tickets: Pick<TicketKeys, 'stop'>;
  readonly sight: Sight;
  readonly metrics: SupervisorMetrics;
  /** The self-test with what is trusted now; never rejects. */
  readonly selfTest: () => Promise<SelfTestResult>;
}

export interface Served {
  /** Where /metrics answers; null: off. */
  readonly metricsAddress: ListenAddress | null;
  readonly admin: Server | null;
  /** The admin interface; null: off. */
  readonly control: Server | null;
  readonly selfTest: SelfTestResult;
}

/** When what is trusted was made, milliseconds since the epoch. */
interface Dates {
  readonly trust: TrustMaterial;
  /** Null: `publicAnchors` of the configuration replaces the set that ships, and PEM files have no date. */
  readonly publicAnchorsAtMs: number | null;
  readonly logListAtMs: number | null;
}

export class Supervisor {
  readonly #parts: SupervisorParts;
  #served: Served | null = null;
  #watch: Watch | null = null;
  #selfTests: NodeJS.Timeout | null = null;
  #draining = false;
  /** Resolved by a second call: nobody waits out the delay any more. */
  readonly #hurried = Promise.withResolvers<void>();
  #turn: NodeJS.Timeout | null = null;
  /** SHA-256 of the CA that was said to sign. */
  #signerSha256: string | null = null;
  #warnedOfAge = false;
  #warnedOfList = false;
  #dates: Dates | null = null;
  /** Looks at the files come one after the other, whoever asks. */
  #reloading: Promise<unknown> = Promise.resolve();
  readonly #ended = Promise.withResolvers<DrainCounts>();

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  get config(): Config {
    return this.#parts.config;
  }

  /** The CA that signs now, and whether it was made at this start. */
  get ca(): LoadedCa & { readonly created: boolean } {
    const { clock, caCreated } = this.#parts;
    return { ...signerAt(this.generation.cas, clock.nowMs()), created: caCreated };
  }

  get bound(): readonly Bound[] {
    return this.#parts.bound;
  }

  get workers(): number {
    return this.#parts.fleet.size;
  }

  /** Workers that do not judge by the newest generation yet. */
  get workersBehind(): number {
    return this.#parts.fleet.behind(this.generation.number);
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

  /** When the proxy has drained, whoever asked for it. */
  get ended(): Promise<DrainCounts> {
    return this.#ended.promise;
  }

  /** Everything serves: from now on files are watched. */
  open(served: Served): void {
    this.#served = served;
    this.#tested(served.selfTest);
    this.#selfTests = setInterval(() => void this.testAgain(), SELF_TEST_EVERY_MS);
    this.#selfTests.unref();
    this.#persist();
    this.checkAges();
    this.#watchSigner();
    this.#watch = createWatch(async () => this.#look());
    this.#watch.follow(directoriesOf(this.generation.config, this.generation.trust.anchorFiles));
  }

  /** Workers change by the same clock; here it is said and counted. */
  #watchSigner(): void {
    const { clock, log } = this.#parts;
    const { ca } = this.#countCas();
    if (this.#signerSha256 !== null && this.#signerSha256 !== ca.sha256) {
      log(`ca: ${ca.certificate.subject} signs from now on, SHA-256 ${ca.sha256}`);
    }
    this.#signerSha256 = ca.sha256;
    if (this.#turn !== null) clearTimeout(this.#turn);
    const nowMs = clock.nowMs();
    const fromMs = waitingAt(this.generation.cas, nowMs)?.signsFromMs ?? null;
    if (fromMs === null || this.#draining) return;
    this.#turn = setTimeout(() => this.#watchSigner(), Math.min(fromMs - nowMs, MAX_TIMER_MS));
    this.#turn.unref();
  }

  /** Puts the ends of the CAs into the metrics; answers the one that signs. */
  #countCas(): LoadedCa {
    const { clock, metrics } = this.#parts;
    const { cas } = this.generation;
    const signer = signerAt(cas, clock.nowMs());
    metrics.ca(signer.endsMs, waitingAt(cas, clock.nowMs())?.endsMs ?? null);
    return signer;
  }

  /** The self-test of the start once more: whoever watches the metrics learns whether the detector still detects. */
  async testAgain(): Promise<SelfTestResult> {
    const result = await this.#parts.selfTest();
    this.#tested(result);
    if (!result.ok) this.#parts.log(`self-test: ${result.why}`);
    return result;
  }

  #tested({ ok }: SelfTestResult): void {
    this.#parts.metrics.selfTested(ok, this.#parts.clock.nowMs());
  }

  /** What SIGHUP asks for: audit files are opened anew, and the configuration is looked at. */
  poke(): void {
    this.#parts.fleet.reopenAudit();
    this.#watch?.poke();
  }

  /** A look that fails for a reason of ours (no descriptor is left) must not end what serves. */
  async #look(): Promise<void> {
    const { generations, metrics, clock, log } = this.#parts;
    try {
      await this.reload();
    } catch (thrown) {
      metrics.reloaded('refused', generations.current?.held.length ?? 0, clock.nowMs());
      log(`reload: ${thrown instanceof Error ? thrown.message : String(thrown)}; what runs goes on`);
    }
  }

  /** One look at the files; what is right in them serves when this resolves. `asked`: they are finished, somebody says. */
  async reload(by: 'watch' | 'asked' = 'watch'): Promise<Step> {
    const step = this.#reloading.then(async () => this.#reload(by));
    this.#reloading = step.catch(() => undefined);
    return step;
  }

  async #reload(by: 'watch' | 'asked'): Promise<Step> {
    const { generations, fleet, log, config } = this.#parts;
    const step = await generations.reload(by);
    this.record(step);
    // What may be unfinished is looked at when it has been at rest, without waiting for an event or the poll.
    this.#watch?.pokeIn(generations.nextLookMs);
    if (step.kind !== 'accepted' || this.#draining) return step;
    const { generation } = step;
    const isEverywhere = await fleet.publish(PUBLISH_TIMEOUT_MS);
    // What may be fetched, and so be used, may have changed.
    fleet.publishFetched();
    fleet.forgetPolicies(this.announce());
    this.#persist();
    this.checkAges();
    this.#watchSigner();
    this.#watch?.follow(directoriesOf(generation.config, generation.trust.anchorFiles));
    const fields = needsRestart(config, generation.config);
    if (fields.length > 0) log(`config: ${fields.join(', ')} changed: takes effect at the next start`);
    const { number, policy, sha256 } = generation;
    const where = isEverywhere ? 'serves' : 'serves, but not yet at every worker';
    log(`generation ${number} ${where}: ${policy.rules.length} rules, ${sha256.slice(0, 12)}`);
    return step;
  }

  /** Metrics of what was read, and a line for each mistake. */
  record(step: Step): void {
    const { metrics, clock, log, generations } = this.#parts;
    if (step.kind === 'unchanged') return;
    for (const file of generations.current?.waiting ?? []) log(printWaiting(file));
    if (step.kind === 'waiting') return;
    const refused = step.kind === 'restored' ? [] : step.refused;
    const held = generations.current?.held.length ?? 0;
    metrics.reloaded(resultOf(step), held, clock.nowMs());
    for (const mistake of refused) log(printMistake(mistake, null));
    if (refused.length > 0) log('what was refused keeps its last good text; the rest is in force');
  }

  /** Puts the generation into the metrics; answers the labels that policies have. */
  announce(): ReadonlySet<string> {
    const { number, sha256, policy } = this.generation;
    return this.#parts.metrics.generation({ number, sha256, policy });
  }

  readiness(): Readiness {
    const { clock, fleet, generations } = this.#parts;
    const nowMs = clock.nowMs();
    const signer = generations.current === null ? null : signerAt(generations.current.cas, nowMs);
    return {
      policies: generations.current !== null,
      ca: signer !== null && signer.ca.notBeforeMs <= nowMs && nowMs <= signer.endsMs,
      listeners: fleet.serving > 0,
      audit: !fleet.auditBlocked,
      serving: this.#served !== null && !this.#draining,
    };
  }

  /** All processes as one Prometheus text. */
  async metricsText(): Promise<string> {
    return printSnapshot(await this.samples());
  }

  /** All processes as one snapshot. */
  async samples(): Promise<readonly Sample[]> {
    const { fleet, metrics, sight, fetcher } = this.#parts;
    const { samples, failing } = await fleet.snapshots();
    metrics.failing(failing);
    metrics.workers(fleet.serving);
    metrics.sight(sight.locker?.size ?? 0, sight.hub.size);
    metrics.following(fetcher.status);
    metrics.overrides(this.#parts.clock.nowMs());
    this.checkAges();
    this.#countCas();
    return mergeSnapshots([await metrics.snapshot(), ...samples]);
  }

  checkAges(): void {
    const { clock, metrics, log } = this.#parts;
    const { publicAnchorsAtMs, logListAtMs } = this.#datesOf(this.generation.trust);
    const nowMs = clock.nowMs();
    const publicAnchorsMs = publicAnchorsAtMs === null ? null : Math.max(0, nowMs - publicAnchorsAtMs);
    const ctLogListMs = logListAtMs === null ? null : Math.max(0, nowMs - logListAtMs);
    metrics.ages({ publicAnchorsMs, ctLogListMs });
    this.#warnOfList(ctLogListMs, this.generation.config.ct.maxListAgeMs);
    if (publicAnchorsMs === null || publicAnchorsMs <= PUBLIC_ANCHORS_OLD_MS || this.#warnedOfAge) return;
    this.#warnedOfAge = true;
    log('anchors: the public set was frozen more than 180 days ago; update the proxy');
  }

  /** Once for each list: without a fresh one CT is absent everywhere, which nobody should learn from a blocked host. */
  #warnOfList(ageMs: number | null, maxAgeMs: number): void {
    const isStale = ageMs !== null && ageMs >= maxAgeMs;
    if (isStale && !this.#warnedOfList) {
      const days = Math.floor(ageMs / 86_400_000);
      this.#parts.log(`ct: the log list is ${days} days old and not used any more: CT is absent; replace the file`);
    }
    this.#warnedOfList = isStale;
  }

  /** Lets go: unready first, then no new connections, then the tunnels. A second call shortens the first. */
  async drain(timeoutMs: number): Promise<DrainCounts> {
    const { fleet, bound, config, pause } = this.#parts;
    const { drainDelayMs } = config.limits;
    const delayed = !this.#draining && drainDelayMs > 0;
    this.#draining = true;
    this.#watch?.stop();
    this.#parts.fetcher.stop();
    this.#parts.tickets.stop();
    if (this.#selfTests !== null) clearInterval(this.#selfTests);
    if (this.#turn !== null) clearTimeout(this.#turn);
    if (delayed) await Promise.race([pause(drainDelayMs), this.#hurried.promise]);
    else this.#hurried.resolve();
    // Closed first: from now on the kernel refuses instead of queueing what nobody will accept.
    for (const one of bound) one.close();
    const counts = await fleet.drain(timeoutMs);
    this.#parts.sight.close();
    for (const server of [this.#served?.control, this.#served?.admin]) {
      server?.close();
      server?.closeAllConnections();
    }
    this.#ended.resolve(counts);
    return counts;
  }

  /** Parsed once for each generation, not at each scrape. */
  #datesOf(trust: TrustMaterial): Dates {
    if (this.#dates?.trust !== trust) {
      const list = trust.logList === null ? null : parseLogList(Buffer.from(trust.logList));
      this.#dates = {
        trust,
        publicAnchorsAtMs:
          trust.publicAnchorFiles === undefined ? parsePublicAnchors(trust.publicAnchors).frozenAtMs : null,
        logListAtMs: list?.ok === true ? list.value.timestampMs : null,
      };
    }
    return this.#dates;
  }

  #persist(): void {
    const { config, log } = this.#parts;
    const { number, configFile, sources, trust } = this.generation;
    const logListMs = this.#datesOf(trust).logListAtMs;
    try {
      saveLastGood(config.state, { number, config: configFile, sources, ...(logListMs !== null && { logListMs }) });
    } catch (thrown) {
      // The proxy serves; only the next restart would lack its memory.
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      log(`state: the last good generation was not saved: ${why}`);
    }
  }
}
