/**
 * From a short description of rows and panels to a Grafana dashboard in the classic JSON model, which loads in
 * Grafana 10 to 13.
 *
 * Does: lay panels out on Grafana's 24 columns; add the variables that every dashboard of a mixin has.
 * Does not: know a metric.
 */

export interface Target {
  readonly expr: string;
  /** `{{label}}` or text; tables show their labels instead. */
  readonly legend: string;
}

export interface Panel {
  readonly kind: 'stat' | 'timeseries' | 'table';
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  /** Columns of 24. */
  readonly width: number;
  readonly targets: readonly Target[];
  /** From these values on, green, then orange, then red; null: no colours. */
  readonly steps?: readonly { readonly from: number | null; readonly color: string }[];
  /** Tables: labels in the order of their columns. */
  readonly columns?: readonly string[];
  /** Tables: name of the value's column. */
  readonly value?: string;
  /** Tables: the smallest first. */
  readonly rising?: boolean;
  /** What stands there when the query answers nothing: say whether that is good. */
  readonly empty?: string;
  /** Words for numbers: for one value, or for all from a first to a last. */
  readonly words?: readonly { readonly from: number; readonly to: number; readonly text: string }[];
  /** Graphs: legend → colour, where a colour means something. */
  readonly colors?: Readonly<Record<string, string>>;
  /** Stats: the legend is what is shown, not the number. */
  readonly legendOnly?: boolean;
  /** Alerts that this panel explains: links to their pages. */
  readonly alerts?: readonly string[];
}

export interface Row {
  readonly title: string;
  readonly height: number;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly refresh: string;
  /** A variable over the metrics groups. */
  readonly policies: boolean;
  readonly rows: readonly Row[];
}

const SCHEMA_VERSION = 39;
const COLUMNS = 24;
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own syntax for a variable
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const LETTERS = 'ABCDEFGH';
/** Where people read the runbooks: put yours in, as in the alerts (../README.md, Use it). */
const RUNBOOKS = 'https://pinwarden.example/runbooks';

/** As text, as it lies in the repository. */
export function printDashboard(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboardJson(dashboard), null, 2)}\n`;
}

function dashboardJson({ uid, title, description, refresh, policies, rows }: Dashboard) {
  return {
    uid,
    title,
    description,
    tags: ['pinwarden', 'pinwarden-mixin'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: false,
    graphTooltip: 1,
    timezone: 'utc',
    refresh,
    time: { from: 'now-3h', to: 'now' },
    annotations: { list: [RELOADS] },
    links: [
      {
        title: 'Pinwarden dashboards',
        type: 'dashboards',
        tags: ['pinwarden-mixin'],
        asDropdown: false,
        icon: 'external link',
        includeVars: true,
        keepTime: true,
        targetBlank: false,
      },
    ],
    templating: { list: variables(policies) },
    panels: place(rows),
  };
}

/** Lines across every graph where a generation became active: what changed is the first thing that one asks. */
const RELOADS = {
  name: 'Reloads',
  datasource: DATASOURCE,
  enable: true,
  hide: false,
  iconColor: 'blue',
  expr: 'sum by (instance) (changes(pinwarden_config_generation{job=~"$job",instance=~"$instance"}[1m])) > 0',
  step: '60s',
  titleFormat: 'policies reloaded',
  textFormat: '{{instance}}',
};

function variables(policies: boolean) {
  const source = {
    name: 'datasource',
    label: 'Data Source',
    type: 'datasource',
    query: 'prometheus',
    hide: 0,
    includeAll: false,
    multi: false,
    refresh: 1,
    regex: '',
  };
  const over = (name: string, label: string, query: string) => ({
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { query, refId: name },
    hide: 0,
    includeAll: true,
    allValue: '.+',
    multi: true,
    current: { text: ['All'], value: ['$__all'] },
    refresh: 2,
    sort: 1,
    regex: '',
  });
  return [
    source,
    over('job', 'Job', 'label_values(pinwarden_build_info, job)'),
    over('instance', 'Instance', 'label_values(pinwarden_build_info{job=~"$job"}, instance)'),
    ...(policies
      ? [over('policy', 'Policy', 'label_values(pinwarden_policy_info{job=~"$job",instance=~"$instance"}, policy)')]
      : []),
  ];
}

function place(rows: readonly Row[]) {
  const panels: object[] = [];
  let y = 0;
  let id = 0;
  for (const { title, height, panels: inRow } of rows) {
    panels.push({ id: ++id, type: 'row', title, collapsed: false, gridPos: { h: 1, w: COLUMNS, x: 0, y }, panels: [] });
    y += 1;
    let x = 0;
    for (const panel of inRow) {
      if (x + panel.width > COLUMNS) {
        x = 0;
        y += height;
      }
      panels.push({ id: ++id, ...panelJson(panel), gridPos: { h: height, w: panel.width, x, y } });
      x += panel.width;
    }
    y += height;
  }
  return panels;
}

function panelJson(panel: Panel) {
  const { kind, title, description, unit, targets, steps, empty, alerts = [] } = panel;
  const instant = kind !== 'timeseries';
  return {
    type: kind,
    title,
    description,
    ...(alerts.length === 0 ? {} : { links: alerts.map(runbookLink) }),
    datasource: DATASOURCE,
    targets: targets.map(({ expr, legend }, index) => ({
      refId: LETTERS[index],
      datasource: DATASOURCE,
      editorMode: 'code',
      expr,
      legendFormat: legend,
      instant,
      range: !instant,
      format: kind === 'table' ? 'table' : 'time_series',
    })),
    fieldConfig: {
      defaults: {
        unit,
        // What grew over a range is reckoned from samples and seldom whole.
        ...(instant && unit === 'short' ? { decimals: 0 } : {}),
        ...(empty === undefined ? {} : { noValue: empty }),
        color: { mode: steps === undefined ? 'palette-classic' : 'thresholds' },
        mappings: mappingsOf(panel),
        ...(steps === undefined
          ? {}
          : { thresholds: { mode: 'absolute', steps: steps.map(({ from, color }) => ({ color, value: from })) } }),
        ...(kind === 'timeseries'
          ? { min: 0, custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 10, showPoints: 'never' } }
          : {}),
      },
      overrides: overridesOf(panel),
    },
    ...optionsOf(panel),
  };
}

function runbookLink(alert: string) {
  return { title: `Runbook: ${alert}`, url: `${RUNBOOKS}/${alert}.md`, targetBlank: true };
}

function mappingsOf({ words = [] }: Panel) {
  return words.map(({ from, to, text }, index) => ({ type: 'range', options: { from, to, result: { index, text } } }));
}

function overridesOf({ colors = {} }: Panel) {
  return Object.entries(colors).map(([options, fixedColor]) => ({
    matcher: { id: 'byName', options },
    properties: [{ id: 'color', value: { mode: 'fixed', fixedColor } }],
  }));
}

function optionsOf({ kind, steps, columns = [], value = 'value', rising = false, legendOnly = false }: Panel) {
  const calcs = ['lastNotNull'];
  if (kind === 'timeseries') {
    return {
      options: {
        legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
    };
  }
  if (kind === 'stat') {
    const colorMode = steps === undefined ? 'none' : 'background';
    const textMode = legendOnly ? 'name' : 'auto';
    return { options: { colorMode, graphMode: 'none', justifyMode: 'auto', reduceOptions: { calcs }, textMode } };
  }
  const indexByName = Object.fromEntries([...columns, 'Value'].map((name, index) => [name, index]));
  return {
    options: { showHeader: true, cellHeight: 'sm', sortBy: [{ displayName: value, desc: !rising }] },
    transformations: [
      { id: 'organize', options: { excludeByName: { Time: true }, indexByName, renameByName: { Value: value } } },
    ],
  };
}
