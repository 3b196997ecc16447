/**
 * A passage: what is known of one tunnel or request while it walks the straight line, and the one place that records
 * its verdict.
 *
 * Does: gather facts as they come, write exactly one verdict entry, end what is left over upstream.
 * Does not: know the order of the steps (connect.ts, request.ts) or the client's socket beyond its address.
 * The caller must: call `close` on every way out; it may be called when nothing was opened.
 */
import type { Socket } from 'node:net';
import type { Authority } from '../model/authority.ts';
import type { Client } from '../model/client.ts';
import type { Code } from '../model/codes.ts';
import type { Evidence } from '../model/evidence.ts';
import type { Facts } from '../model/outcome.ts';
import { Problem } from '../model/problem.ts';
import type { CloseReason, RecordedMode, VerdictWord } from '../observe/recorder.ts';
import type { Rule } from '../policy/policy.ts';
import type { Report } from '../verify/report.ts';
import type { Trust } from '../verify/trust.ts';
import { readTraceId } from '../wire/trace-context.ts';
import { clientOf, peerAddress } from './admission.ts';
import type { Entry } from './gate.ts';
import type { Generation, House } from './house.ts';

export interface LaneEnd {
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly reason: CloseReason;
  readonly code: Code | null;
  /** How the client refused our certificate; absent or null: it did not. */
  readonly clientAlert?: string | null;
}

export class Passage {
  readonly house: House;
  readonly eventId: string;
  readonly client: Client;
  /** Aborted with a Problem: `client.gone` when the client goes before a lane has taken over, or the fault in its content. */
  readonly gone: AbortSignal;
  /** The snapshot that this passage is judged by. */
  generation: Generation;
  authority: Authority | null = null;
  /** Of the client's trace; null: it sent none. */
  readonly traceId: string | null;
  rule: Rule | null = null;
  evidence: Evidence | null = null;
  report: Report | null = null;
  /** What the rule made of the report when it let the line through; null: it did not, or not yet. */
  permitted: { readonly verdict: 'allow' | 'alert'; readonly code: Code | null } | null = null;
  /** The snapshot behind the report. */
  trust: Trust | null = null;
  /** Addresses that were permitted for the host, once resolved. */
  addresses: readonly string[] | null = null;
  /** A tunnel, or one plain HTTP request. */
  kind: 'tunnel' | 'request' = 'tunnel';
  recorded = false;
  opening: Entry | null = null;
  readonly #goneController = new AbortController();
  readonly #startedMs: number;
  #upstream: Socket | null = null;

  /** `rawHeaders`: of the request, as sent. */
  constructor(house: House, peer: Pick<Socket, 'remoteAddress' | 'remotePort'>, rawHeaders: readonly string[]) {
    this.house = house;
    this.traceId = readTraceId(rawHeaders);
    this.eventId = house.eventId();
    this.generation = house.generation();
    this.client = clientOf({ address: peerAddress(peer), port: peer.remotePort ?? 0 }, this.generation.config.clients);
    this.gone = this.#goneController.signal;
    this.#startedMs = house.clock.monotonicMs();
  }

  /** How the records call this passage; null: a tunnel for which no rule was found yet. */
  get mode(): RecordedMode | null {
    return this.kind === 'request' ? 'plaintext' : (this.rule?.mode ?? null);
  }

  /** The client has gone, or what it sends cannot be read: whatever still waits ends. */
  protected leave(problem: Problem = new Problem('client.gone', 'client')): void {
    this.#goneController.abort(problem);
  }

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
    this.permitted = null;
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
      traceId: this.traceId,
      rule: this.rule,
      evidence: this.evidence,
      report: this.report,
      verdict,
      code,
      facts,
      generation: this.generation.number,
      mode: this.mode,
    });
  }

  recordClose(end: LaneEnd): void {
    this.house.recorder.close({
      eventId: this.eventId,
      atMs: this.house.clock.nowMs(),
      client: this.client,
      authority: this.authority,
      traceId: this.traceId,
      rule: this.rule,
      mode: this.mode,
      durationMs: this.house.clock.monotonicMs() - this.#startedMs,
      ...end,
    });
  }

  /** Ends what is left over. */
  close(): void {
    this.opening?.leave();
    this.#upstream?.destroy();
    this.#upstream = null;
  }
}
