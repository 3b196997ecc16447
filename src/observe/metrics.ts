/**
 * The only door to the Prometheus client: an own registry for each process, snapshots that travel between processes,
 * and their merge into one text.
 *
 * Does: make the instruments of instruments.ts that one process feeds; add the process metrics that are well named.
 * Does not: decide what is counted (worker-metrics.ts, supervisor-metrics.ts do).
 * The caller must: pass label values only from enums, metrics groups and codes.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { INSTRUMENTS, type InstrumentName } from './instruments.ts';

export type Labels = Readonly<Record<string, string>>;

/** One metric with its values, as the client hands it out and as it travels between processes. */
export interface Sample {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator?: string;
  readonly values: readonly { readonly value: number; readonly labels: Labels; readonly metricName?: string }[];
}

export interface Meters {
  add(name: InstrumentName, labels?: Labels, amount?: number): void;
  set(name: InstrumentName, value: number, labels?: Labels): void;
  /** Seconds. */
  observe(name: InstrumentName, value: number, labels?: Labels): void;
  /** Drops every series: nothing is shown until the next value. */
  clear(name: InstrumentName): void;
  /** Drops the series whose label `label` holds a value outside `keep`. */
  forget(label: string, keep: ReadonlySet<string>): Promise<void>;
  snapshot(): Promise<readonly Sample[]>;
}

/** Default metrics that `promtool check metrics` refuses (gauges called `_total`) or that cannot be merged. */
const BADLY_NAMED = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'nodejs_eventloop_utilization_histogram',
  'nodejs_eventloop_utilization_summary',
  'nodejs_version_info',
];

/** The process that stands worst speaks for all: a mean over workers would hide the one that is stuck or full. */
const WORST_OF: Readonly<Record<string, 'max' | 'min'>> = {
  nodejs_eventloop_lag_seconds: 'max',
  nodejs_eventloop_lag_min_seconds: 'max',
  nodejs_eventloop_lag_max_seconds: 'max',
  nodejs_eventloop_lag_mean_seconds: 'max',
  nodejs_eventloop_lag_stddev_seconds: 'max',
  nodejs_eventloop_lag_p50_seconds: 'max',
  nodejs_eventloop_lag_p90_seconds: 'max',
  nodejs_eventloop_lag_p99_seconds: 'max',
  process_open_fds: 'max',
  process_max_fds: 'min',
  // The supervisor is the oldest: workers come and go.
  process_start_time_seconds: 'min',
};

type Made = Counter<string> | Gauge<string> | Histogram<string>;

function make(name: InstrumentName, registry: Registry): Made {
  const { kind, name: fullName, help, labels, merge, buckets } = INSTRUMENTS[name];
  const common = { name: fullName, help, labelNames: [...labels], registers: [registry], aggregator: merge };
  if (kind === 'counter') return new Counter(common);
  if (kind === 'gauge') return new Gauge(common);
  return new Histogram({ ...common, buckets: [...buckets] });
}

/** Makes the instruments that `by` feeds. A call for another process' instrument is a mistake of ours and throws. */
export function createMeters(by: 'worker' | 'supervisor'): Meters {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of BADLY_NAMED) registry.removeSingleMetric(name);
  for (const [name, aggregator] of Object.entries(WORST_OF)) {
    const metric = registry.getSingleMetric(name);
    if (metric !== undefined) Object.assign(metric, { aggregator });
  }
  const made = new Map<InstrumentName, Made>();
  for (const name of Object.keys(INSTRUMENTS) as InstrumentName[]) {
    if (INSTRUMENTS[name].by === by) made.set(name, make(name, registry));
  }
  const get = (name: InstrumentName): Made => {
    const found = made.get(name);
    if (found === undefined) throw new TypeError(`${name} is not fed by the ${by}`);
    return found;
  };
  return {
    add(name, labels = {}, amount = 1) {
      const found = get(name);
      if (found instanceof Counter || found instanceof Gauge) found.inc(labels, amount);
    },
    set(name, value, labels = {}) {
      const found = get(name);
      if (found instanceof Gauge) found.set(labels, value);
    },
    observe(name, value, labels = {}) {
      const found = get(name);
      if (found instanceof Histogram) found.observe(labels, value);
    },
    clear(name) {
      const found = get(name);
      found.reset();
      // A metric without labels starts again at 0, which would be read as a value.
      if (INSTRUMENTS[name].labels.length === 0) found.remove();
    },
    async forget(label, keep) {
      for (const [name, metric] of made) {
        if (!INSTRUMENTS[name].labels.includes(label)) continue;
        const { values } = await metric.get();
        for (const { labels } of values) {
          if (!keep.has(String(labels[label]))) metric.remove(labels);
        }
      }
    },
    snapshot: async () => (await registry.getMetricsAsJSON()) as unknown as readonly Sample[],
  };
}

/** Merges snapshots of several processes: counters and histograms are summed, gauges as each says. */
export async function mergeSnapshots(parts: readonly (readonly Sample[])[]): Promise<readonly Sample[]> {
  const merged = Registry.aggregate(parts as unknown as object[]);
  return (await merged.getMetricsAsJSON()) as unknown as readonly Sample[];
}

/** Prometheus text format 0.0.4. */
export async function printSnapshot(samples: readonly Sample[]): Promise<string> {
  return Registry.aggregate([samples] as unknown as object[]).metrics();
}

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;
