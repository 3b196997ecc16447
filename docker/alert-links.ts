/**
 * From an alert to the panel that explains it: the `dashboard_url` of each alert, made from the panels that name it.
 * The other way, from the panel to the runbook, is in the dashboards themselves.
 */
import { type Dashboard, printDashboard } from './grafana/dashboard.ts';
import { OVERVIEW } from './grafana/overview.ts';
import { PINS } from './grafana/pins.ts';

/** Put the address of your Grafana in its place (README.md, Use it). */
const GRAFANA = 'https://pinwarden.example/grafana';

/** Alert → address of the first panel that names it. */
export function panelAddresses(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const dashboard of [OVERVIEW, PINS]) {
    for (const { alert, panel } of namedIn(dashboard)) {
      if (!found.has(alert)) found.set(alert, `${GRAFANA}/d/${dashboard.uid}?viewPanel=${panel}`);
    }
  }
  return found;
}

function namedIn(dashboard: Dashboard): readonly { readonly alert: string; readonly panel: number }[] {
  const { panels } = JSON.parse(printDashboard(dashboard)) as { panels: readonly { id: number; title: string }[] };
  const idOf = new Map(panels.map(({ id, title }) => [title, id]));
  const shown = dashboard.rows.flatMap((row) => row.panels);
  return shown.flatMap(({ title, alerts = [] }) => alerts.map((alert) => ({ alert, panel: idOf.get(title) ?? 0 })));
}

/** The text of pinwarden-alerts.yml with the address of its panel under each alert that a panel names. */
export function withPanelAddresses(text: string): string {
  const addresses = panelAddresses();
  const bare = text.replaceAll(/^ +dashboard_url: .*\n/gm, '');
  return bare.replaceAll(/^( +)runbook_url: .*\/(\w+)\.md\n/gm, (line, indent: string, alert: string) => {
    const address = addresses.get(alert);
    return address === undefined ? line : `${line}${indent}dashboard_url: ${address}\n`;
  });
}
