/**
 * One exchange on the plain lane, watched until it is over: who ends it, how much passed, and whether it stands still.
 *
 * Does: settle once, with a reason; count bytes on the upstream socket in steps; the idle limit; the cut.
 * Does not: carry a byte (http.ts and upgrade.ts do).
 * The caller must: call `settle` in every way in which an exchange can end.
 */
import type { Socket } from 'node:net';
import type { Code } from '../../model/codes.ts';
import type { Facts } from '../../model/outcome.ts';
import { Problem } from '../../model/problem.ts';
import type { CloseReason } from '../../observe/recorder.ts';
import type { LaneEnd } from '../passage.ts';

export interface Exchanged extends LaneEnd {
  /** What the client is to be told; null: it has got an answer, or is gone. */
  readonly problem: Problem | null;
}

export interface ExchangeOptions {
  /** Called in the moment of the end, before anything that the same event still leads to. */
  readonly onEnd?: (end: Exchanged) => void;
  readonly idleTimeoutMs: number;
  readonly cut: AbortSignal;
  readonly onBytes: (direction: 'up' | 'down', count: number) => void;
}

export class Exchange {
  readonly done: Promise<Exchanged>;
  readonly #settled = Promise.withResolvers<Exchanged>();
  readonly #upstream: Socket;
  readonly #options: ExchangeOptions;
  readonly #idle: NodeJS.Timeout;
  readonly #onIdle: () => void;
  #up = 0;
  #down = 0;
  #moved = false;
  #over = false;

  /** @param onIdle no byte either way for `idleTimeoutMs`, or up to twice as long. */
  constructor(upstream: Socket, options: ExchangeOptions, onIdle: () => void) {
    this.done = this.#settled.promise;
    this.#upstream = upstream;
    this.#options = options;
    this.#onIdle = onIdle;
    this.#idle = setTimeout(this.#look, options.idleTimeoutMs);
    options.cut.addEventListener('abort', this.#onCut);
    if (options.cut.aborted) this.#onCut();
  }

  get over(): boolean {
    return this.#over;
  }

  /** Reports what passed since the last time. */
  readonly meter = (): void => {
    const up = this.#upstream.bytesWritten;
    const down = this.#upstream.bytesRead;
    if (up > this.#up) this.#options.onBytes('up', up - this.#up);
    if (down > this.#down) this.#options.onBytes('down', down - this.#down);
    this.#moved ||= up > this.#up || down > this.#down;
    this.#up = up;
    this.#down = down;
  };

  /** A timer that is looked at once a period costs nothing a chunk. */
  readonly #look = (): void => {
    this.meter();
    if (this.#moved) this.#idle.refresh();
    else this.#onIdle();
    this.#moved = false;
  };

  readonly #onCut = (): void => this.settle(this.#options.cut.reason as CloseReason);

  /** Stops watching without an end: somebody else does from now on. */
  release(): void {
    this.#over = true;
    this.meter();
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#idle);
    this.#options.cut.removeEventListener('abort', this.#onCut);
  }

  /** The client is to be answered with this code, since nothing has been sent to it yet. */
  fail(code: Code, reason: CloseReason, facts: Facts = {}): void {
    this.settle(reason, code, new Problem(code, 'upstream', facts));
  }

  /** Ends the exchange and destroys the upstream connection; the first call stands. */
  settle(reason: CloseReason, code: Code | null = null, problem: Problem | null = null): void {
    if (this.#over) return;
    this.#over = true;
    this.#stop();
    this.meter();
    this.#upstream.destroy();
    const end = { bytesUp: this.#up, bytesDown: this.#down, reason, code, problem };
    this.#options.onEnd?.(end);
    this.#settled.resolve(end);
  }
}

/** What an error of the upstream connection before its response means. */
export function codeOfFailure(error: NodeJS.ErrnoException): Code {
  return error.code?.startsWith('HPE_') === true ? 'response.malformed' : 'response.none';
}
