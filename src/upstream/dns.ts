/**
 * Asks for the addresses of one name: DNS servers of the configuration, or the system's resolver.
 *
 * Does: A and AAAA together, errors as Problem `dns.*`, bounded time, bounded use of the thread pool.
 * Does not: judge addresses, or remember answers (resolve.ts does).
 */
import { Resolver as DnsResolver, lookup } from 'node:dns/promises';
import type { Code } from '../model/codes.ts';
import { Problem } from '../model/problem.ts';

/** One way of turning a name into addresses. Throws Problem `dns.not-found`, `dns.failure`, `dns.timeout`. */
export interface NameService {
  /** `signal` is aborted when nobody waits any more: a question that has not been asked yet is then dropped. */
  addresses(name: string, signal: AbortSignal): Promise<readonly string[]>;
  close(): void;
}

/** RFC 8305 §8: how long the other family may lag behind the first that answered. */
const RESOLUTION_DELAY_MS = 50;
/** One try of c-ares; three tries stay below the five seconds of the whole (REQ-20 of the threat model). */
const TRY_MS = 1_500;
const TRIES = 3;
/** libuv has four threads by default, shared with file work: getaddrinfo may hold three. */
const LOOKUPS_AT_ONCE = 3;

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
  let running = 0;
  const waiting: (() => void)[] = [];
  const enter = async (): Promise<void> => {
    if (running >= LOOKUPS_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
  };
  const leave = (): void => {
    const next = waiting.shift();
    // The place passes from one to the next, so the count stays.
    if (next === undefined) running--;
    else next();
  };
  return {
    async addresses(name, signal) {
      await enter();
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
