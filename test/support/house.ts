/**
 * The whole proxy as people run it: `main.ts run` on free ports of 127.0.0.1, with a configuration in a directory of
 * its own. What came out is read where the outside reads it: replies, /metrics, the audit file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { plainEnv } from './client.ts';
import { spkiDigest } from './keys.ts';
import { closeServer, eventually, listen } from './sockets.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A rule as a policy file holds it; `allowPrivate` for loopback is added, since every test upstream lives there. */
export type RuleYaml = Readonly<Record<string, unknown>> & { readonly name: string; readonly match: readonly string[] };

export interface Reachable {
  readonly host: string;
  readonly port: number;
}

export interface HouseOptions {
  /** PEM of what the proxy trusts upstream. */
  readonly anchors: string;
  /** Hosts that are dialled at 127.0.0.1, with their ports. */
  readonly upstreams: readonly Reachable[];
  readonly rules: readonly RuleYaml[];
  /** Other keys of the policy file. */
  readonly policy?: Readonly<Record<string, unknown>>;
  /** Keys of pinwarden.yaml; they replace those of the harness. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly limits?: Readonly<Record<string, number>>;
  readonly workers?: number;
  /** Ports to use instead of free ones: proxy and metrics. */
  readonly ports?: readonly [number, number];
  /** Puts further files into its directory before the start. */
  readonly prepare?: (dir: string) => void;
}

/** `pins:` that an issuer's key satisfies, with the spare that an enforcing rule must have. */
export function pinnedTo(...pins: readonly string[]) {
  return { anyOf: [...pins.map((ca) => ({ ca })), { ca: SPARE_PIN, backup: true }] };
}

/** A key that nobody uses. */
const SPARE_PIN = `sha256/${spkiDigest(Buffer.from('spare'))}`;

export type AuditLine = Readonly<Record<string, unknown>>;

export interface House {
  readonly port: number;
  readonly metricsPort: number;
  readonly pid: number;
  readonly dir: string;
  /** The CA that clients must trust. */
  readonly caFile: string;
  /** What the process wrote so far. */
  output(): string;
  /** The audit file so far, both lines of every tunnel. */
  audit(): readonly AuditLine[];
  /** The `verdict` line of an event; waits until it is there. */
  verdictOf(eventId: string): Promise<AuditLine>;
  metrics(): Promise<Metrics>;
  /** Replaces the policy file, without waiting. */
  writePolicy(rules: readonly RuleYaml[], more?: Readonly<Record<string, unknown>>): void;
  /** Replaces the policy file and waits until a new generation serves. */
  reload(rules: readonly RuleYaml[], more?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Pids of the process and its workers. */
  pids(): readonly number[];
  /** SIGTERM, and the exit code when all is read that it wrote. The directory goes too. */
  stop(): Promise<number | null>;
}

const LOOPBACK = ['127.0.0.0/8'];

export async function startHouse(options: HouseOptions): Promise<House> {
  const dir = mkdtempSync(join(tmpdir(), 'pinwarden-'));
  const [port, metricsPort] = options.ports ?? (await freePorts(2));
  const writePolicy = (rules: readonly RuleYaml[], more: Readonly<Record<string, unknown>> = {}) => {
    const whole = { version: 1, ...more, rules: rules.map((rule) => ({ allowPrivate: LOOPBACK, ...rule })) };
    writeFileSync(join(dir, 'policy.yaml'), `${JSON.stringify(whole, null, 1)}\n`);
  };
  writeFileSync(join(dir, 'anchors.pem'), options.anchors);
  writePolicy(options.rules, options.policy);
  writeFileSync(join(dir, 'pinwarden.yaml'), JSON.stringify(configOf(options, port!, metricsPort!), null, 1));

  options.prepare?.(dir);
  const child = spawn(process.execPath, [MAIN, 'run', '-c', join(dir, 'pinwarden.yaml')], {
    cwd: dir,
    env: plainEnv(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collectOutput(child);
  // Not `exit`: what the process wrote last may still be on its way then.
  const ended = once(child, 'close');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    const code = child.exitCode;
    rmSync(dir, { recursive: true, force: true });
    return code;
  };
  const house = houseOf({ child, dir, port: port!, metricsPort: metricsPort!, output, writePolicy, stop });
  try {
    await eventually('the proxy is ready', async () => await isReady(child, metricsPort!), 100_000);
  } catch (cause) {
    await stop();
    throw new Error(`the proxy did not start:\n${output()}`, { cause });
  }
  return house;
}

function configOf(options: HouseOptions, port: number, metricsPort: number): Readonly<Record<string, unknown>> {
  const { upstreams, limits, workers = 1 } = options;
  const hosts = Object.fromEntries(upstreams.map(({ host }) => [host, ['127.0.0.1']]));
  return {
    version: 1,
    listen: [{ address: '127.0.0.1', port }],
    metrics: { address: '127.0.0.1', port: metricsPort },
    anchors: ['anchors.pem'],
    egress: { ports: [443, 80, ...new Set(upstreams.map((one) => one.port))], hosts },
    unmatched: { checks: { ct: 'off' } },
    policies: ['policy.yaml'],
    workers,
    ...(limits === undefined ? {} : { limits }),
    ...options.config,
  };
}

interface Parts {
  readonly child: ChildProcess;
  readonly dir: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly output: () => string;
  readonly writePolicy: (rules: readonly RuleYaml[], more?: Readonly<Record<string, unknown>>) => void;
  readonly stop: () => Promise<number | null>;
}

function houseOf(parts: Parts): House {
  const { child, dir, port, metricsPort, output, writePolicy, stop } = parts;
  const audit = () => readAudit(dir);
  const metrics = async () => parseMetrics(await get(metricsPort, '/metrics'));
  return {
    port,
    metricsPort,
    pid: child.pid ?? 0,
    dir,
    caFile: join(dir, 'ca.pem'),
    output,
    audit,
    metrics,
    writePolicy,
    stop,
    pids: () => [child.pid ?? 0, ...childrenOf(child.pid ?? 0)],
    async verdictOf(eventId) {
      const find = () => audit().find((line) => line['event.id'] === eventId && line['event.action'] === 'verdict');
      await eventually(`a verdict line for ${eventId}`, () => find() !== undefined);
      return find()!;
    },
    async reload(rules, more) {
      const before = (await metrics()).value('pinwarden_config_generation');
      writePolicy(rules, more);
      child.kill('SIGHUP');
      const taken = async () => (await metrics()).value('pinwarden_config_generation') > before;
      await eventually('a new generation', taken, 60_000).catch((cause) => {
        throw new Error(`the reload was not taken:\n${output()}`, { cause });
      });
    },
  };
}

function collectOutput(child: ChildProcess): () => string {
  let text = '';
  const add = (chunk: Buffer) => {
    text += chunk.toString('utf8');
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  return () => text;
}

async function isReady(child: ChildProcess, metricsPort: number): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) throw new Error(`exit ${child.exitCode}`);
  return await get(metricsPort, '/readyz').then(
    () => true,
    () => false,
  );
}

async function get(port: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return text;
}

/** Linux gives from 32768 on (ip(7), ip_local_port_range), others from 49152 on (RFC 6335 §6). */
const FIRST_PORT = 20_000;
const AFTER_LAST_PORT = 32_000;
/** So many that are taken in a row: something is wrong with the machine. */
const MAX_TAKEN_PORTS = 1000;

/**
 * Ports of 127.0.0.1 for processes that must be told theirs. Nobody listens there, and nobody else is told them.
 *
 * One that was found by listening on port 0 and closing again is the kernel's to give away: to the next server of
 * whatever test runs beside, or to a client that then talks to itself. So these lie below the range that the kernel
 * gives from, and each is claimed until this process ends, also towards other processes that ask here.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let taken = 0; ports.length < count; ) {
    const port = randomInt(FIRST_PORT, AFTER_LAST_PORT);
    if ((await isClaimed(port)) && (await isFree(port))) ports.push(port);
    else if (++taken > MAX_TAKEN_PORTS) throw new Error(`no free port from ${FIRST_PORT} to ${AFTER_LAST_PORT}`);
  }
  return ports;
}

/** The claim is the UDP port of the same number, which nothing uses here. It ends with the process. */
async function isClaimed(port: number): Promise<boolean> {
  const claim = createSocket('udp4');
  try {
    claim.bind({ port, address: '127.0.0.1', exclusive: true });
    await once(claim, 'listening');
    claim.unref();
    return true;
  } catch {
    claim.close();
    return false;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await listen(server, port);
    return true;
  } catch {
    return false;
  } finally {
    await closeServer(server);
  }
}

/** Limits of a proxy whose clients do much at once on a busy machine: none of them is what the test is about. */
export function patientLimits(timeoutMs: number): Readonly<Record<string, number>> {
  return {
    handshakesPerClient: 1000,
    headTimeoutMs: timeoutMs,
    dialTimeoutMs: timeoutMs,
    handshakeTimeoutMs: timeoutMs,
    helloTimeoutMs: timeoutMs,
  };
}

/** A line is there when its end is: the process may be in the middle of the next one. */
function readAudit(dir: string): AuditLine[] {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => /audit.*\.ndjson$/.test(file));
  return files.flatMap((file) =>
    readFileSync(join(dir, file), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as AuditLine),
  );
}

/** The workers of a supervisor that runs in the process. */
export function workersOf(pid: number): number[] {
  return childrenOf(pid).filter((one) => {
    try {
      return readFileSync(`/proc/${one}/cmdline`, 'utf8').includes('runtime/worker.ts');
    } catch {
      // It has gone meanwhile.
      return false;
    }
  });
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

export interface Metrics {
  /** Sum over all series of `name` whose labels include `labels`; 0 when there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  /** Every series as written, for counting them. */
  readonly series: readonly string[];
}

/** Reads the Prometheus text format. */
export function parseMetrics(text: string): Metrics {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const parsed = lines.map((line) => {
    const match = /^([\w:]+)(?:\{(.*)\})? (\S+)/.exec(line);
    return { name: match?.[1] ?? '', labels: match?.[2] ?? '', value: Number(match?.[3]) };
  });
  return {
    series: lines.map((line) => line.slice(0, line.lastIndexOf(' '))),
    value(name, labels = {}) {
      const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
      return parsed
        .filter((one) => one.name === name && wanted.every((label) => one.labels.split(/,(?=\w+=")/).includes(label)))
        .reduce((sum, one) => sum + one.value, 0);
    },
  };
}
