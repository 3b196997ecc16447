/** Every series name that a scrape can show, with its labels: from the code, not from a list beside it. */
import { INSTRUMENTS } from '../../src/observe/instruments.ts';
import { createMeters } from '../../src/observe/metrics.ts';
import { RECORDINGS } from './mixin.ts';
import { parseExpression } from './promql.ts';

/** What Prometheus adds to every series. */
export const TARGET_LABELS = ['job', 'instance'] as const;

export async function knownMetrics(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const known = new Map<string, ReadonlySet<string>>([['up', new Set()]]);
  for (const { name, kind, labels } of Object.values(INSTRUMENTS)) {
    if (kind !== 'histogram') {
      known.set(name, new Set(labels));
      continue;
    }
    known.set(`${name}_bucket`, new Set([...labels, 'le']));
    for (const suffix of ['_sum', '_count']) known.set(`${name}${suffix}`, new Set(labels));
  }
  // Has no sample before the first collection.
  for (const suffix of ['_bucket', '_sum', '_count'])
    known.set(`nodejs_gc_duration_seconds${suffix}`, new Set(['kind', 'le']));
  for (const by of ['worker', 'supervisor'] as const) {
    for (const { name, values } of await createMeters(by).snapshot()) {
      if (!name.startsWith('pinwarden_')) known.set(name, new Set(values.flatMap(({ labels }) => Object.keys(labels))));
    }
  }
  for (const { record, expr } of RECORDINGS) {
    const by = /^\w+\([\d.]+, sum by \(([^)]*)\)|^(?:sum|max) by \(([^)]*)\)/.exec(expr.trim());
    const labels = (by?.[1] ?? by?.[2] ?? '').split(/,\s*/).filter((label) => label !== 'le');
    if (record !== undefined) known.set(record, new Set(labels));
  }
  return known;
}

/** Names in `expr` that no scrape shows, and labels that none of its metrics has. */
export function unknownNames(expr: string, known: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const { selectors, labels } = parseExpression(expr);
  const metrics = [...new Set(selectors.map(({ metric }) => metric))];
  const made = [...expr.matchAll(/label_replace\(.*?"(\w+)", "[^"]*", "", ""\)/g)].map(([, label = '']) => label);
  const allowed = new Set([...TARGET_LABELS, ...made, ...metrics.flatMap((metric) => [...(known.get(metric) ?? [])])]);
  return [
    ...metrics.filter((metric) => !known.has(metric)),
    ...[...labels].filter((label) => !allowed.has(label)).map((label) => `label ${label}`),
  ];
}
