/** A Prometheus of the machine, on a free port of 127.0.0.1 with storage of its own, and the questions one asks it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEnv } from './client.ts';
import { freePorts } from './house.ts';
import { eventually } from './sockets.ts';

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds and value. */
  readonly points: readonly (readonly [number, number])[];
}

export interface RuleState {
  readonly name: string;
  readonly type: 'alerting' | 'recording';
  readonly health: string;
  readonly lastError?: string;
  readonly alerts?: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly state: string;
  }[];
}

export interface Prometheus {
  readonly port: number;
  /** Answers of an instant query; rejects with what Prometheus says about a bad one. */
  query(expr: string): Promise<readonly Series[]>;
  /** The last `seconds`, a point every `step`. */
  queryRange(expr: string, seconds: number, step: number): Promise<readonly Series[]>;
  rules(): Promise<readonly RuleState[]>;
  /** Samples of the newest scrape of the job. */
  lastScrape(): Promise<{ readonly health: string; readonly lastError: string }>;
  stop(): Promise<void>;
}

/**
 * Scrapes `targetPort` as job `pinwarden` every so many seconds and evaluates `ruleFiles` as often. A scrape that takes
 * longer has failed, and its target is down.
 */
export async function startPrometheus(
  targetPort: number,
  ruleFiles: readonly string[],
  everySeconds = 1,
): Promise<Prometheus> {
  const dir = mkdtempSync(join(tmpdir(), 'pinwarden-prometheus-'));
  const [port = 0] = await freePorts(1);
  const every = `${everySeconds}s`;
  const config = {
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: ruleFiles,
    scrape_configs: [{ job_name: 'pinwarden', static_configs: [{ targets: [`127.0.0.1:${targetPort}`] }] }],
  };
  // JSON is YAML.
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config));
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { env: plainEnv(), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString('utf8');
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const stop = async () => {
    await end(child);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await eventually('prometheus is ready', async () => await isReady(child, port), 60_000);
  } catch (cause) {
    await stop();
    throw new Error(`prometheus did not start:\n${output}`, { cause });
  }
  return clientOf(port, stop);
}

function clientOf(port: number, stop: () => Promise<void>): Prometheus {
  return {
    port,
    stop,
    async query(expr) {
      const { resultType, result } = await ask<Result>(port, '/api/v1/query', { query: expr });
      if (resultType === 'scalar') return [{ metric: {}, points: [point(result as unknown as Point)] }];
      return result.map(({ metric, value }) => ({ metric, points: value === undefined ? [] : [point(value)] }));
    },
    async queryRange(expr, seconds, step) {
      const now = Date.now() / 1000;
      const times = { start: String(now - seconds), end: String(now), step: String(step) };
      const { result } = await ask<Result>(port, '/api/v1/query_range', { query: expr, ...times });
      return result.map(({ metric, values = [] }) => ({ metric, points: values.map(point) }));
    },
    async rules() {
      const { groups } = await ask<{ groups: readonly { rules: readonly RuleState[] }[] }>(port, '/api/v1/rules', {});
      return groups.flatMap(({ rules }) => rules);
    },
    async lastScrape() {
      const { activeTargets } = await ask<{ activeTargets: readonly { health: string; lastError: string }[] }>(
        port,
        '/api/v1/targets',
        {},
      );
      return activeTargets[0] ?? { health: 'none', lastError: 'no target' };
    },
  };
}

type Point = readonly [number, string];

interface Result {
  readonly resultType: string;
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value?: Point;
    readonly values?: readonly Point[];
  }[];
}

function point([seconds, value]: Point): readonly [number, number] {
  return [seconds, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value)];
}

async function ask<T>(port: number, path: string, fields: Readonly<Record<string, string>>): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${port}${path}?${new URLSearchParams(fields).toString()}`);
  const answer = (await response.json()) as { status: string; error?: string; data: T };
  if (answer.status !== 'success') throw new Error(`${answer.error ?? response.status}: ${fields['query'] ?? path}`);
  return answer.data;
}

async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`exit ${child.exitCode}`);
  return await fetch(`http://127.0.0.1:${port}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
