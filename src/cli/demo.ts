/** `demo [--keep] [--json]`: upstreams on loopback, one policy, requests through the real proxy, and why each went as it did. */
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../host/clock.ts';
import { FileError, readText } from '../host/files.ts';
import { printListen } from '../runtime/bind.ts';
import { judgeEnvironment } from '../runtime/environment.ts';
import type { Supervisor } from '../runtime/supervisor.ts';
import { StartError, startSupervisor } from '../runtime/supervisor-start.ts';
import { columnsOf } from './columns.ts';
import { askThrough, type Reply } from './demo-client.ts';
import { SCENES, type Scene, type Stage, setStage } from './demo-stage.ts';
import type { Io } from './io.ts';
import { createScreen, type Screen } from './screen.ts';
import { CommandError, readArguments, UsageError, withUsage } from './usage.ts';
import { versions } from './version.ts';

const MAX_PEM_BYTES = 64 * 1024;
const MARKS = { allow: '+', alert: '!', block: 'x', error: '?' } as const;
/** Tunnels of the demo are ours: nobody waits for them. */
const DRAIN_MS = 200;

const OPTIONS = { keep: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } as const;

interface Options {
  readonly keep: boolean;
  readonly json: boolean;
}

/** @returns 0 when every verdict is as the story says, 1 otherwise, 2 for a wrong command line. */
export async function runDemo(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('demo', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    if (positionals.length > 0) throw new UsageError('takes no names');
    try {
      return await onStage(values, io);
    } catch (thrown) {
      if (thrown instanceof StartError) throw new CommandError(thrown.lines.join('\n'), 'pinwarden doctor');
      if (!(thrown instanceof FileError)) throw thrown;
      throw new CommandError(thrown.message, 'the demo needs a directory that it may write to: set TMPDIR');
    }
  });
}

async function onStage(options: Options, io: Io): Promise<number> {
  const stage = await setStage(systemClock);
  try {
    const supervisor = await startProxy(stage, io);
    try {
      return await play(stage, supervisor, options, io);
    } finally {
      await supervisor.drain(DRAIN_MS);
    }
  } finally {
    stage.close();
  }
}

async function startProxy(stage: Stage, io: Io): Promise<Supervisor> {
  return startSupervisor({
    configPath: stage.configFile,
    clock: systemClock,
    pause: async (durationMs) => pause(durationMs),
    log: (line) => io.err(`${line}\n`),
    versions: versions(),
    workerEnv: judgeEnvironment(io.env).workerEnv,
    cores: 1,
    uid: process.getuid?.() ?? null,
  });
}

async function play(stage: Stage, supervisor: Supervisor, { keep, json }: Options, io: Io): Promise<number> {
  const proxyPort = supervisor.bound[0]?.port ?? 0;
  const caPem = readText(stage.caFile, MAX_PEM_BYTES);
  const tell = (text: string): void => {
    if (!json) io.out(text);
  };
  const screen = createScreen(io);
  tell(`pinwarden demo: ${SCENES.length} hosts on loopback, one policy, the real proxy, no network\n\n`);
  const played: Played[] = [];
  for (const scene of SCENES) {
    const reply = await askThrough({ proxyPort, host: scene.host, port: stage.port, caPem });
    played.push({ scene, reply });
    tell(printScene(scene, reply, screen));
  }
  const asExpected = played.every(({ scene, reply }) => verdictOf(reply) === scene.expected);
  const counts = await countsOf(supervisor);
  tell(`metrics\n${counts.map((line) => `    ${line}`).join('\n')}\n\n`);
  tell(asExpected ? 'every verdict is as the story says\n' : 'A VERDICT IS NOT AS THE STORY SAYS\n');
  tell(asExpected ? NEXT_STEP : 'next: npx --no pinwarden doctor\n');
  const kept = keep ? keptAt(stage, supervisor) : null;
  if (json) io.out(`${JSON.stringify({ ok: asExpected, scenes: played.map(sceneJson), metrics: counts, kept })}\n`);
  if (kept !== null) await keepRunning(kept, tell);
  return asExpected ? 0 : 1;
}

const NEXT_STEP = 'next: npm start, which prints a curl line for hosts of the real network\n';

interface Played {
  readonly scene: Scene;
  readonly reply: Reply;
}

function sceneJson({ scene, reply }: Played): object {
  const { host, story, why, expected } = scene;
  const { status, proxyStatus, problem, body } = reply;
  return { host, story, why, expected, verdict: verdictOf(reply), status, proxyStatus, problem, relayed: body };
}

function verdictOf({ status, proxyStatus }: Reply): 'allow' | 'alert' | 'block' | 'error' {
  if (status === 200) return proxyStatus === null ? 'allow' : 'alert';
  return proxyStatus?.includes('error=tls_certificate_error') === true ? 'block' : 'error';
}

const VERDICT_TONES = { allow: 'good', alert: 'warn', block: 'bad', error: 'warn' } as const;
const NAME_WIDTH = 18;

function printScene(scene: Scene, reply: Reply, screen: Screen): string {
  const verdict = verdictOf(reply);
  const { problem } = reply;
  const field = (name: string, text: string): readonly string[] => screen.wrap(`    ${name}`.padEnd(NAME_WIDTH), text);
  const word = screen.paint(VERDICT_TONES[verdict], verdict.toUpperCase().padEnd(6));
  const lines = [
    `${MARKS[verdict]} ${scene.host.padEnd(22)} ${word} ${reply.status}`,
    ...field('upstream', scene.story),
    ...field('why', scene.why),
  ];
  if (reply.proxyStatus !== null) lines.push(...field('Proxy-Status', reply.proxyStatus));
  if (problem !== null) {
    // The facts in brackets are those of the two lists below.
    lines.push(...field('detail', String(problem['detail']).replace(/ \(.*/s, '')));
    for (const key of ['expected', 'observed']) {
      const values: readonly unknown[] = Array.isArray(problem[key]) ? problem[key] : [];
      lines.push(...values.flatMap((value, at) => keyLines(at === 0 ? key : '', String(value), screen)));
    }
  }
  if (reply.body !== null) lines.push(...field('relayed', reply.body));
  return `${lines.join('\n')}\n\n`;
}

/** A key whole, and its name beside it or under it. */
function keyLines(name: string, value: string, screen: Screen): readonly string[] {
  const head = `    ${name}`.padEnd(NAME_WIDTH);
  if (head.length + columnsOf(value) <= screen.width) return [`${head}${value}`];
  const [pin = '', ...words] = value.split(' ');
  return [`${head}${pin}`, ...screen.wrap(' '.repeat(NAME_WIDTH + 2), words.join(' '))];
}

/** The same story as Prometheus sees it. */
async function countsOf(supervisor: Supervisor): Promise<readonly string[]> {
  const text = await supervisor.metricsText();
  const shown = text.split('\n').filter((line) => /^pinwarden_(verdicts|pin_hits|pin_failures)_total\{/.test(line));
  return shown.filter((line) => !line.endsWith(' 0'));
}

/** Where a demo that goes on is reached. */
interface Kept {
  readonly directory: string;
  readonly proxy: string;
  readonly caFile: string;
  readonly urls: readonly string[];
  readonly statusPage: string | null;
}

function keptAt({ directory, caFile, port }: Stage, supervisor: Supervisor): Kept {
  const { metricsAddress } = supervisor.served;
  return {
    directory,
    proxy: `http://127.0.0.1:${supervisor.bound[0]?.port ?? 0}`,
    caFile,
    urls: SCENES.map(({ host }) => `https://${host}:${port}/`),
    statusPage: metricsAddress === null ? null : `http://${printListen(metricsAddress)}/`,
  };
}

async function keepRunning({ directory, proxy, caFile, urls, statusPage }: Kept, tell: (text: string) => void) {
  const curls = urls.map((url) => `  curl -i -x ${proxy} --cacert ${caFile} ${url}\n`);
  const page = statusPage === null ? '' : `  ${statusPage}  the status page; ${statusPage}metrics\n`;
  const why = `  npx --no pinwarden why EVENT -c ${directory}/pinwarden.yaml\n`;
  tell(`\nkept running; Ctrl-C ends it and removes ${directory}\n${curls.join('')}${why}${page}`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
