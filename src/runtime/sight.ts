/**
 * What the supervisor sees of its workers' events: it hands live lines to those who watch, and chains to the locker.
 *
 * Does: count what was lost on the way and here. Files are written in turns of its own, in this process, which carries
 * no traffic.
 * The caller must: call `close` at the end.
 */
import type { Clock } from '../host/clock.ts';
import { FileError } from '../host/files.ts';
import { createEventHub, type EventHub } from '../observe/event-stream.ts';
import { type Locker, lockerDirectory, openLocker } from '../observe/evidence-locker.ts';
import type { Batch } from '../observe/outbox.ts';

export interface Sight {
  readonly hub: EventHub;
  /** Null: the directory cannot be used; what would be kept is counted as lost. */
  readonly locker: Locker | null;
  take(batch: Batch): void;
  /** Whether workers are to send lines. */
  wanted(): boolean;
  close(): void;
}

export interface SightOptions {
  /** The state directory. */
  readonly state: string;
  readonly clock: Clock;
  readonly demand: (wanted: boolean) => void;
  /** One line for the operator, without its end. */
  readonly log: (line: string) => void;
  readonly counts: SightCounts;
}

export interface SightCounts {
  /** Exhibits that are not in the locker: dropped between processes, or not written. */
  evidenceLost(at: 'worker' | 'locker', count: number): void;
  eventsDropped(at: 'worker' | 'subscriber', count: number): void;
}

/** A blocked chain can be looked at so soon. */
const WRITE_EVERY_MS = 250;
/** Proxies between us and a subscriber give up after 60 s without a byte. */
const BEAT_EVERY_MS = 15_000;

export function createSight({ state, clock, demand, log, counts }: SightOptions): Sight {
  const directory = lockerDirectory(state);
  const hub = createEventHub({ demand, dropped: (count) => counts.eventsDropped('subscriber', count) });
  const locker = tryOpen(directory, log);
  let warned = false;
  const lose = (count: number): void => {
    if (count === 0) return;
    counts.evidenceLost('locker', count);
    if (!warned) log(`evidence: a chain could not be kept in ${directory}; verdicts and audit lines go on`);
    warned = true;
  };
  const writing = setInterval(() => lose(locker?.work(clock.nowMs()) ?? 0), WRITE_EVERY_MS);
  const beating = setInterval(() => hub.beat(), BEAT_EVERY_MS);
  for (const timer of [writing, beating]) timer.unref();
  return {
    hub,
    locker,
    wanted: () => hub.size > 0,
    take({ lines, exhibits, linesDropped, exhibitsLost }) {
      for (const line of lines) hub.publish(line);
      if (linesDropped > 0) {
        counts.eventsDropped('worker', linesDropped);
        hub.missed(linesDropped);
      }
      if (exhibitsLost > 0) counts.evidenceLost('worker', exhibitsLost);
      lose(exhibits.filter((exhibit) => locker?.keep(exhibit) !== true).length);
    },
    close() {
      for (const timer of [writing, beating]) clearInterval(timer);
      lose(locker?.work(clock.nowMs(), 'all') ?? 0);
      hub.close();
    },
  };
}

function tryOpen(directory: string, log: (line: string) => void): Locker | null {
  try {
    return openLocker(directory);
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    log(`evidence: unexpected chains cannot be kept: ${thrown.message}`);
    return null;
  }
}
