/**
 * Opens a TCP connection to one of the addresses that the guard permitted.
 *
 * Does: try them in the given order, families interleaved, the next one 250 ms after the last or as soon as it failed
 * (RFC 8305 §5); the first that connects wins and the others are closed.
 * Does not: resolve or judge addresses. Only IP literals are dialled, so the address that was checked is the address
 * that is dialled.
 * The caller must: own the socket. A silent error listener stays on it, so that an error between two owners cannot
 * end the process; look at `socket.destroyed` before use.
 */
import { connect, type Socket } from 'node:net';
import type { Code } from '../model/codes.ts';
import { parseIp } from '../model/ip.ts';
import { Problem } from '../model/problem.ts';
import { keepLastWords } from './last-words.ts';

/** RFC 8305 §8: the recommended Connection Attempt Delay. */
const STAGGER_MS = 250;

export interface DialOptions {
  /** For all addresses together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Dialled {
  readonly socket: Socket;
  /** As it was given: canonical text of the address that answered. */
  readonly address: string;
}

/** What an errno of connect(2) means. Everything else is `dial.failed`. */
const CODE_OF_ERRNO: ReadonlyMap<string, Code> = new Map<string, Code>([
  ['ECONNREFUSED', 'dial.refused'],
  ['ETIMEDOUT', 'dial.timeout'],
  ['EHOSTUNREACH', 'dial.unreachable'],
  ['EHOSTDOWN', 'dial.unreachable'],
  ['ENETUNREACH', 'dial.unreachable'],
  ['ENETDOWN', 'dial.unreachable'],
  ['EADDRNOTAVAIL', 'dial.unreachable'],
  ['EAFNOSUPPORT', 'dial.unreachable'],
  // A local firewall refuses this way.
  ['EACCES', 'dial.unreachable'],
  ['EPERM', 'dial.unreachable'],
  // Our own descriptors are used up: not the upstream's fault.
  ['EMFILE', 'limit.connections'],
  ['ENFILE', 'limit.connections'],
]);

/** Of several failures the one that says most about the upstream is told. */
const TELLING: readonly Code[] = [
  'limit.connections',
  'dial.refused',
  'dial.failed',
  'dial.unreachable',
  'dial.timeout',
];

/** Why an aborted step ends: the Problem given to `abort`, or the client that went away. */
export function abortProblem(signal: AbortSignal): Problem {
  const reason: unknown = signal.reason;
  return reason instanceof Problem ? reason : new Problem('client.gone', 'client');
}

/** Alternates the families, starting with that of the first address; the order within a family stays. */
export function interleave(addresses: readonly string[]): string[] {
  const first = addresses.filter((address) => address.includes(':') === addresses[0]?.includes(':'));
  const second = addresses.filter((address) => address.includes(':') !== addresses[0]?.includes(':'));
  const mixed: string[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    mixed.push(...first.slice(index, index + 1), ...second.slice(index, index + 1));
  }
  return mixed;
}

interface Failure {
  readonly address: string;
  readonly errno: string;
}

function failed(failures: readonly Failure[]): Problem {
  const codes = failures.map((failure) => CODE_OF_ERRNO.get(failure.errno) ?? 'dial.failed');
  const code = TELLING.find((telling) => codes.includes(telling)) ?? 'dial.failed';
  const tried = failures.map((failure) => `${failure.address} ${failure.errno}`);
  return new Problem(code, code === 'limit.connections' ? 'self' : 'upstream', { tried });
}

function ignore(): void {}

/** One race over the addresses. A class, because attempts, timers and the end of the race share state. */
class Race {
  readonly #waiting: string[];
  readonly #port: number;
  readonly #options: DialOptions;
  readonly #open = new Map<Socket, string>();
  readonly #failures: Failure[] = [];
  readonly #won: (dialled: Dialled) => void;
  readonly #lost: (problem: Problem) => void;
  readonly #deadline: NodeJS.Timeout;
  #next: NodeJS.Timeout | undefined;
  #over = false;

  constructor(
    addresses: readonly string[],
    port: number,
    options: DialOptions,
    won: (dialled: Dialled) => void,
    lost: (problem: Problem) => void,
  ) {
    this.#waiting = interleave(addresses);
    this.#port = port;
    this.#options = options;
    this.#won = won;
    this.#lost = lost;
    this.#deadline = setTimeout(this.#onDeadline, options.timeoutMs);
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#attempt();
  }

  #attempt(): void {
    clearTimeout(this.#next);
    const address = this.#waiting.shift();
    if (address === undefined) {
      if (this.#open.size === 0) this.#end(() => this.#lost(failed(this.#failures)));
      return;
    }
    // Half-open, because a client may end its side and still wait for the answer; a TLSSocket on top inherits it.
    const socket = connect({ host: address, port: this.#port, allowHalfOpen: true, noDelay: true });
    keepLastWords(socket);
    this.#open.set(socket, address);
    socket.on('error', ignore);
    socket.once('error', (error: NodeJS.ErrnoException) => this.#onFailure(socket, error.code ?? 'unknown'));
    socket.once('connect', () => this.#onConnect(socket, address));
    this.#next = setTimeout(() => this.#attempt(), STAGGER_MS);
  }

  #onConnect(socket: Socket, address: string): void {
    if (this.#over) return;
    this.#open.delete(socket);
    this.#end(() => this.#won({ socket, address }));
  }

  #onFailure(socket: Socket, errno: string): void {
    const address = this.#open.get(socket);
    if (this.#over || address === undefined) return;
    this.#open.delete(socket);
    this.#failures.push({ address, errno });
    this.#attempt();
  }

  readonly #onDeadline = (): void => {
    for (const address of this.#open.values()) this.#failures.push({ address, errno: 'ETIMEDOUT' });
    this.#end(() => this.#lost(failed(this.#failures)));
  };

  readonly #onAbort = (): void => {
    this.#end(() => this.#lost(abortProblem(this.#options.signal)));
  };

  #end(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#next);
    clearTimeout(this.#deadline);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    for (const socket of this.#open.keys()) socket.destroy();
    this.#open.clear();
    tell();
  }
}

/**
 * Dials. Throws Problem `dial.refused`, `dial.timeout`, `dial.unreachable`, `dial.failed` (facts: `tried`),
 * `limit.connections` when we are out of descriptors, or the reason of the aborted signal.
 */
export function dial(addresses: readonly string[], port: number, options: DialOptions): Promise<Dialled> {
  if (options.signal.aborted) return Promise.reject(abortProblem(options.signal));
  if (addresses.length === 0 || !addresses.every((address) => parseIp(address) !== null)) {
    return Promise.reject(new Problem('internal.failure', 'self', { why: 'dial takes resolved addresses only' }));
  }
  return new Promise<Dialled>((resolve, reject) => {
    // The race keeps itself alive through its sockets and timers.
    void new Race(addresses, port, options, resolve, reject);
  });
}
