/**
 * The rules that Grafana's dashboard-linter holds a mixin to, on our two files, and that every name in them exists in
 * the code. Exceptions stand in dashboards/.lint, each with its reason, and one that is not needed any more fails.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withPanelAddresses } from '../../docker/alert-links.ts';
import { printDashboard } from '../../docker/grafana/dashboard.ts';
import { OVERVIEW } from '../../docker/grafana/overview.ts';
import { PINS } from '../../docker/grafana/pins.ts';
import { withMetricsTable } from '../../docker/metrics-table.ts';
import { INSTRUMENTS } from '../../src/observe/instruments.ts';
import { knownMetrics, unknownNames } from '../support/known-metrics.ts';
import {
  ALERTS,
  DASHBOARD_FILES,
  DOCKER,
  type Panel,
  RECORDINGS,
  readDashboard,
  readYaml,
  shownPanels,
  substitute,
} from '../support/mixin.ts';
import { parseExpression } from '../support/promql.ts';

const COUNTERS = new Set(
  Object.values(INSTRUMENTS).flatMap(({ kind, name }) => {
    if (kind === 'counter') return [name];
    return kind === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [];
  }),
);

const known = await knownMetrics();

it('ships the overview, and pins and verification', () => {
  expect(DASHBOARD_FILES).toEqual(['pinwarden-overview.json', 'pinwarden-pins.json']);
});

it.each([OVERVIEW, PINS])('$uid.json is what its description says (node docker/generate.ts)', (dashboard) => {
  const file = `${DOCKER}/grafana/dashboards/${dashboard.uid}.json`;
  expect(readFileSync(file, 'utf8')).toBe(printDashboard(dashboard));
});

it('the table of metrics is what the code registers (node docker/generate.ts)', () => {
  const text = readFileSync(`${DOCKER}/README.md`, 'utf8');
  expect(text).toBe(withMetricsTable(text));
  expect(text.match(/^\| `pinwarden_/gm)).toHaveLength(Object.keys(INSTRUMENTS).length);
});

/** Metrics that no panel shows, with the reason; one that is shown must not stand here. */
const NOT_SHOWN: Readonly<Record<string, string>> = {
  pinwarden_audit_records_total: 'follows verdicts and closes one to one; what is lost is shown',
  pinwarden_event_stream_subscribers: 'who watches live is no state of the proxy; what they miss is shown',
};

it('every metric is on a panel, or there is a reason', () => {
  const expressions = [
    ...shownPanels().flatMap(({ panel }) => (panel.targets ?? []).map(({ expr }) => expr)),
    ...DASHBOARD_FILES.flatMap((file) => readDashboard(file).annotations.list.map(({ expr }) => expr)),
  ];
  const shown = expressions.flatMap((expr) => parseExpression(substitute(expr, 60)).selectors.map((one) => one.metric));
  const recorded = RECORDINGS.filter(({ record = '' }) => shown.includes(record));
  const behind = recorded.flatMap(({ expr }) => parseExpression(expr).selectors.map((one) => one.metric));
  const names = new Set([...shown, ...behind].map((name) => name.replace(/_(bucket|count|sum)$/, '')));
  const missing = Object.values(INSTRUMENTS).filter(({ name }) => !names.has(name));
  expect(missing.map(({ name }) => name).sort()).toEqual(Object.keys(NOT_SHOWN).sort());
});

it('every alert leads to a panel, and the panel to its runbook (node docker/generate.ts)', () => {
  const text = readFileSync(`${DOCKER}/prometheus/pinwarden-alerts.yml`, 'utf8');
  expect(text).toBe(withPanelAddresses(text));
  for (const { alert = '', annotations = {} } of ALERTS) {
    const [, uid, id] = /\/grafana\/d\/([a-z-]+)\?viewPanel=(\d+)$/.exec(annotations['dashboard_url'] ?? '') ?? [];
    const panel = readDashboard(`${uid}.json`).panels.find((one) => one.id === Number(id));
    const link = panel?.links?.find(({ title }) => title === `Runbook: ${alert}`);
    expect(link?.url, alert).toBe(annotations['runbook_url']);
  }
  const linked = shownPanels().flatMap(({ panel }) => (panel.links ?? []).map(({ title }) => title.slice(9)));
  for (const alert of linked) expect(ALERTS.map((one) => one.alert)).toContain(alert);
});

it('reloads are drawn across the graphs', () => {
  for (const { annotations } of DASHBOARD_FILES.map(readDashboard)) {
    expect(annotations.list).toHaveLength(1);
    for (const { expr } of annotations.list) {
      expect(parseExpression(substitute(expr, 60)).mistakes).toEqual([]);
      expect(unknownNames(substitute(expr, 60), known)).toEqual([]);
    }
  }
});

it('the questions name panels and alerts that exist', () => {
  const text = readFileSync(`${DOCKER}/README.md`, 'utf8');
  const rows = [...text.matchAll(/^\| ([^|]+\?) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)];
  expect(rows.length).toBeGreaterThanOrEqual(7);
  for (const [, question, dashboard = '', panel = '', alerts = ''] of rows) {
    const shown = shownPanels().filter((one) => readDashboard(one.dashboard).title.endsWith(dashboard));
    if (panel !== 'last row')
      expect(
        shown.map((one) => one.panel.title),
        question,
      ).toContain(panel);
    for (const name of alerts.split(', '))
      expect(
        ALERTS.map(({ alert }) => alert),
        question,
      ).toContain(name);
  }
});

it('Grafana finds data source and dashboards by itself', () => {
  expect(readYaml('grafana/provisioning/datasources/prometheus.yaml')).toMatchObject({
    apiVersion: 1,
    datasources: [{ uid: 'prometheus', type: 'prometheus', access: 'proxy', editable: false }],
  });
  expect(readYaml('grafana/provisioning/dashboards/pinwarden.yaml')).toMatchObject({
    apiVersion: 1,
    providers: [{ type: 'file', allowUiUpdates: false, options: { path: '/var/lib/grafana/dashboards/pinwarden' } }],
  });
});

describe.each(DASHBOARD_FILES)('%s', (file) => {
  const dashboard = readDashboard(file);

  it('loads in Grafana 10 to 13, cannot be edited by accident and asks for nothing at import', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(dashboard.schemaVersion).toBeLessThanOrEqual(41);
    expect(dashboard.editable).toBe(false);
    expect(Object.keys(dashboard)).not.toContain('__inputs');
    expect(dashboard.uid).toMatch(/^[a-z-]{1,40}$/);
    expect(dashboard.title).toMatch(/^Pinwarden \/ /);
    expect(dashboard.description).not.toBe('');
  });

  it('has the variables datasource, job and instance', () => {
    const [source, job, instance] = dashboard.templating.list;
    expect(source).toMatchObject({ name: 'datasource', label: 'Data Source', type: 'datasource', query: 'prometheus' });
    expect(job).toMatchObject({ name: 'job', label: 'Job', type: 'query', multi: true, refresh: 2, allValue: '.+' });
    expect(instance).toMatchObject({ name: 'instance', label: 'Instance', multi: true, refresh: 2, allValue: '.+' });
    for (const { name, query } of dashboard.templating.list.slice(1)) {
      const text = typeof query === 'string' ? query : query.query;
      const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(text) ?? [];
      expect(label, text).toBe(name);
      expect(parseExpression(substitute(selector, 60)).mistakes, text).toEqual([]);
      expect(unknownNames(substitute(selector, 60), known), text).toEqual([]);
    }
  });

  it('draws no panel over another, and numbers them once', () => {
    const cells = new Set<string>();
    for (const { gridPos, title } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect(x + w, title).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column += 1) {
        for (let line = y; line < y + h; line += 1) {
          expect(cells.has(`${column} ${line}`), `${title} lies over another`).toBe(false);
          cells.add(`${column} ${line}`);
        }
      }
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});

describe.each(shownPanels())('$dashboard: $panel.title', ({ panel }) => {
  it('has title, description, unit, datasource and something to show', () => {
    expect(panel.title).toMatch(/^[A-Z].{2,60}$/);
    expect(panel.description ?? '').toMatch(/^.{20,300}[.]$/);
    expect(panel.fieldConfig?.defaults.unit ?? '').toMatch(/^[a-zA-Z]+$/);
    for (const { uid } of [panel, ...(panel.targets ?? [])].map((one) => one.datasource ?? { uid: '' })) {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own syntax for a variable
      expect(uid).toBe('${datasource}');
    }
    expect(panel.targets?.length ?? 0).toBeGreaterThan(0);
  });

  it('asks in PromQL for what exists, of the chosen instances only', () => {
    for (const { expr } of panel.targets ?? []) {
      const text = substitute(expr, 60);
      const { mistakes, selectors } = parseExpression(text);
      expect(mistakes, text).toEqual([]);
      expect(unknownNames(text, known), text).toEqual([]);
      for (const { text: written } of parseExpression(expr.replaceAll(/\$__\w+/g, '5m')).selectors) {
        expect(written).toContain('job=~"$job"');
        expect(written).toContain('instance=~"$instance"');
      }
      expect(selectors.length, text).toBeGreaterThan(0);
    }
  });

  it('says what an empty table, or a filtered graph, means', () => {
    const filtered = (panel.targets ?? []).every(({ expr }) => expr.endsWith(' > 0'));
    if (!filtered || panel.type === 'stat') return;
    expect(panel.fieldConfig?.defaults.noValue ?? '', panel.title).toMatch(/^[A-Z].{10,80}\.$/);
  });

  it('is not green when no proxy is scraped', () => {
    for (const { expr } of panel.targets ?? []) expect(expr, 'a zero from nowhere').not.toContain('vector(');
  });

  it('shows what a counter grows by, over the interval that fits the scrape', () => {
    expect(offences(panel)).toEqual([]);
  });
});

interface Exception {
  readonly dashboard: string;
  readonly panel: string;
  readonly rule: string;
  readonly reason: string;
}

const exceptions = (readYaml('grafana/dashboards/.lint') as { exceptions: readonly Exception[] }).exceptions;

it('every exception has a reason and is needed', () => {
  const needed = shownPanels().flatMap(({ dashboard, panel }) =>
    broken(panel).map((rule) => `${dashboard} ${panel.title} ${rule}`),
  );
  expect(exceptions.map(({ dashboard, panel, rule }) => `${dashboard} ${panel} ${rule}`).sort()).toEqual(needed.sort());
  for (const { reason } of exceptions) expect(reason.length).toBeGreaterThan(20);
});

function offences(panel: Panel): readonly string[] {
  return broken(panel).filter((rule) => !exceptions.some((one) => one.panel === panel.title && one.rule === rule));
}

function broken(panel: Panel): readonly string[] {
  const rules = new Set<string>();
  for (const { expr } of panel.targets ?? []) {
    const text = substitute(expr, 60);
    const { calls, selectors } = parseExpression(text);
    const grown = calls.filter(({ name }) => /^(rate|irate|increase)$/.test(name)).map((call) => call.text);
    for (const { metric, text: selector } of selectors) {
      const inside = grown.some((call) => call.includes(selector));
      if (COUNTERS.has(metric) && !inside) rules.add('target-counter-agg-rule');
      if (!COUNTERS.has(metric) && !metric.startsWith('process_cpu') && inside) rules.add('target-rate-of-gauge');
    }
    // Over the whole range a total is what people ask for; in a graph it would jump with the zoom.
    if (/\brate\([^[]*\[(?!\$__rate_interval)/.test(expr)) rules.add('target-rate-interval-rule');
    if (panel.type === 'timeseries' && expr.includes('increase(')) rules.add('target-rate-interval-rule');
  }
  return [...rules];
}
