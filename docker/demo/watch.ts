/**
 * `npx --no node docker/demo/watch.ts ADDRESS:PORT`: the watching half of compose.yaml without a container engine. Scrapes the
 * metrics at that address (`npm run demo -- --keep` prints one) with the shipped Prometheus configuration and rules,
 * sends alerts to the shipped Alertmanager configuration, and prints what the first row of the overview says, what the
 * pager gets, and which page to open.
 *
 * Needs `prometheus` and `alertmanager` (Debian: prometheus, prometheus-alertmanager) on the PATH. Grafana it needs not:
 * the queries are those of the panels. Ends with Ctrl-C; keeps nothing.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { OVERVIEW } from '../grafana/overview.ts';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const LOOK_MS = 1000;
const READY_MS = 20_000;
const [target = '', prometheusPort = '9090', alertmanagerPort = '9093', pagerPort = '9095'] = process.argv.slice(2);
if (!/^[\w.:[\]-]+:\d+$/.test(target)) {
  process.stderr.write(
    'usage: npx --no node docker/demo/watch.ts ADDRESS:PORT [PROMETHEUS-PORT ALERTMANAGER-PORT PAGER-PORT]\n',
  );
  process.exit(2);
}

const dir = mkdtempSync(join(tmpdir(), 'pinwarden-watch-'));
const children: ChildProcess[] = [];
const startedMs = performance.now();
const say = (text: string): void => {
  process.stdout.write(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);
};

function end(code: number): never {
  for (const child of children) child.kill('SIGTERM');
  rmSync(dir, { recursive: true, force: true });
  process.exit(code);
}

function start(names: readonly string[], ...words: readonly string[]): void {
  const name = names.find((one) => spawnSync(one, ['--version']).status === 0);
  if (name === undefined) {
    process.stderr.write(
      `${names.join(' or ')} is not on the PATH; Debian: apt-get install prometheus prometheus-alertmanager\n`,
    );
    end(1);
  }
  const child = spawn(name, words, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  let last = '';
  child.stderr.on('data', (chunk: Buffer) => (last = chunk.toString().trim().split('\n').at(-1) ?? ''));
  child.once('exit', (code) => {
    process.stderr.write(`${name} ended (${code}): ${last}\n`);
    end(1);
  });
  children.push(child);
}

/** The shipped files, at other addresses. */
function configure(): void {
  cpSync(join(HERE, 'prometheus'), dir, { recursive: true });
  const moved = (file: string, ...pairs: readonly (readonly [string, string])[]): string =>
    pairs.reduce((text, [from, to]) => text.replaceAll(from, to), readFileSync(join(HERE, file), 'utf8'));
  const scrape = moved(
    'prometheus/prometheus.yml',
    ['127.0.0.1:9464', target],
    ['127.0.0.1:9093', `127.0.0.1:${alertmanagerPort}`],
  );
  writeFileSync(join(dir, 'prometheus.yml'), scrape);
  const route = moved('alertmanager/alertmanager.yml', ['127.0.0.1:9095', `127.0.0.1:${pagerPort}`]);
  writeFileSync(join(dir, 'alertmanager.yml'), route);
}

interface Notification {
  readonly alerts?: readonly {
    readonly status: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

function listenAsPager(): void {
  createServer(async (request, response) => {
    request.setEncoding('utf8');
    const text = (await request.toArray()).join('');
    response.end();
    for (const { status, labels, annotations } of (JSON.parse(text) as Notification).alerts ?? []) {
      say(`${request.url} ${status} ${labels['severity']} ${labels['alertname']}: ${annotations['summary']}`);
      if (status === 'firing') say(`   open docker/runbooks/${labels['alertname']}.md`);
    }
  }).listen(Number(pagerPort), '127.0.0.1');
}

/** The value that a stat of the overview shows; null: nothing. */
async function ask(expr: string): Promise<string | null> {
  const everywhere = expr.replaceAll(/\$(job|instance)\b/g, '.+').replaceAll('$__range', '1h');
  const url = `http://127.0.0.1:${prometheusPort}/api/v1/query?query=${encodeURIComponent(everywhere)}`;
  const answer = (await (await fetch(url)).json()) as {
    data: { result: readonly { value: readonly [number, string] }[] };
  };
  return answer.data.result[0]?.value[1] ?? null;
}

async function watch(): Promise<never> {
  const panels = OVERVIEW.rows[0]?.panels.slice(0, 5) ?? [];
  const shown = new Map<string, string>();
  for (;;) {
    for (const { title, targets, empty = 'nothing' } of panels) {
      const answer = await ask(targets[0]?.expr ?? '');
      const value = answer === null ? empty : Number(answer).toFixed(0);
      if (shown.get(title) !== value) say(`panel "${title}": ${value}`);
      shown.set(title, value);
    }
    await pause(LOOK_MS);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end(0));
configure();
listenAsPager();
const loopback = (port: string): string => `--web.listen-address=127.0.0.1:${port}`;
start(['prometheus'], '--config.file=prometheus.yml', '--storage.tsdb.path=data', loopback(prometheusPort));
start(
  ['prometheus-alertmanager', 'alertmanager'],
  ...[
    '--config.file=alertmanager.yml',
    '--storage.path=alerts',
    '--cluster.listen-address=',
    loopback(alertmanagerPort),
  ],
);
const ready = async (): Promise<boolean> =>
  await fetch(`http://127.0.0.1:${prometheusPort}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
while (!(await ready()) && performance.now() - startedMs < READY_MS) await pause(LOOK_MS / 10);
say(`Prometheus at http://127.0.0.1:${prometheusPort}/alerts, Alertmanager at http://127.0.0.1:${alertmanagerPort}`);
await watch();
