/** `demo [--keep]`: upstreams on loopback, one policy, requests through the real proxy, and why each went as it did. */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../host/clock.ts';
import { readText } from '../host/files.ts';
import { printListen } from '../runtime/bind.ts';
import { judgeEnvironment } from '../runtime/environment.ts';
import type { Supervisor } from '../runtime/supervisor.ts';
import { startSupervisor } from '../runtime/supervisor-start.ts';
import { askThrough, type Reply } from './demo-client.ts';
import { SCENES, type Scene, type Stage, setStage } from './demo-stage.ts';
import type { Io } from './io.ts';
import { versions } from './version.ts';

const MAX_PEM_BYTES = 64 * 1024;
const MARKS = { allow: '+', alert: '!', block: 'x', error: '?' } as const;
/** Tunnels of the demo are ours: nobody waits for them. */
const DRAIN_MS = 200;

/** @returns 0 when every verdict is as the story says, 1 otherwise, 2 for a wrong command line. */
export async function runDemo(argv: readonly string[], io: Io): Promise<number> {
  const keep = keepArgument(argv, io);
  if (keep === null) return 2;
  const stage = await setStage(systemClock);
  try {
    const supervisor = await startProxy(stage, io);
    try {
      return await play(stage, supervisor, keep, io);
    } finally {
      await supervisor.drain(DRAIN_MS);
    }
  } finally {
    stage.close();
  }
}

function keepArgument(argv: readonly string[], io: Io): boolean | null {
  try {
    const options = { keep: { type: 'boolean', default: false } } as const;
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values.keep;
  } catch (thrown) {
    io.err(`pinwarden: ${thrown instanceof Error ? thrown.message : String(thrown)}\nusage: pinwarden demo [--keep]\n`);
    return null;
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

async function play(stage: Stage, supervisor: Supervisor, keep: boolean, io: Io): Promise<number> {
  const proxyPort = supervisor.bound[0]?.port ?? 0;
  const caPem = readText(stage.caFile, MAX_PEM_BYTES);
  io.out(`pinwarden demo: ${SCENES.length} hosts on loopback, one policy, the real proxy; no network is used\n\n`);
  let asExpected = true;
  for (const scene of SCENES) {
    const reply = await askThrough({ proxyPort, host: scene.host, port: stage.port, caPem });
    asExpected = verdictOf(reply) === scene.expected && asExpected;
    io.out(printScene(scene, reply));
  }
  io.out(await printCounts(supervisor));
  io.out(
    asExpected
      ? 'every verdict is as the story says\nnext: npm start, then: curl -x http://127.0.0.1:3128 --cacert <CA file> https://…\n'
      : 'A VERDICT IS NOT AS THE STORY SAYS\n',
  );
  if (keep) await keepRunning(stage, supervisor, proxyPort, io);
  return asExpected ? 0 : 1;
}

function verdictOf({ status, proxyStatus }: Reply): 'allow' | 'alert' | 'block' | 'error' {
  if (status === 200) return proxyStatus === null ? 'allow' : 'alert';
  return proxyStatus?.includes('error=tls_certificate_error') === true ? 'block' : 'error';
}

function printScene(scene: Scene, reply: Reply): string {
  const verdict = verdictOf(reply);
  const { problem } = reply;
  const lines = [
    `${MARKS[verdict]} ${scene.host.padEnd(22)} ${verdict.toUpperCase().padEnd(6)} ${reply.status}`,
    `    upstream      ${scene.story}`,
    `    why           ${scene.why}`,
  ];
  if (reply.proxyStatus !== null) lines.push(`    Proxy-Status  ${reply.proxyStatus}`);
  if (problem !== null) {
    // The facts in brackets are those of the two lists below.
    lines.push(`    detail        ${String(problem['detail']).replace(/ \(.*/s, '')}`);
    for (const key of ['expected', 'observed']) {
      const value = problem[key];
      if (Array.isArray(value) && value.length > 0) lines.push(`    ${key.padEnd(13)} ${value.map(String).join(', ')}`);
    }
  }
  if (reply.body !== null) lines.push(`    relayed       ${reply.body}`);
  return `${lines.join('\n')}\n\n`;
}

/** The same story as Prometheus sees it. */
async function printCounts(supervisor: Supervisor): Promise<string> {
  const text = await supervisor.metricsText();
  const shown = text.split('\n').filter((line) => /^pinwarden_(verdicts|pin_hits|pin_failures)_total\{/.test(line));
  return `metrics\n${shown
    .filter((line) => !line.endsWith(' 0'))
    .map((line) => `    ${line}`)
    .join('\n')}\n\n`;
}

async function keepRunning(stage: Stage, supervisor: Supervisor, proxyPort: number, io: Io): Promise<void> {
  const curls = SCENES.map(
    ({ host }) => `  curl -i -x http://127.0.0.1:${proxyPort} --cacert ${stage.caFile} https://${host}:${stage.port}/`,
  );
  const { metricsAddress } = supervisor.served;
  const metrics = metricsAddress === null ? '' : `  curl http://${printListen(metricsAddress)}/metrics\n`;
  io.out(`\nkept running; Ctrl-C ends it and removes ${stage.directory}\n${curls.join('\n')}\n${metrics}`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
