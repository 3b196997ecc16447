/**
 * Writes what is generated here: `node docker/generate.ts`. The dashboards from their descriptions, the addresses of
 * their panels into the alerts, the alerts for Kubernetes, the table of metrics in README.md from the instruments. A
 * test fails while they differ.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withPanelAddresses } from './alert-links.ts';
import { printDashboard } from './grafana/dashboard.ts';
import { OVERVIEW } from './grafana/overview.ts';
import { PINS } from './grafana/pins.ts';
import { prometheusRule } from './kubernetes/generate.ts';
import { withMetricsTable } from './metrics-table.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const rewrite = (path: string, change: (text: string) => string): void =>
  writeFileSync(at(path), change(readFileSync(at(path), 'utf8')));

for (const dashboard of [OVERVIEW, PINS]) {
  writeFileSync(at(`grafana/dashboards/${dashboard.uid}.json`), printDashboard(dashboard));
}
rewrite('prometheus/pinwarden-alerts.yml', withPanelAddresses);
writeFileSync(at('kubernetes/monitoring/prometheus-rule.yaml'), prometheusRule());
rewrite('README.md', withMetricsTable);
