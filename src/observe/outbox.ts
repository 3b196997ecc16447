/**
 * What a worker tells the supervisor of its events: audit lines while somebody watches, and unexpected chains always.
 *
 * Does: collect between two flushes, hold one batch under way at most, and count what does not fit. The data plane
 * pays for a reference in a list; exhibits are built at the flush.
 * Does not: wait for anybody, write files, or throw.
 * The caller must: call `flush` regularly.
 */
import { type Exhibit, exhibitOf, mergeExhibits } from './exhibit.ts';
import type { VerdictEntry } from './recorder.ts';
import type { AuditRecord } from './records.ts';

/** One message to the supervisor. */
export interface Batch {
  readonly lines: readonly AuditRecord[];
  readonly exhibits: readonly Exhibit[];
  /** Lines that watchers will miss. */
  readonly linesDropped: number;
  /** Events whose chain will not be in the locker. */
  readonly exhibitsLost: number;
}

export interface Outbox {
  /** Whether audit lines are wanted. */
  watch(wanted: boolean): void;
  line(record: AuditRecord): void;
  /** `id`: of the exhibit that the entry makes. */
  exhibit(id: string, entry: VerdictEntry): void;
  /** `last`: whatever is still under way. */
  flush(last?: 'last'): void;
}

/** Sends a batch; `sent` is to be called when it has left this process. */
export type SendBatch = (batch: Batch, sent: () => void) => void;

/** 200 ms at 5,000 verdicts a second, and some 1.5 MiB. */
const MAX_LINES = 1000;
/** Of one flush; each has some 10 KiB, at worst 200 KiB. */
const MAX_EXHIBITS = 32;
/** Events of one chain between two flushes that are told one by one. */
const MAX_ENTRIES_OF_ONE = 32;

export function createOutbox(send: SendBatch): Outbox {
  let watched = false;
  let lines: AuditRecord[] = [];
  let linesDropped = 0;
  let exhibitsLost = 0;
  let underWay = false;
  const entries = new Map<string, VerdictEntry[]>();

  const build = (): readonly Exhibit[] => {
    const built: Exhibit[] = [];
    for (const same of entries.values()) {
      const exhibit = mergeAll(same);
      if (exhibit === null) exhibitsLost += same.length;
      else built.push(exhibit);
    }
    entries.clear();
    return built;
  };
  return {
    watch(wanted) {
      watched = wanted;
      if (!wanted) lines = [];
    },
    line(record) {
      if (!watched) return;
      if (lines.length < MAX_LINES) lines.push(record);
      else linesDropped += 1;
    },
    exhibit(id, entry) {
      const same = entries.get(id);
      if (same !== undefined) {
        // The audit line names the chain; only the list of its events in the locker is shorter.
        if (same.length < MAX_ENTRIES_OF_ONE) same.push(entry);
      } else if (entries.size < MAX_EXHIBITS) {
        entries.set(id, [entry]);
      } else {
        exhibitsLost += 1;
      }
    },
    flush(last) {
      // A supervisor that does not read must not make this process grow.
      if (underWay && last === undefined) return;
      if (lines.length + entries.size + linesDropped + exhibitsLost === 0) return;
      const exhibits = build();
      const batch = { lines, exhibits, linesDropped, exhibitsLost };
      lines = [];
      linesDropped = 0;
      exhibitsLost = 0;
      underWay = true;
      send(batch, () => {
        underWay = false;
      });
    },
  };
}

/** Null: an entry that makes no exhibit, which is a mistake of ours and must not end the process. */
function mergeAll(entries: readonly VerdictEntry[]): Exhibit | null {
  try {
    return entries.map(exhibitOf).reduce((all, one) => (all === null || one === null ? all : mergeExhibits(all, one)));
  } catch {
    return null;
  }
}
