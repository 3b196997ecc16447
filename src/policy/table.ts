/**
 * A table from host patterns to values that answers in O(labels): the one place that knows the order
 * exact > `*` > longest `**`, and port before no port.
 *
 * Does: holds values by pattern; yields the entries that cover an authority, most specific first.
 * Does not: know rules, clients or files.
 * The caller must: add patterns in canonical form (hosts.ts).
 */
import type { Authority } from '../model/authority.ts';
import type { HostPattern } from './policy.ts';

/** Values for one host: for any port, and for single ports. */
interface Shelf<T> {
  anyPort: T | undefined;
  byPort: Map<number, T> | undefined;
}

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

  /** The first value, most specific pattern first, for which `accept` answers something; O(labels of the host). */
  find<R>(authority: Authority, accept: (value: T) => R | undefined): R | undefined {
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

function pick<T, R>(shelf: Shelf<T> | undefined, port: number, accept: (value: T) => R | undefined): R | undefined {
  if (shelf === undefined) {
    return undefined;
  }
  const forPort = shelf.byPort?.get(port);
  const answer = forPort === undefined ? undefined : accept(forPort);
  if (answer !== undefined || shelf.anyPort === undefined) {
    return answer;
  }
  return accept(shelf.anyPort);
}
