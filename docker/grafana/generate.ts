/** Writes dashboards/*.json from their descriptions: `node docker/grafana/generate.ts`. A test fails while they differ. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printDashboard } from './dashboard.ts';
import { OVERVIEW } from './overview.ts';
import { PINS } from './pins.ts';

for (const dashboard of [OVERVIEW, PINS]) {
  const file = new URL(`./dashboards/${dashboard.uid}.json`, import.meta.url);
  writeFileSync(fileURLToPath(file), printDashboard(dashboard));
}
