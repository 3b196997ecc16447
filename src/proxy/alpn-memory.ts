/**
 * Which ALPN list the clients of a host sent last: the guess that is offered upstream before a hello has come.
 *
 * Does: remember, bounded; answer whether a client's real list could have led the upstream to another choice.
 * Does not: decide anything: a wrong guess costs a second handshake and never a wrong verdict.
 */
import { ALPN_MEMORY_ENTRIES } from './limits.ts';

/** What most clients offer, in the order in which they do. */
export const DEFAULT_ALPN: readonly string[] = Object.freeze(['h2', 'http/1.1']);
/** A list above this is not remembered: no client in the field offers more, and the memory stays bounded. */
const MAX_REMEMBERED_PROTOCOLS = 8;

export interface AlpnMemory {
  /** The list to offer for a host. */
  guess(host: string): readonly string[];
  /** `offered`: a list that the host has taken. */
  remember(host: string, offered: readonly string[]): void;
  forget(host: string): void;
}

export function createAlpnMemory(maxEntries: number = ALPN_MEMORY_ENTRIES): AlpnMemory {
  // A Map keeps insertion order: the first key is the one that was remembered longest ago.
  const lists = new Map<string, readonly string[]>();
  return {
    guess: (host) => lists.get(host) ?? DEFAULT_ALPN,
    remember(host, offered) {
      lists.delete(host);
      if (offered.length > MAX_REMEMBERED_PROTOCOLS || sameList(offered, DEFAULT_ALPN)) return;
      lists.set(host, Object.freeze([...offered]));
      if (lists.size > maxEntries) lists.delete(lists.keys().next().value!);
    },
    forget: (host) => void lists.delete(host),
  };
}

/**
 * Could an upstream that was offered `guessed` and chose `chosen` have chosen otherwise from `real`?
 *
 * It could not when `real` is `guessed` with some entries left out, in the same order, and `chosen` is still in it (or
 * nothing was chosen): an upstream that goes by its own order and one that goes by the client's both stay with it.
 */
export function couldChooseOtherwise(
  guessed: readonly string[],
  chosen: string | null,
  real: readonly string[],
): boolean {
  if (chosen !== null && !real.includes(chosen)) return true;
  let at = 0;
  for (const protocol of real) {
    at = guessed.indexOf(protocol, at) + 1;
    if (at === 0) return true;
  }
  return false;
}

function sameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((protocol, index) => protocol === other[index]);
}
