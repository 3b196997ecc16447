/**
 * Turns the host of an authority into the addresses that may be dialled for it.
 *
 * Does: hosts of the configuration first, then IP literals, then DNS; judges every address; one question per name at a
 * time, an answer remembered for a second and a failure for seconds; bounded in time, number and memory.
 * Does not: remember a judgement. Each connection has the answer judged by its own rule, and what was judged is what
 * is dialled, so a name that changes its answer in between (rebinding) gains nothing.
 * The caller must: dial only what it gets, and not a name.
 */
import { networkInterfaces } from 'node:os';
import type { Authority } from '../model/authority.ts';
import type { Code } from '../model/codes.ts';
import { type Cidr, type IpBytes, parseCidr, parseIp, printIp } from '../model/ip.ts';
import { Problem } from '../model/problem.ts';
import { DNS_TIMEOUT_MS } from '../policy/limits.ts';
import { judgeAddress, type OwnEndpoint, type Self } from './addresses.ts';
import { abortProblem } from './dial.ts';
import { dnsProblem, type NameService, serverNames, systemNames } from './dns.ts';

export interface ResolverOptions {
  /** Canonical host → addresses, like curl's `--resolve`. They pass the address guard like any other answer. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
  /** DNS servers, `address` or `address:port`; empty: the system's resolver, which also reads its hosts file. */
  readonly servers: readonly string[];
  /** Our own listeners: never dialled, whatever a rule allows. */
  readonly own: readonly OwnEndpoint[];
  /** Whole time for one name; default 5 s (REQ-20 of the threat model). */
  readonly timeoutMs?: number;
  /** Milliseconds that never go back; for the memory. */
  readonly monotonicMs?: () => number;
}

export interface Resolver {
  /**
   * Permitted addresses in canonical text, at most 16, in the order of the answer. `allowPrivate`: CIDRs of the rule.
   * Throws Problem `dns.*`; `address.denied` or `address.self` when any address of the answer is (facts: `address`,
   * `range`); the reason of the aborted signal.
   */
  resolve(
    authority: Authority,
    allowPrivate: readonly string[],
    signal: AbortSignal,
    /** For whom, for example a client's address: questions of one asker do not hold up those of others. */
    asker?: string,
  ): Promise<readonly string[]>;
  /**
   * Whether an address that was dialled before may still be, by the ranges of now.
   * Throws Problem `address.denied` or `address.self`, as `resolve` does.
   */
  checkDialled(address: string, authority: Authority, allowPrivate: readonly string[]): void;
  /** Ends open questions. */
  close(): void;
}

/** Addresses kept of one answer: more than any real name has, and all that a dial would try in its time. */
const ADDRESSES_MAX = 16;
/**
 * How long an answer serves the next ones that ask: below any TTL that a name can be served with, and long enough that
 * a busy host costs one question a second and not one a connection (measured: a sixth of a new tunnel's CPU time).
 */
const REMEMBER_ANSWER_MS = 1_000;
/** The same for a failure: short enough to go unnoticed, long enough to stop a storm. */
const REMEMBER_NOT_FOUND_MS = 5_000;
const REMEMBER_FAILURE_MS = 1_000;
/** Names that are remembered; below 2 MiB. */
const MEMORY_MAX = 1_024;
/** Addresses of one remembered answer; a longer one is asked for again. */
const MEMORY_ADDRESSES_MAX = 64;

type Known = { readonly untilMs: number } & (
  | { readonly is: 'answer'; readonly addresses: readonly string[] }
  | { readonly is: 'failure'; readonly problem: Problem }
);

function localAddresses(): IpBytes[] {
  return Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .flatMap((entry) => parseIp(entry.address.split('%', 1)[0] ?? '') ?? []);
}

/** Ranges are parsed once for each rule's list. */
const readRanges = new WeakMap<readonly string[], readonly Cidr[]>();

function readCidrs(texts: readonly string[]): readonly Cidr[] {
  const known = readRanges.get(texts);
  if (known !== undefined) return known;
  // The policy was checked when it was loaded; what cannot be read allows nothing.
  const fresh = texts.flatMap((text) => parseCidr(text) ?? []);
  readRanges.set(texts, fresh);
  return fresh;
}

class GuardedResolver implements Resolver {
  readonly #options: ResolverOptions;
  readonly #names: NameService;
  readonly #flights = new Map<string, Promise<readonly string[]>>();
  readonly #memory = new Map<string, Known>();
  readonly #monotonicMs: () => number;

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#names = options.servers.length > 0 ? serverNames(options.servers) : systemNames();
    this.#monotonicMs = options.monotonicMs ?? ((): number => performance.now());
  }

  async resolve(
    authority: Authority,
    allowPrivate: readonly string[],
    signal: AbortSignal,
    asker = '',
  ): Promise<readonly string[]> {
    if (signal.aborted) throw abortProblem(signal);
    const found = await this.#find(authority, signal, asker);
    return this.#judge(found, authority, readCidrs(allowPrivate));
  }

  checkDialled(address: string, authority: Authority, allowPrivate: readonly string[]): void {
    this.#judge([address], authority, readCidrs(allowPrivate));
  }

  close(): void {
    this.#names.close();
  }

  async #find(authority: Authority, signal: AbortSignal, asker: string): Promise<readonly string[]> {
    const fixed = this.#options.hosts.get(authority.host);
    if (fixed !== undefined) return fixed;
    if (authority.kind !== 'name') return [authority.host];
    const known = this.#recall(authority.host);
    if (known?.is === 'failure') throw known.problem;
    return known?.addresses ?? withSignal(this.#flight(authority.host, asker), signal);
  }

  #recall(name: string): Known | null {
    const known = this.#memory.get(name);
    if (known === undefined) return null;
    if (known.untilMs > this.#monotonicMs()) return known;
    this.#memory.delete(name);
    return null;
  }

  /** One question per name at a time: who comes later waits for the same answer. */
  #flight(name: string, asker: string): Promise<readonly string[]> {
    const open = this.#flights.get(name);
    if (open !== undefined) return open;
    const flight = this.#ask(name, asker).finally(() => this.#flights.delete(name));
    this.#flights.set(name, flight);
    return flight;
  }

  async #ask(name: string, asker: string): Promise<readonly string[]> {
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const unwanted = new AbortController();
    const timer = setTimeout(() => {
      reject(new Problem('dns.timeout', 'upstream', { reason: 'ETIMEOUT' }));
      unwanted.abort();
    }, this.#options.timeoutMs ?? DNS_TIMEOUT_MS);
    try {
      const addresses = await Promise.race([this.#names.addresses(name, unwanted.signal, asker), expired]);
      if (addresses.length <= MEMORY_ADDRESSES_MAX)
        this.#remember(name, { is: 'answer', addresses }, REMEMBER_ANSWER_MS);
      return addresses;
    } catch (thrown) {
      const problem = dnsProblem(thrown);
      const forMs = problem.code === 'dns.not-found' ? REMEMBER_NOT_FOUND_MS : REMEMBER_FAILURE_MS;
      this.#remember(name, { is: 'failure', problem }, forMs);
      throw problem;
    } finally {
      clearTimeout(timer);
    }
  }

  #remember(
    name: string,
    what: { is: 'answer'; addresses: readonly string[] } | { is: 'failure'; problem: Problem },
    forMs: number,
  ): void {
    const oldest = this.#memory.keys().next();
    if (this.#memory.size >= MEMORY_MAX && oldest.done !== true) this.#memory.delete(oldest.value);
    this.#memory.set(name, { ...what, untilMs: this.#monotonicMs() + forMs });
  }

  /** Every address of the answer is judged: one that points inside makes the whole answer suspect, not only itself. */
  #judge(found: readonly string[], authority: Authority, allow: readonly Cidr[]): readonly string[] {
    const self: Self = { endpoints: this.#options.own, interfaces: this.#interfaces(authority.port) };
    const permitted: string[] = [];
    let refusal: { code: Code; address: string; range: string } | null = null;
    for (const text of found) {
      const bytes = parseIp(text);
      if (bytes === null) throw new Problem('dns.failure', 'upstream', { reason: 'not an address' });
      const verdict = judgeAddress(bytes, authority.port, allow, self);
      if (verdict.ok) permitted.push(printIp(bytes));
      else if (refusal === null || verdict.code === 'address.self') {
        refusal = { code: verdict.code, address: printIp(bytes), range: verdict.range };
      }
    }
    if (refusal !== null) {
      const { code, address, range } = refusal;
      throw new Problem(code, 'client', { address, range, mixed: permitted.length > 0 });
    }
    if (permitted.length === 0) throw new Problem('dns.not-found', 'upstream', { reason: 'ENODATA' });
    return Object.freeze([...new Set(permitted)].slice(0, ADDRESSES_MAX));
  }

  /** Interfaces come and go; they are read only when the port is one of ours, so ordinary tunnels do not pay for it. */
  #interfaces(port: number): readonly IpBytes[] {
    return this.#options.own.some((endpoint) => endpoint.port === port) ? localAddresses() : [];
  }
}

/** Waits for a shared answer, or until this caller gives up; the question itself goes on for the others. */
async function withSignal<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(abortProblem(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([shared, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A resolver for one generation of the configuration. */
export function createResolver(options: ResolverOptions): Resolver {
  return new GuardedResolver(options);
}
