/**
 * A dashboard as one static page: every panel where Grafana would put it, with the answers of its queries as number,
 * table or lines. No script, so that a picture of it needs nothing but a browser.
 */
import { type Dashboard, type Panel, substitute } from './mixin.ts';
import type { Prometheus, Series } from './prometheus.ts';

const WIDTH = 1600;
const CELL_WIDTH = WIDTH / 24;
const CELL_HEIGHT = 34;
const COLORS = ['#73bf69', '#f2cc0c', '#5794f2', '#ff9830', '#f2495c', '#b877d9', '#8ab8ff', '#c0d8ff'];

export interface Page {
  readonly html: string;
  readonly width: number;
  readonly height: number;
  /** Panels whose queries answered nothing. */
  readonly empty: readonly string[];
}

/** The last `seconds` of `dashboard`. */
export async function drawDashboard(dashboard: Dashboard, prometheus: Prometheus, seconds: number): Promise<Page> {
  const empty: string[] = [];
  const boxes: string[] = [];
  for (const panel of dashboard.panels) {
    const answers = await answersOf(panel, prometheus, seconds);
    if (panel.type !== 'row' && answers.every(({ series }) => series.length === 0)) empty.push(panel.title);
    boxes.push(box(panel, answers));
  }
  const height = Math.max(...dashboard.panels.map(({ gridPos }) => (gridPos.y + gridPos.h) * CELL_HEIGHT)) + 60;
  return { html: page(dashboard.title, boxes.join('\n')), width: WIDTH, height, empty };
}

interface Answer {
  readonly legend: string;
  readonly series: readonly Series[];
}

async function answersOf(panel: Panel, prometheus: Prometheus, seconds: number): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const { expr, legendFormat } of panel.targets ?? []) {
    const text = substitute(expr, seconds);
    const series =
      panel.type === 'timeseries' ? await prometheus.queryRange(text, seconds, 1) : await prometheus.query(text);
    answers.push({ legend: legendFormat, series });
  }
  return answers;
}

function page(title: string, boxes: string): string {
  return `<!doctype html><meta charset="utf-8"><title>${toHtml(title)}</title><style>
body{margin:0;background:#111217;color:#ccccdc;font:13px/1.35 sans-serif;width:${WIDTH}px}
h1{font-size:18px;margin:12px 16px;height:30px}
.grid{position:relative}
.panel{position:absolute;box-sizing:border-box;padding:6px 8px;background:#181b1f;border:3px solid #111217;overflow:hidden}
.row{position:absolute;left:8px;font-size:15px;font-weight:600;color:#fff}
h2{font-size:13px;margin:0 0 4px;color:#fff;font-weight:600}
.big{font-size:30px;font-weight:600;color:#111217;border-radius:3px;padding:2px 10px;text-align:center}
table{border-collapse:collapse;width:100%;font-size:12px}
th{text-align:left;color:#6e9fff;border-bottom:1px solid #333}
td{padding:1px 8px 1px 0;white-space:nowrap}
.key{display:inline-block;margin-right:12px;white-space:nowrap;font-size:11px}
.none{color:#777}
</style><h1>${toHtml(title)}</h1><div class="grid">${boxes}</div>`;
}

function box(panel: Panel, answers: readonly Answer[]): string {
  const { x, y, w, h } = panel.gridPos;
  const place = `left:${x * CELL_WIDTH}px;top:${y * CELL_HEIGHT}px;width:${w * CELL_WIDTH}px;height:${h * CELL_HEIGHT}px`;
  if (panel.type === 'row') return `<div class="row" style="top:${y * CELL_HEIGHT + 8}px">${toHtml(panel.title)}</div>`;
  return `<div class="panel" style="${place}"><h2>${toHtml(panel.title)}</h2>${inside(panel, answers)}</div>`;
}

function inside(panel: Panel, answers: readonly Answer[]): string {
  if (answers.every(({ series }) => series.length === 0))
    return `<div class="none">${toHtml(panel.fieldConfig?.defaults.noValue ?? 'No data')}</div>`;
  if (panel.type === 'stat') return numbers(panel, answers);
  return panel.type === 'table' ? rows(panel, answers) : lines(panel, answers);
}

function numbers(panel: Panel, answers: readonly Answer[]): string {
  const steps = panel.fieldConfig?.defaults.thresholds?.steps;
  return answers
    .flatMap(({ legend, series }) => series.map((one) => ({ legend, one })))
    .map(({ legend, one }) => {
      const value = one.points.at(-1)?.[1] ?? Number.NaN;
      const color = steps?.filter((step) => step.value === null || value >= step.value).at(-1)?.color ?? '#ccccdc';
      const { mappings = [] } = panel.fieldConfig?.defaults ?? {};
      const word = mappings.find(({ options }) => value >= options.from && value <= options.to)?.options.result.text;
      const text = panel.options?.textMode === 'name' ? fill(legend, one.metric) : (word ?? print(panel, value));
      return `<div class="big" style="background:${color}">${toHtml(text)}</div>`;
    })
    .join('');
}

function rows(panel: Panel, answers: readonly Answer[]): string {
  const { indexByName = {}, renameByName = {} } = panel.transformations?.[0]?.options ?? {};
  const columns = Object.keys(indexByName).filter((name) => name !== 'Value');
  const head = [...columns, renameByName['Value'] ?? 'Value'].map((name) => `<th>${toHtml(name)}</th>`).join('');
  const body = answers
    .flatMap(({ series }) => series)
    .map(({ metric, points }) => {
      const cells = columns.map((name) => `<td>${toHtml(metric[name] ?? '')}</td>`).join('');
      return `<tr>${cells}<td>${print(panel, points.at(-1)?.[1] ?? Number.NaN)}</td></tr>`;
    });
  return `<table><tr>${head}</tr>${body.join('')}</table>`;
}

function lines(panel: Panel, answers: readonly Answer[]): string {
  const all = answers.flatMap(({ legend, series }) =>
    series.map(({ metric, points }) => ({ name: fill(legend, metric), points })),
  );
  const values = all.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  const times = all.flatMap(({ points }) => points.map(([seconds]) => seconds));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const top = Math.max(...values, Number.MIN_VALUE);
  const width = panel.gridPos.w * CELL_WIDTH - 90;
  const height = (panel.gridPos.h - 3) * CELL_HEIGHT;
  const colorOf = (name: string, index: number) =>
    panel.fieldConfig?.overrides.find(({ matcher }) => matcher.options === name)?.properties[0]?.value.fixedColor ??
    COLORS[index % COLORS.length];
  const drawn = all.map(({ name, points }, index) => {
    const path = points
      .filter(([, value]) => Number.isFinite(value))
      .map(([seconds, value]) => {
        const x = 70 + ((seconds - first) / Math.max(1, last - first)) * width;
        return `${x.toFixed(1)},${(height - (value / top) * (height - 8)).toFixed(1)}`;
      });
    return `<polyline fill="none" stroke="${colorOf(name, index)}" stroke-width="1.5" points="${path.join(' ')}"/>`;
  });
  const keys = all.map(({ name, points }, index) => {
    const value = points.at(-1)?.[1] ?? Number.NaN;
    const dot = `<span style="color:${colorOf(name, index)}">■</span>`;
    return `<span class="key">${dot} ${toHtml(name)} ${print(panel, value)}</span>`;
  });
  const axis = `<text x="2" y="12" fill="#888" font-size="11">${print(panel, top)}</text><text x="2" y="${height}" fill="#888" font-size="11">0</text>`;
  return `<svg width="${width + 80}" height="${height + 4}">${axis}${drawn.join('')}</svg><div>${keys.join('')}</div>`;
}

function fill(legend: string, metric: Readonly<Record<string, string>>): string {
  return legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '');
}

/** As Grafana's units read, near enough. */
function print(panel: Panel, value: number): string {
  if (!Number.isFinite(value)) return '—';
  switch (panel.fieldConfig?.defaults.unit ?? 'none') {
    case 's':
      return duration(value);
    case 'percentunit':
      return `${(value * 100).toFixed(1)} %`;
    case 'bytes':
      return `${(value / 2 ** 20).toFixed(0)} MiB`;
    case 'Bps':
      return `${value.toFixed(0)} B/s`;
    case 'reqps':
      return `${value.toFixed(2)}/s`;
    case 'dateTimeFromNow':
      return `${duration(Math.max(0, Date.now() / 1000 - value / 1000))} ago`;
    default:
      return value.toFixed(panel.fieldConfig?.defaults.decimals ?? (Number.isInteger(value) ? 0 : 2));
  }
}

function duration(seconds: number): string {
  if (Math.abs(seconds) >= 172_800) return `${(seconds / 86_400).toFixed(1)} days`;
  if (Math.abs(seconds) >= 7200) return `${(seconds / 3600).toFixed(1)} h`;
  if (Math.abs(seconds) >= 120) return `${(seconds / 60).toFixed(1)} min`;
  return Math.abs(seconds) >= 1 ? `${seconds.toFixed(1)} s` : `${(seconds * 1000).toFixed(2)} ms`;
}

function toHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
