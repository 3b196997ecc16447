/**
 * What a worker process does, without the process: built from one start message, fed by the later ones.
 *
 * Does: build the house, listen on the inherited sockets, take generations, snapshots and the drain.
 * Does not: touch `process` (worker.ts does), so that tests can run it in their own process.
 */
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import type { Clock } from '../host/clock.ts';
import { type AppendFile, FileError, makeDirectory, openAppend } from '../host/files.ts';
import { type Audit, openAudit } from '../observe/audit.ts';
import { createRecorder } from '../observe/create-recorder.ts';
import { createOutbox, type Outbox } from '../observe/outbox.ts';
import { createMetrics, type Metrics } from '../observe/worker-metrics.ts';
import { createSignatureMemory } from '../pki/x509/signature.ts';
import type { Config } from '../policy/config.ts';
import { createFileMemory, type FileMemory } from '../policy/file-memory.ts';
import type { Rule } from '../policy/policy.ts';
import type { Generation } from '../proxy/house.ts';
import { createListener } from '../proxy/listener.ts';
import { rejudge } from '../proxy/tunnels.ts';
import { createCertificateMemory } from '../verify/certificate-memory.ts';
import { nextEndMs } from '../verify/floor.ts';
import { auditFileOf } from './audit-file.ts';
import { type BuiltHouse, buildHouse } from './build-house.ts';
import { type Compiled, compileInSlices } from './compile.ts';
import { drain } from './drain.ts';
import { inSlices } from './in-slices.ts';
import type { FromWorker, GenerationMaterial, StartMessage, ToWorker } from './messages.ts';
import type { Memories } from './trust-loader.ts';

/** Results of signature checks: some 100 bytes each, so a few MiB; public intermediates are a few hundred. */
const SIGNATURE_MEMORY_ENTRIES = 16_384;
/** Parsed certificates: some 8 KiB each, at worst 16, so 64 MiB. */
const CERTIFICATE_MEMORY_ENTRIES = 4096;
/** Close lines wait at most so long for a verdict line to ride with. */
const AUDIT_FLUSH_MS = 200;
/** How far a live view lags behind. */
const OUTBOX_FLUSH_MS = 200;
const BEAT_MS = 1000;
/** How soon after its end an exception is over for what is open. */
const EXCEPTIONS_MS = 1000;

/** What outlives generations. */
interface Kept {
  readonly memories: Memories;
  readonly files: FileMemory;
}

export interface WorkerDeps {
  readonly clock: Clock;
  /** `sent`: when the message has left this process. */
  readonly send: (message: FromWorker, sent?: () => void) => void;
  readonly pause: (durationMs: number) => Promise<void>;
  /** Opens the server on what the number stands for: an inherited descriptor. */
  readonly listen: (server: Server, listenFd: number) => Promise<void>;
}

export class WorkerService {
  readonly #deps: WorkerDeps;
  readonly #kept: Kept;
  readonly #metrics: Metrics;
  readonly #audit: Audit;
  readonly #auditFile: string;
  readonly #outbox: Outbox;
  readonly #built: BuiltHouse;
  readonly #servers: Server[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #drainTimeoutMs = Number.POSITIVE_INFINITY;
  #draining: Promise<void> | null = null;
  /** The newest generation that was asked for, and the end of those under way: one after the other. */
  #newest = 0;
  #applying: Promise<void> = Promise.resolve();
  /** When an exception of a rule ends next, milliseconds since the epoch. */
  #exceptionEndsMs = Number.POSITIVE_INFINITY;
  #exceptionsSeenMs = 0;

  private constructor(message: StartMessage, deps: WorkerDeps, kept: Kept, first: Compiled) {
    this.#deps = deps;
    this.#kept = kept;
    const { audit } = first.generation.config;
    this.#metrics = createMetrics();
    this.#auditFile = auditFileOf(audit.file, message.worker);
    makeDirectory(dirname(this.#auditFile));
    this.#audit = openAudit({
      file: openAppend(this.#auditFile),
      onFull: audit.onFull,
      counted: (kind, written, count) => this.#metrics.audited(kind, written, count),
      complain: (message) => deps.send({ kind: 'complaint', message }),
      // Readiness follows at once.
      turned: () => this.#beat(),
      now: () => deps.clock.nowMs(),
    });
    this.#outbox = createOutbox((batch, sent) => deps.send({ kind: 'seen', batch }, sent));
    // Clients may have waited in the kernel: the first verdicts come before any other message.
    this.#outbox.watch(message.watched === true);
    const parts = { audit: this.#audit, metrics: this.#metrics, outbox: this.#outbox };
    const recorder = createRecorder({ ...parts, worker: message.worker });
    const { ticketKeys, own } = message;
    this.#built = buildHouse({
      clock: deps.clock,
      recorder,
      ticketKeys,
      own,
      first,
      ...(message.fetched !== undefined && { fetched: message.fetched }),
      want: (items) => deps.send({ kind: 'wanted', items }),
    });
  }

  /** Resolves when every socket accepts. */
  static async start(message: StartMessage, deps: WorkerDeps): Promise<WorkerService> {
    const kept: Kept = {
      memories: {
        signatures: createSignatureMemory(SIGNATURE_MEMORY_ENTRIES),
        certificates: createCertificateMemory(CERTIFICATE_MEMORY_ENTRIES),
      },
      files: createFileMemory(),
    };
    // 100,000 rules take longer than a silent worker is given.
    const beats = setInterval(() => deps.send({ kind: 'beat', tunnels: 0, auditBlocked: false }), BEAT_MS);
    const first = await compileKept(message.material, kept, deps).finally(() => clearInterval(beats));
    const service = new WorkerService(message, deps, kept, first);
    await service.#count(service.#built.house.generation());
    for (const fd of message.listenFds) {
      const server = createListener(service.#built.house);
      await deps.listen(server, fd);
      service.#servers.push(server);
    }
    service.#every(AUDIT_FLUSH_MS, () => service.#audit.flush());
    service.#every(OUTBOX_FLUSH_MS, () => service.#outbox.flush());
    service.#every(BEAT_MS, () => service.#beat());
    service.#every(EXCEPTIONS_MS, () => service.#endExceptions());
    deps.send({ kind: 'ready' });
    return service;
  }

  get config(): Config {
    return this.#built.house.generation().config;
  }

  /** Resolves when the message has been dealt with; a drain resolves when the worker may end. */
  async receive(message: ToWorker): Promise<void> {
    switch (message.kind) {
      case 'start':
        throw new TypeError('a worker starts once');
      case 'generation':
        this.#newest = Math.max(this.#newest, message.material.number);
        this.#applying = this.#applying.then(() => this.#apply(message));
        await this.#applying;
        return;
      case 'fetched':
        this.#built.provide(message.material);
        // A CRL may have come that revokes what is open.
        await rejudge(this.#built.house);
        return;
      case 'ticket-keys':
        this.#built.renewTickets(message.ticketKeys);
        return;
      case 'snapshot': {
        const snapshot = await this.#metrics.snapshot(this.#deps.clock.nowMs());
        this.#deps.send({ kind: 'snapshot', id: message.id, snapshot });
        return;
      }
      case 'reopen-audit':
        this.#reopenAudit();
        return;
      case 'watch':
        this.#outbox.watch(message.wanted);
        return;
      case 'drain':
        await this.#drain(message.timeoutMs);
        return;
    }
  }

  async #apply({ material }: ToWorker & { kind: 'generation' }): Promise<void> {
    const { number } = material;
    // One that has been overtaken while it waited is not compiled.
    if (number <= this.#built.house.generation().number || number < this.#newest) return;
    try {
      const next = await compileKept(material, this.#kept, this.#deps);
      this.#built.apply(next);
      this.#deps.send({ kind: 'applied', generation: number });
      await this.#count(next.generation);
      // What is open is judged by what holds now.
      await rejudge(this.#built.house);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      this.#deps.send({ kind: 'not-applied', generation: number, message });
    }
  }

  /** Rotation that went wrong must not end the tunnels: the file that is open goes on. */
  #reopenAudit(): void {
    let file: AppendFile;
    try {
      file = openAppend(this.#auditFile);
    } catch (thrown) {
      if (!(thrown instanceof FileError)) throw thrown;
      this.#deps.send({ kind: 'complaint', message: `the audit file was not opened anew: ${thrown.message}` });
      return;
    }
    this.#audit.reopen(file);
  }

  async #drain(timeoutMs: number): Promise<void> {
    // A second signal only shortens the drain that is under way.
    this.#drainTimeoutMs = Math.min(timeoutMs, this.#drainTimeoutMs);
    this.#draining ??= this.#letGo();
    await this.#draining;
  }

  async #letGo(): Promise<void> {
    const { clock, pause, send } = this.#deps;
    const { tunnels, gate } = this.#built.house;
    const counts = await drain({
      servers: this.#servers,
      tunnels,
      gate,
      clock,
      pause,
      timeoutMs: () => this.#drainTimeoutMs,
      refuseNew: () => this.#built.startDraining(),
    });
    for (const timer of this.#timers) clearInterval(timer);
    this.#audit.end();
    this.#outbox.flush('last');
    this.#built.close();
    send({ kind: 'drained', ...counts });
  }

  async #count(generation: Generation): Promise<void> {
    const clientGroups = generation.config.clients.map(({ name }) => name);
    await this.#metrics.setRules(rulesOf(generation), clientGroups);
    this.#exceptionEndsMs = nextEndMs(rulesOf(generation), this.#deps.clock.nowMs());
  }

  /** `unsafeFloor` and `unsafeTls` end by themselves, also for the tunnels that they let through. */
  #endExceptions(): void {
    const nowMs = this.#deps.clock.nowMs();
    // What had ended is in force again.
    const isSetBack = nowMs < this.#exceptionsSeenMs;
    this.#exceptionsSeenMs = nowMs;
    if (nowMs < this.#exceptionEndsMs && !isSetBack) return;
    const { house } = this.#built;
    this.#exceptionEndsMs = nextEndMs(rulesOf(house.generation()), nowMs);
    void rejudge(house);
  }

  #beat(): void {
    const auditBlocked = this.#audit.blocked;
    this.#deps.send({ kind: 'beat', tunnels: this.#built.house.tunnels.size, auditBlocked });
  }

  #every(periodMs: number, work: () => void): void {
    this.#timers.push(setInterval(work, periodMs));
  }
}

function compileKept(material: GenerationMaterial, { memories, files }: Kept, deps: WorkerDeps): Promise<Compiled> {
  return inSlices(compileInSlices(material, memories, files), deps.clock);
}

/** `unmatched` judges too and has a group of its own. */
export function rulesOf({ policy }: Pick<Generation, 'policy'>): readonly Rule[] {
  return policy.unmatched.action === 'judge' ? [policy.unmatched.rule, ...policy.rules] : policy.rules;
}
