/**
 * A visit: what is known of one CONNECT while it walks the straight line, and the one place that records its verdict.
 *
 * Does: gather facts as they come, write exactly one verdict entry, end what is left over.
 * Does not: know the order of the steps (connect.ts).
 * The caller must: call `close` on every way out; it may be called when nothing was opened.
 */
import type { Socket } from 'node:net';
import type { Authority } from '../model/authority.ts';
import type { Client } from '../model/client.ts';
import type { Code } from '../model/codes.ts';
import type { Evidence } from '../model/evidence.ts';
import type { Facts } from '../model/outcome.ts';
import { Problem } from '../model/problem.ts';
import type { CloseReason, VerdictWord } from '../observe/recorder.ts';
import type { Rule } from '../policy/policy.ts';
import type { Report } from '../verify/report.ts';
import { clientOf, peerAddress } from './admission.ts';
import type { Entry } from './gate.ts';
import { type FirstBytes, listenForHello } from './hello.ts';
import type { Generation, House } from './house.ts';

export interface LaneEnd {
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly reason: CloseReason;
  readonly code: Code | null;
}

export class Visit {
  readonly house: House;
  readonly socket: Socket;
  readonly eventId: string;
  readonly client: Client;
  readonly firstBytes: FirstBytes;
  /** Aborted with a Problem `client.gone` when the client goes before a lane has taken over. */
  readonly gone: AbortSignal;
  /** The snapshot that this visit is judged by. */
  generation: Generation;
  authority: Authority | null = null;
  rule: Rule | null = null;
  evidence: Evidence | null = null;
  report: Report | null = null;
  /** Addresses that were permitted for the host, once resolved. */
  addresses: readonly string[] | null = null;
  /** The 200 is out: what is refused from now on is refused in the tunnel. */
  answered = false;
  recorded = false;
  opening: Entry | null = null;
  readonly #goneController = new AbortController();
  readonly #startedMs: number;
  #upstream: Socket | null = null;

  constructor(house: House, socket: Socket, head: Buffer) {
    this.house = house;
    this.socket = socket;
    this.eventId = house.eventId();
    this.generation = house.generation();
    this.client = clientOf(
      { address: peerAddress(socket), port: socket.remotePort ?? 0 },
      this.generation.config.clients,
    );
    this.gone = this.#goneController.signal;
    this.#startedMs = house.clock.monotonicMs();
    socket.once('close', this.#onGone);
    // An end before a hello: nobody waits for an answer. With a hello put back into the socket it is not emitted.
    socket.once('end', this.#onGone);
    this.firstBytes = listenForHello(socket, head);
    if (socket.destroyed) this.#onGone();
  }

  readonly #onGone = (): void => {
    this.#goneController.abort(new Problem('client.gone', 'client'));
  };

  /** Takes over an upstream connection: the one before it is destroyed, and so is this one when the visit ends. */
  hold(socket: Socket): void {
    this.drop();
    this.#upstream = socket;
    const closed = this.house.recorder.connection('upstream');
    if (socket.closed) closed();
    else socket.once('close', closed);
  }

  /** Destroys the upstream connection, and forgets what was learned from it: it must not be judged or recorded. */
  drop(): void {
    this.#upstream?.destroy();
    this.#upstream = null;
    this.evidence = null;
    this.report = null;
  }

  /**
   * Writes the verdict entry; later calls do nothing, so that there is one however a visit ends.
   * @throws Problem `audit.full` from the recorder.
   */
  record(verdict: VerdictWord, code: Code | null, facts: Facts = {}): void {
    if (this.recorded) return;
    this.recorded = true;
    this.house.recorder.verdict({
      eventId: this.eventId,
      atMs: this.house.clock.nowMs(),
      client: this.client,
      authority: this.authority,
      rule: this.rule,
      evidence: this.evidence,
      report: this.report,
      verdict,
      code,
      facts,
      generation: this.generation.number,
      mode: this.rule?.mode ?? null,
    });
  }

  /** From here on a lane owns the client's socket: an end is half-close and no longer a departure. */
  handOver(): void {
    this.firstBytes.release();
    this.socket.off('close', this.#onGone).off('end', this.#onGone);
    this.opening?.leave();
  }

  recordClose(end: LaneEnd): void {
    this.house.recorder.close({
      eventId: this.eventId,
      atMs: this.house.clock.nowMs(),
      client: this.client,
      authority: this.authority,
      rule: this.rule,
      mode: this.rule?.mode ?? null,
      durationMs: this.house.clock.monotonicMs() - this.#startedMs,
      ...end,
    });
  }

  close(): void {
    this.handOver();
    this.#upstream?.destroy();
    this.#upstream = null;
  }
}
