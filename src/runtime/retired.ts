/**
 * The counters of workers that have ended, so that what a scrape shows never goes backwards when a process is
 * replaced. What a worker counted after its last snapshot and before a crash is lost.
 */
import { mergeSnapshots, type Sample } from '../observe/metrics.ts';

/** Above this many dead workers their counters are folded into one. */
const FOLD_AT = 8;

export class Retired {
  #parts: (readonly Sample[])[] = [];

  /** Keeps the counters, the histograms and when things last happened; other gauges speak of the living only. */
  add(samples: readonly Sample[]): void {
    this.#parts.push(samples.filter((sample) => outlives(sample)));
  }

  /** Drops the series of policies that are no more. */
  forget(keep: ReadonlySet<string>): void {
    const stays = ({ labels }: Sample['values'][number]): boolean =>
      labels['policy'] === undefined || keep.has(labels['policy']);
    this.#parts = this.#parts.map((samples) =>
      samples.map((sample) => ({ ...sample, values: sample.values.filter(stays) })),
    );
  }

  get parts(): readonly (readonly Sample[])[] {
    return this.#parts;
  }

  async fold(): Promise<void> {
    if (this.#parts.length < FOLD_AT) return;
    const folding = this.#parts;
    const folded = await mergeSnapshots(folding);
    // Workers may have ended while the merge was made.
    this.#parts = [folded, ...this.#parts.slice(folding.length)];
  }
}

function outlives({ name, type, aggregator }: Sample): boolean {
  if (type === 'counter' || type === 'histogram') return true;
  return aggregator === 'max' && name.endsWith('_timestamp_seconds');
}
