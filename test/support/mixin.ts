/** The mixin under docker/ as the tests read it: dashboards, rules, alerts, runbooks and every expression in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const DOCKER = fileURLToPath(new URL('../../docker', import.meta.url));

export interface Target {
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: { readonly uid: string };
  readonly refId: string;
}

export interface Panel {
  readonly id: number;
  readonly type: 'row' | 'stat' | 'timeseries' | 'table';
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Target[];
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly decimals?: number;
      readonly noValue?: string;
      readonly mappings?: readonly {
        readonly options: { readonly from: number; readonly to: number; readonly result: { readonly text: string } };
      }[];
      readonly thresholds?: { readonly steps: readonly { readonly color: string; readonly value: number | null }[] };
    };
    readonly overrides: readonly {
      readonly matcher: { readonly options: string };
      readonly properties: readonly { readonly value: { readonly fixedColor: string } }[];
    }[];
  };
  readonly links?: readonly { readonly title: string; readonly url: string }[];
  readonly options?: { readonly textMode?: string };
  readonly transformations?: readonly {
    readonly options: {
      readonly indexByName: Readonly<Record<string, number>>;
      readonly renameByName: Readonly<Record<string, string>>;
    };
  }[];
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly multi: boolean;
  readonly refresh: number;
  readonly query: string | { readonly query: string };
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly schemaVersion: number;
  readonly editable: boolean;
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const DASHBOARD_FILES = readdirSync(`${DOCKER}/grafana/dashboards`).filter((file) => file.endsWith('.json'));
export const RULE_FILES = ['pinwarden-rules.yml', 'pinwarden-alerts.yml'] as const;

export function readDashboard(file: string): Dashboard {
  return JSON.parse(readFileSync(`${DOCKER}/grafana/dashboards/${file}`, 'utf8')) as Dashboard;
}

export function readYaml(path: string): unknown {
  return parse(readFileSync(`${DOCKER}/${path}`, 'utf8'));
}

export function rulesIn(file: string): readonly Rule[] {
  const { groups } = readYaml(`prometheus/${file}`) as { groups: readonly { rules: readonly Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

export const ALERTS = rulesIn('pinwarden-alerts.yml');
export const RECORDINGS = rulesIn('pinwarden-rules.yml');

/** Every panel that shows something. */
export function shownPanels(): readonly { readonly dashboard: string; readonly panel: Panel }[] {
  return DASHBOARD_FILES.flatMap((file) =>
    readDashboard(file)
      .panels.filter(({ type }) => type !== 'row')
      .map((panel) => ({ dashboard: file, panel })),
  );
}

/** What Grafana puts in: all values of the variables, and the times that the test shows; a minute is one step there. */
export function substitute(expr: string, rangeSeconds: number, stepSeconds = 5): string {
  return expr
    .replaceAll('$__rate_interval', `${stepSeconds * 4}s`)
    .replaceAll('$__range:1m', `${rangeSeconds}s:${stepSeconds}s`)
    .replaceAll('$__range', `${rangeSeconds}s`)
    .replaceAll('$__interval', `${stepSeconds}s`)
    .replaceAll(/\$(job|instance|policy)\b/g, '.+');
}

export interface Runbook {
  readonly name: string;
  /** Expressions in the text that ask for a metric. */
  readonly expressions: readonly string[];
  /** Lines of its `sh` blocks. */
  readonly commands: readonly string[];
}

/** What a page asks its reader to type. */
export const RUNBOOKS: readonly Runbook[] = readdirSync(`${DOCKER}/runbooks`).map((name) => {
  const text = readFileSync(`${DOCKER}/runbooks/${name}`, 'utf8');
  const blocks = [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].map(([, body = '']) => body);
  const prose = text.replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
  return {
    name,
    expressions: [...prose.matchAll(/`([^`]*)`/g)]
      .map(([, code = '']) => code)
      .filter((code) => /(^|\W)(pinwarden|nodejs|process)_[a-z_]+|^up\{|:pinwarden_/.test(code)),
    commands: blocks.flatMap((body) => body.split('\n').map((line) => line.trim())).filter((line) => line !== ''),
  };
});
