/** `run [-c FILE] [--json]`: the proxy, in the foreground, until a signal ends it. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../host/clock.ts';
import { printListen } from '../runtime/bind.ts';
import { judgeEnvironment } from '../runtime/environment.ts';
import type { Supervisor } from '../runtime/supervisor.ts';
import { StartError, startSupervisor } from '../runtime/supervisor-start.ts';
import { type FirstScreen, firstScreenJson, IN_CLONE, printFirstScreen } from './first-screen.ts';
import type { Io } from './io.ts';
import { DEFAULT_CONFIG } from './policy-files.ts';
import { createScreen } from './screen.ts';
import { type Signals, takeSignals } from './signals.ts';
import { CommandError, EXIT_NO, readArguments, UsageError, withUsage } from './usage.ts';
import { versions } from './version.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIG },
  json: { type: 'boolean', default: false },
} as const;
/** What a second signal leaves the tunnels. */
const HURRY_MS = 500;

/** @returns 0 after a drain, 1 when the start was refused, 2 for a wrong command line. */
export async function runRun(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('run', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    if (positionals.length > 0) throw new UsageError('takes no names: -c FILE names the configuration');
    const environment = judgeEnvironment(io.env);
    for (const line of [...environment.refusals, ...environment.warnings]) io.err(`pinwarden: ${line}\n`);
    if (environment.refusals.length > 0) return EXIT_NO;
    return run(values, environment.workerEnv, io);
  });
}

interface Options {
  readonly config: string;
  readonly json: boolean;
}

async function run({ config, json }: Options, workerEnv: Readonly<Record<string, string>>, io: Io): Promise<number> {
  const signals = takeSignals();
  try {
    const supervisor = await startSupervisor({
      configPath: resolve(io.cwd, config),
      clock: systemClock,
      // A pause that nobody waits for any more must not keep the process: a second signal ends the drain's delay.
      pause: async (durationMs) => pause(durationMs, undefined, { ref: false }),
      log: (line) => io.err(`${new Date(systemClock.nowMs()).toISOString()} ${line}\n`),
      versions: versions(),
      workerEnv,
      cores: availableParallelism(),
      uid: process.getuid?.() ?? null,
    });
    const screen = screenOf(supervisor, io);
    io.out(json ? `${JSON.stringify(firstScreenJson(screen))}\n` : printFirstScreen(screen));
    return await serve(supervisor, signals, io);
  } catch (thrown) {
    if (!(thrown instanceof StartError)) throw thrown;
    throw new CommandError(thrown.lines.join('\n'), thrown.next);
  }
}

function screenOf(supervisor: Supervisor, io: Io): FirstScreen {
  const { cwd, env } = io;
  const { config, generation, ca, served } = supervisor;
  return {
    version: versions().version,
    nowMs: systemClock.nowMs(),
    config,
    policy: generation.policy,
    generation: generation.number,
    workers: supervisor.workers,
    cwd,
    screen: createScreen(io),
    // npm and npx say so; a package that is installed has its command in the path.
    command: env['npm_command'] === undefined ? 'pinwarden' : IN_CLONE,
    listening: supervisor.bound.map(printListen),
    metrics: served.metricsAddress === null ? null : printListen(served.metricsAddress),
    selfTest: served.selfTest,
    ca: { file: ca.certificateFile, sha256: ca.ca.sha256, notAfterMs: ca.ca.notAfterMs, created: ca.created },
  };
}

/** Resolves with the exit code when a signal has ended the proxy. */
async function serve(supervisor: Supervisor, signals: Signals, io: Io): Promise<number> {
  const { drainTimeoutMs } = supervisor.config.limits;
  return new Promise((resolve, reject) => {
    let asked = 0;
    const ending = (): void => {
      asked += 1;
      if (asked > 2) return;
      if (asked === 1) io.err('pinwarden: draining; a second signal cuts it short\n');
      supervisor.drain(asked === 1 ? drainTimeoutMs : HURRY_MS).catch(reject);
    };
    // Whoever asked for it: a signal, or the admin interface.
    supervisor.ended.then(({ finished, cut }) => {
      const noun = finished === 1 ? 'tunnel' : 'tunnels';
      io.err(`pinwarden: ended; ${finished} ${noun} finished, ${cut} ${cut === 1 ? 'was' : 'were'} cut\n`);
      resolve(0);
    }, reject);
    signals.handle(ending, () => supervisor.poke());
  });
}
