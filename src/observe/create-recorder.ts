/** The recorder of a worker: audit line and metrics moved together, in this order, so that no count lacks its line. */
import type { Audit } from './audit.ts';
import type { Recorder } from './recorder.ts';
import { closeRecord, verdictRecord } from './records.ts';
import type { Metrics } from './worker-metrics.ts';

export interface RecorderParts {
  /** Null: the configuration writes no audit file. */
  readonly audit: Audit | null;
  readonly metrics: Metrics;
  /** Number of this worker, 1-based. */
  readonly worker: number;
}

export function createRecorder({ audit, metrics, worker }: RecorderParts): Recorder {
  return {
    verdict(entry) {
      audit?.verdict(verdictRecord(entry, worker));
      metrics.verdict(entry);
    },
    close(entry) {
      audit?.close(closeRecord(entry, worker));
      metrics.close(entry);
    },
    connection: (side) => metrics.connection(side),
    bytes: (direction, count) => metrics.bytes(direction, count),
    clientAlert: (group, alert) => metrics.clientAlert(group, alert),
    minted: (durationMs) => metrics.minted(durationMs),
    judged: (durationMs) => metrics.judged(durationMs),
    resolved: (durationMs) => metrics.resolved(durationMs),
  };
}
