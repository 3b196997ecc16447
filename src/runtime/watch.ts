/**
 * Notices that files may have changed: by watching their directories, by polling, and when told (SIGHUP).
 *
 * Watching the directory and not the file survives editors that rename over it and the `..data` swap of ConfigMap
 * volumes. The poll catches what no watch reports: network file systems, `subPath` mounts, a lost event.
 *
 * Does not: read files or decide whether anything changed: it only asks for a look, and collects many events into one.
 */
import { watchDirectory } from '../host/files.ts';

/** Editors and `kubectl` change several names within milliseconds; also the distance between two reads that must agree. */
export const SETTLE_MS = 250;
/** Default of the poll; a look costs one read of files of a few KiB. */
export const POLL_MS = 30_000;

export interface Watch {
  /** Watches these directories from now on, in place of those before. */
  follow(directories: readonly string[]): void;
  /** Asks for a look, as an event would. */
  poke(): void;
  /** The same after so many milliseconds, in place of an earlier such call; null: not at all. */
  pokeIn(delayMs: number | null): void;
  stop(): void;
}

/** `look` is never called while an earlier call has not ended. */
export function createWatch(look: () => Promise<void>, pollMs: number = POLL_MS): Watch {
  let stops: (() => void)[] = [];
  let followed = '';
  let settle: NodeJS.Timeout | null = null;
  let looking = false;
  let again = false;
  let stopped = false;

  const run = async (): Promise<void> => {
    settle = null;
    if (stopped) return;
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    try {
      await look();
    } finally {
      looking = false;
    }
    if (again) {
      again = false;
      poke();
    }
  };
  const poke = (): void => {
    if (stopped) return;
    settle ??= setTimeout(() => void run(), SETTLE_MS);
  };
  const poll = setInterval(poke, pollMs);
  poll.unref();
  let later: NodeJS.Timeout | null = null;
  const pokeIn = (delayMs: number | null): void => {
    if (later !== null) clearTimeout(later);
    later = delayMs === null || stopped ? null : setTimeout(poke, delayMs);
    later?.unref();
  };
  return {
    poke,
    pokeIn,
    follow(directories) {
      const wanted = [...new Set(directories)].sort();
      if (stopped || wanted.join('\n') === followed) return;
      followed = wanted.join('\n');
      for (const stop of stops) stop();
      stops = wanted.map((directory) => watchDirectory(directory, poke));
    },
    stop() {
      stopped = true;
      clearInterval(poll);
      pokeIn(null);
      if (settle !== null) clearTimeout(settle);
      for (const stop of stops) stop();
      stops = [];
    },
  };
}
