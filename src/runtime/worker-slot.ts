/**
 * One worker's place: the process that fills it, and its successor when it ends.
 *
 * Does: start, feed, watch (a worker whose event loop stands still is killed) and restart with back-off.
 * Does not: know what the messages mean beyond that, or widen anything while a worker is down: the kernel queues.
 * The caller must: give `startMessage` anew for each start, so that a successor begins with the newest generation.
 */
import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../host/clock.ts';
import type { Batch } from '../observe/outbox.ts';
import type { WorkerSnapshot } from '../observe/worker-metrics.ts';
import type { FromWorker, StartMessage, ToWorker, Wanted } from './messages.ts';

/** A worker that has not answered for so long is stuck in a computation that will not end. */
export const STALL_MS = 10_000;
/**
 * A process that has not said a word yet is still being loaded. That is some second of processor time, which a machine
 * under load, or a container with a twentieth of a core, makes much longer: a successor would have to begin from nothing.
 */
export const START_MS = 60_000;
const CHECK_MS = 1000;
/** When our own check comes this late, we were the ones who stood still and the beats lie unread. */
const OWN_LATENESS_MS = 1000;
const FIRST_BACKOFF_MS = 100;
const LAST_BACKOFF_MS = 5000;
/** A worker that served so long was healthy: the next failure starts from the first step again. */
const HEALTHY_MS = 60_000;

export type EndReason = 'crash' | 'stall' | 'refused';

export interface SlotOptions {
  readonly worker: number;
  readonly clock: Clock;
  readonly spawn: () => ChildProcess;
  readonly startMessage: () => StartMessage;
  readonly log: (line: string) => void;
  /** The process serves for the first time or again. */
  readonly ready: () => void;
  readonly applied: (generation: number) => void;
  /** The worker saw something that may be fetched. */
  readonly wanted?: (items: readonly Wanted[]) => void;
  /** What the worker tells of its events. */
  readonly seen?: (batch: Batch) => void;
  /** A process ended and will be replaced; its last snapshot, if it gave one. */
  readonly ended: (reason: EndReason, last: WorkerSnapshot | null) => void;
  /** The worker says that it cannot serve, and why. It will end and be replaced. */
  readonly failed: (message: string) => void;
}

export class WorkerSlot {
  readonly #options: SlotOptions;
  #child: ChildProcess | null = null;
  #serving = false;
  #stopping = false;
  #backoffMs = FIRST_BACKOFF_MS;
  #startedAtMs = 0;
  /** When the process last said something; null: not a word since its start. */
  #beatAtMs: number | null = null;
  #checkedAtMs = 0;
  #stalled = false;
  #refusedWith: string | null = null;
  #tunnels = 0;
  #auditBlocked = false;
  #last: WorkerSnapshot | null = null;
  #nextId = 1;
  readonly #waiting = new Map<number, () => void>();
  /** The newest message of each kind that was sent while the process was starting. */
  readonly #late = new Map<ToWorker['kind'], ToWorker>();
  #drained: ((counts: { finished: number; cut: number }) => void) | null = null;
  #restart: NodeJS.Timeout | null = null;
  readonly #check: NodeJS.Timeout;

  constructor(options: SlotOptions) {
    this.#options = options;
    this.#check = setInterval(() => this.#watch(), CHECK_MS);
    this.#check.unref();
  }

  get serving(): boolean {
    return this.#serving;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get tunnels(): number {
    return this.#tunnels;
  }

  /** It can record nothing, and so refuses. */
  get auditBlocked(): boolean {
    return this.#auditBlocked;
  }

  /** The newest snapshot that the living process gave; null: none yet. */
  get lastSnapshot(): WorkerSnapshot | null {
    return this.#last;
  }

  start(): void {
    const { clock, spawn, startMessage } = this.#options;
    const child = spawn();
    this.#child = child;
    this.#startedAtMs = clock.monotonicMs();
    this.#beatAtMs = null;
    this.#stalled = false;
    this.#refusedWith = null;
    child.on('message', (message) => this.#receive(message as FromWorker));
    child.on('error', (error) => {
      this.#options.log(`worker ${this.#options.worker}: ${error.message}`);
      // A process that could not be made (a limit of processes or files) has no exit.
      if (child.pid === undefined) this.#exited(child, null, null);
    });
    child.on('exit', (code, signal) => this.#exited(child, code, signal));
    this.#sendTo(child, startMessage());
  }

  /** To the process that serves, or to the one that is starting when it serves: what it was started with may be old by then. */
  send(message: ToWorker): void {
    if (this.#child === null) return;
    if (this.#serving) this.#sendTo(this.#child, message);
    else this.#late.set(message.kind, message);
  }

  /** Asks for a fresh snapshot; after `timeoutMs` the last one has to do. */
  async refresh(timeoutMs: number): Promise<void> {
    if (!this.#serving) return;
    const id = this.#nextId++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, timeoutMs);
      const waiting = this.#waiting;
      function done(): void {
        clearTimeout(timer);
        waiting.delete(id);
        resolve();
      }
      waiting.set(id, done);
      this.send({ kind: 'snapshot', id });
    });
  }

  /** Lets the tunnels end, then the process; answers what became of them. */
  async drain(timeoutMs: number): Promise<{ readonly finished: number; readonly cut: number }> {
    this.#stop();
    const child = this.#child;
    if (child === null) return { finished: 0, cut: 0 };
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    let counts = { finished: 0, cut: 0 };
    const before = this.#drained;
    this.#drained = (answer) => {
      before?.(answer);
      counts = answer;
    };
    if (this.#serving) this.#sendTo(child, { kind: 'drain', timeoutMs });
    else child.kill('SIGKILL');
    // The worker ends by itself; a second more than its own limit is only for one that does not.
    const hard = setTimeout(() => child.kill('SIGKILL'), timeoutMs + 2000);
    await gone;
    clearTimeout(hard);
    return counts;
  }

  #stop(): void {
    this.#stopping = true;
    clearInterval(this.#check);
    if (this.#restart !== null) clearTimeout(this.#restart);
  }

  #sendTo(child: ChildProcess, message: ToWorker): void {
    // A process that is going away: its exit tells.
    if (child.connected) child.send(message, () => undefined);
  }

  #receive(message: FromWorker): void {
    this.#beatAtMs = this.#options.clock.monotonicMs();
    switch (message.kind) {
      case 'ready':
        this.#serving = true;
        for (const late of this.#late.values()) this.send(late);
        this.#late.clear();
        this.#options.ready();
        return;
      case 'beat':
        this.#tunnels = message.tunnels;
        this.#auditBlocked = message.auditBlocked;
        return;
      case 'snapshot':
        this.#last = message.snapshot;
        this.#waiting.get(message.id)?.();
        return;
      case 'applied':
        this.#options.applied(message.generation);
        return;
      case 'seen':
        this.#options.seen?.(message.batch);
        return;
      case 'complaint':
        this.#options.log(`worker ${this.#options.worker}: ${message.message}`);
        return;
      case 'not-applied':
        this.#options.log(`worker ${this.#options.worker}: generation ${message.generation}: ${message.message}`);
        // It would judge by the old generation for ever; its successor begins with the new one.
        this.#child?.kill('SIGKILL');
        return;
      case 'wanted':
        this.#options.wanted?.(message.items);
        return;
      case 'failed':
        this.#refusedWith = message.message;
        this.#options.failed(message.message);
        return;
      case 'drained':
        this.#drained?.({ finished: message.finished, cut: message.cut });
        return;
    }
  }

  #watch(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const lateMs = nowMs - this.#checkedAtMs - CHECK_MS;
    this.#checkedAtMs = nowMs;
    if (lateMs > OWN_LATENESS_MS || this.#child === null || this.#stalled) return;
    const isLoaded = this.#beatAtMs !== null;
    const limitMs = isLoaded ? STALL_MS : START_MS;
    if (nowMs - (this.#beatAtMs ?? this.#startedAtMs) <= limitMs) return;
    this.#stalled = true;
    const what = isLoaded ? 'event loop blocked' : 'not loaded';
    this.#options.log(`worker ${this.#options.worker}: ${what} for more than ${limitMs / 1000} s; killed`);
    this.#child.kill('SIGKILL');
  }

  #exited(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#serving = false;
    this.#tunnels = 0;
    this.#late.clear();
    this.#auditBlocked = false;
    const last = this.#last;
    this.#last = null;
    for (const answer of this.#waiting.values()) answer();
    if (this.#stopping) return;
    const reason: EndReason = this.#stalled ? 'stall' : this.#refusedWith === null ? 'crash' : 'refused';
    const { clock, log, worker, ended } = this.#options;
    if (clock.monotonicMs() - this.#startedAtMs > HEALTHY_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    const backoffMs = this.#backoffMs;
    this.#backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS);
    const how = this.#refusedWith ?? howEnded(code, signal);
    log(`worker ${worker} ended (${reason}: ${how}); started again in ${backoffMs} ms`);
    ended(reason, last);
    this.#restart = setTimeout(() => this.start(), backoffMs);
  }
}

function howEnded(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `signal ${signal}`;
  return code === null ? 'it could not be made' : `exit code ${code}`;
}
