/**
 * The background fetcher of the supervisor: CRLs and missing issuers that certificates name, for later connections.
 *
 * Does: keep a bounded list of URLs, fetch what is due one after the other, accept only what a signature proves, keep it
 * on disk, and say when something changed. A URL that fails is asked again later and later.
 * Does not: decide what is wanted (learner.ts does), know HTTP (upstream/fetch.ts does), or hurry for anybody.
 * The caller must: call `stop` at the end, and hand `material` to workers when `changed` is called.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../host/clock.ts';
import { type Accepted, acceptAnswer } from './fetched.ts';
import type { FetchedMaterial, Wanted } from './messages.ts';

/** URLs that are followed; the public Web has some 3,000 distribution points, and one proxy sees a part of them. */
const URLS_MAX = 1_000;
/** All bytes that are held; each worker holds them too. */
const BYTES_MAX = 32 * 1024 * 1024;
/** Workers parse one in 150 ms then, and nothing else meanwhile. The largest one seen has 494,111 bytes. */
const MAX_FETCHED_CRL_BYTES = 4 * 1024 * 1024;
/** An issuer of 64 KiB would not parse. */
const MAX_ISSUER_BYTES = 64 * 1024;
/** Between two requests to one host. */
const HOST_PAUSE_MS = 10_000;
const FIRST_RETRY_MS = 10 * 60_000;
const DAY_MS = 86_400_000;
/** Not asked for since: it is forgotten. */
const UNUSED_MS = 30 * DAY_MS;
/** How often the list is looked at for what is due. */
const TURN_MS = 30_000;

export interface FetchStore {
  /** What an earlier run kept; anything may be in it. */
  load(): readonly Stored[];
  save(name: string, stored: Stored): void;
  remove(name: string): void;
}

export interface Stored {
  readonly wanted: Wanted;
  readonly bytes: Buffer;
}

/**
 * How a fetch ended: something new is held, or the same again; the answer proves nothing; none came; or it came and
 * there was no room.
 */
export const FETCH_RESULTS = ['taken', 'unchanged', 'refused', 'failed', 'full'] as const;
export type FetchResult = (typeof FETCH_RESULTS)[number];

/** What a URL that is followed has brought: something in its validity, something past it, or nothing. */
export const URL_STATES = ['fresh', 'stale', 'empty'] as const;
export type UrlState = (typeof URL_STATES)[number];

export interface FetchStatus {
  /** How many URLs are followed; a kind that is switched off has none. */
  readonly urls: Readonly<Record<Wanted['kind'], Readonly<Record<UrlState, number>>>>;
  /** Since thisUpdate of the oldest CRL that is held, milliseconds; null: there is none. */
  readonly oldestCrlMs: number | null;
}

export interface FetcherOptions {
  readonly clock: Clock;
  /** @throws anything: it counts as a failure. */
  readonly fetch: (url: string, maxBytes: number) => Promise<Buffer>;
  /** Whether this kind is switched on now. */
  readonly isOn: (kind: Wanted['kind']) => boolean;
  readonly store: FetchStore;
  readonly changed: () => void;
  /** One line for the operator. */
  readonly log: (line: string) => void;
  /** One fetch has ended. */
  readonly count: (kind: Wanted['kind'], result: FetchResult) => void;
}

interface Entry {
  readonly wanted: Wanted;
  readonly host: string;
  held: Accepted | null;
  dueMs: number;
  failures: number;
  wantedAtMs: number;
}

export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #entries = new Map<string, Entry>();
  /** Host → when it may be asked again. */
  readonly #hosts = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #turning: Promise<void> | null = null;
  #stopped = false;

  constructor(options: FetcherOptions) {
    this.#options = options;
    for (const { wanted, bytes } of options.store.load()) this.#revive(wanted, bytes);
    this.#timer = setInterval(() => void this.turn(), TURN_MS);
    this.#timer.unref();
  }

  /** Follows these from now on. Beyond URLS_MAX nothing new is taken. */
  want(items: readonly Wanted[]): void {
    const nowMs = this.#options.clock.nowMs();
    for (const wanted of items) {
      if (!this.#options.isOn(wanted.kind)) continue;
      const known = this.#entries.get(nameOf(wanted));
      if (known !== undefined) known.wantedAtMs = nowMs;
      else this.#add(wanted, nowMs);
    }
    void this.turn();
  }

  /** What workers may use now. */
  get material(): FetchedMaterial {
    const of = (kind: Wanted['kind']): Buffer[] =>
      this.#options.isOn(kind)
        ? [...this.#entries.values()].flatMap(({ held }) => (held?.kind === kind ? [held.bytes] : []))
        : [];
    return { crls: of('crl'), issuers: of('issuer') };
  }

  get status(): FetchStatus {
    const { clock, isOn } = this.#options;
    const nowMs = clock.nowMs();
    const urls = { crl: { fresh: 0, stale: 0, empty: 0 }, issuer: { fresh: 0, stale: 0, empty: 0 } };
    let oldestCrlMs: number | null = null;
    for (const { wanted, held } of this.#entries.values()) {
      if (!isOn(wanted.kind)) continue;
      urls[wanted.kind][stateOf(held, nowMs)] += 1;
      if (held?.kind === 'crl') oldestCrlMs = Math.max(oldestCrlMs ?? 0, nowMs - held.thisUpdateMs);
    }
    return { urls, oldestCrlMs };
  }

  /** Fetches what is due, one after the other; resolves when nothing is. One turn at a time. */
  async turn(): Promise<void> {
    this.#turning ??= this.#run().finally(() => {
      this.#turning = null;
    });
    await this.#turning;
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  async #run(): Promise<void> {
    this.#forgetUnused();
    let isChanged = false;
    let next = this.#due();
    while (next !== null && !this.#stopped) {
      isChanged = (await this.#fetch(next)) || isChanged;
      next = this.#due();
    }
    // Once for all of them: every worker gets everything.
    if (isChanged && !this.#stopped) this.#options.changed();
  }

  #due(): Entry | null {
    const nowMs = this.#options.clock.nowMs();
    for (const entry of this.#entries.values()) {
      const mayAsk = hasCome(this.#hosts.get(entry.host) ?? 0, nowMs, HOST_PAUSE_MS);
      const isDue = hasCome(entry.dueMs, nowMs, DAY_MS);
      if (isDue && mayAsk && this.#options.isOn(entry.wanted.kind)) return entry;
    }
    return null;
  }

  /** True when something new is held. */
  async #fetch(entry: Entry): Promise<boolean> {
    const { wanted } = entry;
    const { clock, fetch } = this.#options;
    this.#hosts.set(entry.host, clock.nowMs() + HOST_PAUSE_MS);
    try {
      const answer = await fetch(wanted.url, wanted.kind === 'crl' ? MAX_FETCHED_CRL_BYTES : MAX_ISSUER_BYTES);
      const heldMs = entry.held?.kind === 'crl' ? entry.held.thisUpdateMs : null;
      const accepted = acceptAnswer(wanted, answer, heldMs);
      if (accepted !== null) return this.#take(entry, accepted);
      return this.#failed(entry, 'refused', 'the answer is not what the certificate promises');
    } catch (thrown) {
      return this.#failed(entry, 'failed', thrown instanceof Error ? thrown.message : 'unknown');
    }
  }

  #take(entry: Entry, accepted: Accepted): boolean {
    const isNew = entry.held === null || !entry.held.bytes.equals(accepted.bytes);
    const others = this.#bytes - (entry.held?.bytes.length ?? 0);
    if (others + accepted.bytes.length > BYTES_MAX) {
      return this.#failed(entry, 'full', `more than ${BYTES_MAX} bytes are held already`);
    }
    entry.held = accepted;
    entry.failures = 0;
    entry.dueMs = dueAfter(accepted, this.#options.clock.nowMs());
    this.#options.count(entry.wanted.kind, isNew ? 'taken' : 'unchanged');
    if (isNew) this.#options.store.save(nameOf(entry.wanted), { wanted: entry.wanted, bytes: accepted.bytes });
    return isNew;
  }

  #failed(entry: Entry, result: 'refused' | 'failed' | 'full', why: string): false {
    this.#options.count(entry.wanted.kind, result);
    if (entry.failures === 0) this.#options.log(`fetch: ${entry.wanted.kind} ${entry.wanted.url}: ${why}`);
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** entry.failures, DAY_MS);
    entry.failures += 1;
    entry.dueMs = this.#options.clock.nowMs() + waitMs;
    return false;
  }

  #add(wanted: Wanted, nowMs: number): Entry | null {
    if (this.#entries.size >= URLS_MAX || !URL.canParse(wanted.url)) return null;
    const { host } = new URL(wanted.url);
    const entry: Entry = { wanted, host, held: null, dueMs: nowMs, failures: 0, wantedAtMs: nowMs };
    this.#entries.set(nameOf(wanted), entry);
    return entry;
  }

  /** From the disk, so not believed: it is accepted like an answer. */
  #revive(wanted: Wanted, bytes: Buffer): void {
    const nowMs = this.#options.clock.nowMs();
    const accepted = acceptAnswer(wanted, bytes, null);
    const entry = accepted === null || this.#bytes + bytes.length > BYTES_MAX ? null : this.#add(wanted, nowMs);
    if (entry === null || accepted === null) return;
    entry.held = accepted;
    // What ran out while nothing ran is due at once.
    if (stateOf(accepted, nowMs) === 'fresh') entry.dueMs = dueAfter(accepted, nowMs);
  }

  #forgetUnused(): void {
    const nowMs = this.#options.clock.nowMs();
    const oldestMs = nowMs - UNUSED_MS;
    for (const [name, { wantedAtMs }] of this.#entries) {
      if (wantedAtMs >= oldestMs) continue;
      this.#entries.delete(name);
      this.#options.store.remove(name);
    }
    for (const [host, untilMs] of this.#hosts) if (hasCome(untilMs, nowMs, HOST_PAUSE_MS)) this.#hosts.delete(host);
  }

  get #bytes(): number {
    return [...this.#entries.values()].reduce((sum, { held }) => sum + (held?.bytes.length ?? 0), 0);
  }
}

/** Names an entry, also as a file. One URL may serve several issuers; each is proven for itself. */
export function nameOf({ kind, url, certificate }: Wanted): string {
  return createHash('sha256').update(`${kind}\0${url}\0`).update(certificate).digest('hex');
}

function stateOf(held: Accepted | null, nowMs: number): UrlState {
  if (held === null) return 'empty';
  const isPast = held.kind === 'crl' && held.nextUpdateMs !== null && held.nextUpdateMs <= nowMs;
  return isPast ? 'stale' : 'fresh';
}

/** True too when it lies further ahead than it was ever set (`mostMs`): the clock was set back. Infinity never comes. */
function hasCome(atMs: number, nowMs: number, mostMs: number): boolean {
  return atMs <= nowMs || (atMs - nowMs > mostMs && atMs !== Number.POSITIVE_INFINITY);
}

/** A CRL is fetched anew after half of what is left of its life, an issuer never changes. */
function dueAfter(accepted: Accepted, nowMs: number): number {
  if (accepted.kind === 'issuer') return Number.POSITIVE_INFINITY;
  const leftMs = (accepted.nextUpdateMs ?? nowMs) - nowMs;
  return nowMs + Math.min(Math.max(leftMs / 2, FIRST_RETRY_MS), DAY_MS);
}
