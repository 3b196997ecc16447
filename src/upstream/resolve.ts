import type { Authority } from '../model/authority.ts';
import { Problem } from '../model/problem.ts';
import type { OwnEndpoint } from './addresses.ts';

export interface ResolverOptions {
  /** Canonical host → addresses, like curl's `--resolve`. They pass the address guard like any other answer. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
  /** DNS servers, `address` or `address:port`; empty: the system's resolver, which also reads its hosts file. */
  readonly servers: readonly string[];
  /** Our own listeners: never dialled, whatever a rule allows. */
  readonly own: readonly OwnEndpoint[];
  /** Whole time for one name. */
  readonly timeoutMs?: number;
}

export interface Resolver {
  /** Permitted addresses in canonical text. Throws Problem `dns.*`, `address.*`, `client.gone` when aborted. */
  resolve(authority: Authority, allowPrivate: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  close(): void;
}

export function createResolver(_options: ResolverOptions): Resolver {
  throw new Problem('internal.failure', 'self');
}
