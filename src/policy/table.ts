/**
 * A table from host patterns to values that answers in O(labels): the one place that knows the order
 * exact > `*` > longest `**`.
 *
 * Does: holds values by pattern; yields what covers an authority, most specific host first: for each host the value under
 * the port, and that under no port.
 * Does not: know rules, clients or files, or choose between port and no port (lookup.ts does).
 * The caller must: add patterns in canonical form (hosts.ts).
 */
import type { Authority } from '../model/authority.ts';
import type { HostPattern } from './policy.ts';

/** Values for one host: for any port, and for single ports. */
interface Shelf<T> {
  anyPort: T | undefined;
  byPort: Map<number, T> | undefined;
}

/** Chooses between what one host has for the port and for every port; at least one of them is there. */
type Accept<T, R> = (forPort: T | undefined, anyPort: T | undefined) => R | undefined;

export class PatternTable<T> {
  readonly #shelves: Readonly<Record<HostPattern['kind'], Map<string, Shelf<T>>>> = {
    exact: new Map(),
    one: new Map(),
    deep: new Map(),
  };

  /** The value under exactly this pattern, if any. */
  get(pattern: HostPattern): T | undefined {
    const shelf = this.#shelves[pattern.kind].get(pattern.host);
    return pattern.port === null ? shelf?.anyPort : shelf?.byPort?.get(pattern.port);
  }

  set(pattern: HostPattern, value: T): void {
    const shelves = this.#shelves[pattern.kind];
    let shelf = shelves.get(pattern.host);
    if (shelf === undefined) {
      shelf = { anyPort: undefined, byPort: undefined };
      shelves.set(pattern.host, shelf);
    }
    if (pattern.port === null) {
      shelf.anyPort = value;
    } else {
      shelf.byPort ??= new Map();
      shelf.byPort.set(pattern.port, value);
    }
  }

  /** What `accept` answers first, most specific host first; O(labels of the host). */
  find<R>(authority: Authority, accept: Accept<T, R>): R | undefined {
    const exact = pick(this.#shelves.exact.get(authority.host), authority.port, accept);
    if (exact !== undefined || authority.kind !== 'name') {
      return exact;
    }
    let dot = authority.host.indexOf('.');
    if (dot === -1) {
      return undefined;
    }
    const one = pick(this.#shelves.one.get(authority.host.slice(dot + 1)), authority.port, accept);
    if (one !== undefined) {
      return one;
    }
    for (; dot !== -1; dot = authority.host.indexOf('.', dot + 1)) {
      const deep = pick(this.#shelves.deep.get(authority.host.slice(dot + 1)), authority.port, accept);
      if (deep !== undefined) {
        return deep;
      }
    }
    return undefined;
  }

  /** Whether any pattern covers the authority. */
  covers(authority: Authority): boolean {
    return this.find(authority, () => true) === true;
  }
}

function pick<T, R>(shelf: Shelf<T> | undefined, port: number, accept: Accept<T, R>): R | undefined {
  const forPort = shelf?.byPort?.get(port);
  const anyPort = shelf?.anyPort;
  return forPort === undefined && anyPort === undefined ? undefined : accept(forPort, anyPort);
}
