/**
 * All workers together: start, broadcast, merged metrics, drain.
 *
 * Does not: own sockets, files or the admin server (supervisor.ts does).
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../host/clock.ts';
import type { FailingSeries } from '../observe/failing-hosts.ts';
import type { Sample } from '../observe/metrics.ts';
import type { Batch } from '../observe/outbox.ts';
import type { OwnEndpoint } from '../upstream/addresses.ts';
import { LOOKUP_THREADS } from '../upstream/dns.ts';
import type { Bound } from './bind.ts';
import type { FetchedMaterial, GenerationMaterial, ToWorker, Wanted } from './messages.ts';
import { Retired } from './retired.ts';
import { type EndReason, WorkerSlot } from './worker-slot.ts';

export interface FleetOptions {
  readonly workers: number;
  readonly clock: Clock;
  readonly bound: readonly Bound[];
  /** All of our own sockets, which are never dialled. */
  readonly own: readonly OwnEndpoint[];
  /** Those of now, for workers that start. */
  readonly ticketKeys: () => Uint8Array;
  readonly workerEnv: Readonly<Record<string, string>>;
  readonly material: () => GenerationMaterial;
  readonly log: (line: string) => void;
  readonly restarted: (reason: EndReason) => void;
  /** Events of the workers, and whether their lines are wanted; absent: nobody looks. */
  readonly sight?: { readonly take: (batch: Batch) => void; readonly wanted: () => boolean };
  /** Absent: nothing is fetched. */
  readonly fetching?: { readonly want: (items: readonly Wanted[]) => void; readonly material: () => FetchedMaterial };
}

/** Descriptors 0 to 3 are the standard ones and the IPC channel; the inherited sockets follow. */
const FIRST_INHERITED_FD = 4;
/** A scrape has 10 s by default; a worker that does not answer within this is shown with its last snapshot. */
const SNAPSHOT_TIMEOUT_MS = 2000;

/** Processes that end before all serve, until the start is given up. */
const MAX_ENDINGS_AT_START = 5;

/** Both under src/ by type stripping and under dist/ as built. */
const WORKER_FILE = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url),
);

export class Fleet {
  readonly #options: FleetOptions;
  readonly #slots: readonly WorkerSlot[];
  readonly #retired = new Retired();
  readonly #generations = new Map<number, number>();
  #ready: () => void = () => undefined;
  #failed: (message: string) => void = () => undefined;
  #ended: () => void = () => undefined;
  #changed: () => void = () => undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.workers }, (_, index) => this.#slot(index + 1));
  }

  /**
   * Resolves when every worker serves. Rejects when one says that it cannot, or when they keep ending without a word:
   * what fails at the first start will fail again. Later a worker is replaced for as long as it takes.
   */
  async start(): Promise<void> {
    let endings = 0;
    await new Promise<void>((resolve, reject) => {
      this.#ready = () => {
        if (this.serving === this.#slots.length) resolve();
      };
      this.#failed = (message) => reject(new Error(message));
      this.#ended = () => {
        endings += 1;
        if (endings >= MAX_ENDINGS_AT_START) reject(new Error('workers end before they serve'));
      };
      for (const slot of this.#slots) slot.start();
    });
    this.#failed = () => undefined;
    this.#ended = () => undefined;
  }

  get serving(): number {
    return this.#slots.filter((slot) => slot.serving).length;
  }

  get size(): number {
    return this.#slots.length;
  }

  get tunnels(): number {
    return this.#slots.reduce((sum, slot) => sum + slot.tunnels, 0);
  }

  /** Whether some worker can record nothing, and so refuses. */
  get auditBlocked(): boolean {
    return this.#slots.some((slot) => slot.auditBlocked);
  }

  /**
   * Sends the newest generation to every worker; resolves when all have taken it (true), or after `timeoutMs`. One that is
   * starting counts: it was given an older one, and accepts before it hears of this one.
   */
  async publish(timeoutMs: number): Promise<boolean> {
    const material = this.#options.material();
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#changed = () => {
        if (this.behind(material.number) > 0) return;
        clearTimeout(timer);
        resolve(true);
      };
      this.#tell({ kind: 'generation', material });
      this.#changed();
    });
  }

  /** How many processes have not taken this generation yet. */
  behind(generation: number): number {
    return this.#slots.filter(
      (slot, index) => slot.pid !== null && (this.#generations.get(index + 1) ?? 0) < generation,
    ).length;
  }

  /** Sends what was fetched; nobody waits for it. */
  publishFetched(): void {
    const material = this.#options.fetching?.material();
    if (material !== undefined) this.#tell({ kind: 'fetched', material });
  }

  /** Drops what was counted for policies that are no more. */
  forgetPolicies(keep: ReadonlySet<string>): void {
    this.#retired.forget(keep);
  }

  /** Whether workers are to send audit lines. */
  watch(wanted: boolean): void {
    this.#tell({ kind: 'watch', wanted });
  }

  reopenAudit(): void {
    this.#tell({ kind: 'reopen-audit' });
  }

  /** Tickets that clients hold lead to a full handshake from now on, at every worker. */
  renewTickets(ticketKeys: Uint8Array): void {
    this.#tell({ kind: 'ticket-keys', ticketKeys });
  }

  /** Snapshots of the living, asked for now, and the counters of the dead. */
  async snapshots(): Promise<{
    readonly samples: readonly (readonly Sample[])[];
    readonly failing: readonly (readonly FailingSeries[])[];
  }> {
    await Promise.all(this.#slots.map((slot) => slot.refresh(SNAPSHOT_TIMEOUT_MS)));
    await this.#retired.fold();
    const living = this.#slots.flatMap(({ lastSnapshot }) => (lastSnapshot === null ? [] : [lastSnapshot]));
    return {
      samples: [...this.#retired.parts, ...living.map(({ samples }) => samples)],
      failing: living.map(({ failing }) => failing),
    };
  }

  async drain(timeoutMs: number): Promise<{ readonly finished: number; readonly cut: number }> {
    const counts = await Promise.all(this.#slots.map((slot) => slot.drain(timeoutMs)));
    return {
      finished: counts.reduce((sum, { finished }) => sum + finished, 0),
      cut: counts.reduce((sum, { cut }) => sum + cut, 0),
    };
  }

  #tell(message: ToWorker): void {
    for (const slot of this.#slots) slot.send(message);
  }

  #slot(worker: number): WorkerSlot {
    const { clock, ticketKeys, bound, own, log, restarted, material, fetching, sight } = this.#options;
    const slot = new WorkerSlot({
      worker,
      clock,
      log,
      spawn: () => this.#spawn(),
      startMessage: () => {
        const newest = material();
        this.#generations.set(worker, newest.number);
        const listenFds = bound.map((_, index) => FIRST_INHERITED_FD + index);
        const fetched = fetching?.material();
        const watched = sight?.wanted() === true;
        const shared = { ticketKeys: ticketKeys(), listenFds, own, watched };
        const start = { kind: 'start', worker, material: newest, ...shared } as const;
        return fetched === undefined ? start : { ...start, fetched };
      },
      ready: () => this.#ready(),
      applied: (generation) => {
        this.#generations.set(worker, generation);
        this.#changed();
      },
      wanted: (items) => fetching?.want(items),
      seen: (batch) => sight?.take(batch),
      ended: (reason, last) => {
        if (last !== null) this.#retired.add(last.samples);
        restarted(reason);
        this.#ended();
        this.#changed();
      },
      failed: (message) => this.#failed(message),
    });
    return slot;
  }

  #spawn(): ChildProcess {
    const { bound, workerEnv, log } = this.#options;
    const child = fork(WORKER_FILE, [], {
      env: { ...workerEnv, UV_THREADPOOL_SIZE: String(LOOKUP_THREADS) },
      // The inspector must not be opened by a signal in a process that holds a CA key.
      execArgv: ['--disable-sigusr1'],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', ...bound.map(({ fd }) => fd)],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => log(text.trimEnd()));
    }
    return child;
  }
}
