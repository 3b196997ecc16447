/** The fetcher with its parts: the guard of upstream/, the disk cache, and the configuration of the moment. */
import type { Clock } from '../host/clock.ts';
import type { OwnEndpoint } from '../upstream/addresses.ts';
import { fetchBytes } from '../upstream/fetch.ts';
import { createResolver } from '../upstream/resolve.ts';
import { createFetchStore } from './fetch-store.ts';
import { Fetcher, type FetcherOptions } from './fetcher.ts';
import type { Generations } from './generations.ts';

/** For one URL, names and connection included: the largest CRLs have 10 MiB. */
const FETCH_TIMEOUT_MS = 30_000;

export interface FetcherParts {
  readonly options: { readonly clock: Clock; readonly log: (line: string) => void };
  readonly state: string;
  /** Our own sockets, which are never dialled. */
  readonly own: readonly OwnEndpoint[];
  readonly generations: Pick<Generations, 'current'>;
  readonly changed: () => void;
  readonly count: FetcherOptions['count'];
}

export function createFetcher({ options, state, own, generations, changed, count }: FetcherParts): Fetcher {
  return new Fetcher({
    clock: options.clock,
    log: options.log,
    changed,
    count,
    store: createFetchStore(state, options.log),
    isOn: (kind) => {
      const config = generations.current?.config;
      return (kind === 'crl' ? config?.crl.fetch : config?.aia) === 'background';
    },
    fetch: async (url, maxBytes) => {
      const config = generations.current?.config;
      if (config === undefined) throw new TypeError('no generation');
      const { hosts, dns } = config.egress;
      const resolver = createResolver({ hosts, servers: dns.servers, own, timeoutMs: dns.timeoutMs });
      try {
        return await fetchBytes({ url, resolver, ...config.fetch, maxBytes, timeoutMs: FETCH_TIMEOUT_MS });
      } finally {
        resolver.close();
      }
    },
  });
}
