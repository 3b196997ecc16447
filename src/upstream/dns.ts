/**
 * Asks for the addresses of one name: DNS servers of the configuration, or the system's resolver.
 *
 * Does: A and AAAA together, errors as Problem `dns.*`, bounded time, bounded use of the thread pool.
 * Does not: judge addresses, or remember answers (resolve.ts does).
 */
import { Resolver as DnsResolver, lookup } from 'node:dns/promises';
import type { Code } from '../model/codes.ts';
import { Problem } from '../model/problem.ts';
import { createPlaces } from './places.ts';

/** One way of turning a name into addresses. Throws Problem `dns.not-found`, `dns.failure`, `dns.timeout`. */
export interface NameService {
  /**
   * `signal` is aborted when nobody waits any more: a question that has not been asked yet is then dropped.
   * `asker`: for whom; nobody may hold up the questions of others.
   */
  addresses(name: string, signal: AbortSignal, asker: string): Promise<readonly string[]>;
  close(): void;
}

/** RFC 8305 §8: how long the other family may lag behind the first that answered. */
const RESOLUTION_DELAY_MS = 50;
/** One try of c-ares; three tries stay below the five seconds of the whole (REQ-20 of the threat model). */
const TRY_MS = 1_500;
const TRIES = 3;
/**
 * Threads of a worker's pool (UV_THREADPOOL_SIZE), for which getaddrinfo is the only work: tens of KiB each. With
 * libuv's default of four, two names whose servers do not answer stop every other one for ten seconds (measured).
 */
export const LOOKUP_THREADS = 64;
/** libuv lets slow work have half of its threads. */
const LOOKUPS_AT_ONCE = LOOKUP_THREADS / 2;
/** A quarter for one asker: a dead name holds its thread for ten seconds and more, and nothing can cancel it. */
const LOOKUPS_PER_ASKER = LOOKUPS_AT_ONCE / 4;

const NOT_FOUND: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME', 'ENONAME']);
const TIMEOUT: ReadonlySet<string> = new Set(['ETIMEOUT', 'ETIMEDOUT', 'ECANCELLED']);

function errnoOf(thrown: unknown): string {
  const code = (thrown as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? code : 'unknown';
}

export function dnsProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const errno = errnoOf(thrown);
  const code: Code = NOT_FOUND.has(errno) ? 'dns.not-found' : TIMEOUT.has(errno) ? 'dns.timeout' : 'dns.failure';
  return new Problem(code, 'upstream', { reason: errno }, thrown);
}

type Answer = { readonly addresses: readonly string[] } | { readonly problem: Problem };

async function ask(query: Promise<readonly string[]>): Promise<Answer> {
  try {
    return { addresses: await query };
  } catch (thrown) {
    return { problem: dnsProblem(thrown) };
  }
}

function hasAddresses(answer: Answer): boolean {
  return 'addresses' in answer && answer.addresses.length > 0;
}

/** Both families; when one has answered with addresses, a slow or broken other one may not hold the connection up. */
async function both(queries: readonly [Promise<Answer>, Promise<Answer>]): Promise<readonly Answer[]> {
  const settled: Answer[] = [];
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    for (const query of queries) {
      void query.then((answer) => {
        settled.push(answer);
        if (settled.length === queries.length) resolve();
        else if (hasAddresses(answer)) timer = setTimeout(resolve, RESOLUTION_DELAY_MS);
      });
    }
  });
  clearTimeout(timer);
  return [...settled];
}

/** Of two failures: a family without records says less than a resolver that fails. */
function worst(answers: readonly Answer[]): Problem {
  const problems = answers.flatMap((answer) => ('problem' in answer ? [answer.problem] : []));
  const telling = problems.find((problem) => problem.code !== 'dns.not-found') ?? problems[0];
  return telling ?? new Problem('dns.not-found', 'upstream', { reason: 'ENODATA' });
}

/** Servers as `address` or `address:port`, asked through c-ares: no hosts file, no search list, no thread pool. */
export function serverNames(servers: readonly string[]): NameService {
  const resolver = new DnsResolver({ timeout: TRY_MS, tries: TRIES, maxTimeout: TRY_MS });
  resolver.setServers(servers);
  return {
    async addresses(name) {
      const answers = await both([ask(resolver.resolve4(name)), ask(resolver.resolve6(name))]);
      const found = answers.flatMap((answer) => ('addresses' in answer ? answer.addresses : []));
      if (found.length === 0) throw worst(answers);
      return found;
    },
    close: () => resolver.cancel(),
  };
}

/** The system's way (getaddrinfo): hosts file, search list and all. A few at once; the others wait in line. */
export function systemNames(): NameService {
  const places = createPlaces(LOOKUPS_AT_ONCE, LOOKUPS_PER_ASKER);
  return {
    async addresses(name, signal, asker) {
      const leave = await places.enter(asker);
      try {
        if (signal.aborted) throw new Problem('dns.timeout', 'upstream', { reason: 'ETIMEOUT' });
        const found = await lookup(name, { all: true, order: 'verbatim' });
        return found.map((entry) => entry.address);
      } catch (thrown) {
        throw dnsProblem(thrown);
      } finally {
        leave();
      }
    },
    close: () => undefined,
  };
}
