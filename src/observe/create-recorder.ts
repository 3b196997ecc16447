/** The recorder of a worker: audit line and metrics moved together, in this order, so that no count lacks its line. */
import type { Audit } from './audit.ts';
import { exhibitIdOf } from './exhibit.ts';
import type { Outbox } from './outbox.ts';
import type { Recorder } from './recorder.ts';
import { closeRecord, verdictRecord } from './records.ts';
import type { Metrics } from './worker-metrics.ts';

export interface RecorderParts {
  /** Null: the configuration writes no audit file. */
  readonly audit: Audit | null;
  readonly metrics: Metrics;
  /** Number of this worker, 1-based. */
  readonly worker: number;
  /** What others are told; absent: nobody. */
  readonly outbox?: Outbox;
}

export function createRecorder({ audit, metrics, worker, outbox }: RecorderParts): Recorder {
  return {
    get blocked() {
      return audit?.blocked ?? false;
    },
    verdict(entry) {
      const evidence = exhibitIdOf(entry);
      const record = verdictRecord(entry, worker, evidence);
      audit?.verdict(record);
      metrics.verdict(entry);
      outbox?.line(record);
      if (evidence !== null) outbox?.exhibit(evidence, entry);
    },
    close(entry) {
      const record = closeRecord(entry, worker);
      audit?.close(record);
      metrics.close(entry);
      outbox?.line(record);
    },
    connection: (side) => metrics.connection(side),
    bytes: (direction, count) => metrics.bytes(direction, count),
    clientAlert: (group, alert) => metrics.clientAlert(group, alert),
    minted: (durationMs) => metrics.minted(durationMs),
    judged: (durationMs) => metrics.judged(durationMs),
    resolved: (durationMs) => metrics.resolved(durationMs),
  };
}
