/**
 * Writes what is generated here: `node docker/generate.ts`. The dashboards from their descriptions, the table of
 * metrics in README.md from the instruments. A test fails while they differ.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printDashboard } from './grafana/dashboard.ts';
import { OVERVIEW } from './grafana/overview.ts';
import { PINS } from './grafana/pins.ts';
import { withMetricsTable } from './metrics-table.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

for (const dashboard of [OVERVIEW, PINS]) {
  writeFileSync(at(`grafana/dashboards/${dashboard.uid}.json`), printDashboard(dashboard));
}
writeFileSync(at('README.md'), withMetricsTable(readFileSync(at('README.md'), 'utf8')));
