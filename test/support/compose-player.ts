/**
 * Plays a compose file with `docker` alone: networks, volumes, then each service when those that it waits for are as
 * healthy, or as complete, as it asks. Knows the keys that our file uses and refuses the others.
 */
import { join } from 'node:path';
import { run } from './client.ts';
import type { Engine } from './engine.ts';
import { eventually } from './sockets.ts';

export interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly command?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, { readonly aliases?: readonly string[] }>>;
  readonly network_mode?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly tmpfs?: readonly string[];
  readonly ulimits?: Readonly<Record<string, number>>;
  readonly restart?: string;
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, object>>;
}

/** More than the machine of a test may grant. */
const MAX_FILES = 4096;

/** The words of `docker run` for a service. `directory` is that of the file. */
export function wordsOf(name: string, service: Service, directory: string): readonly string[] {
  const words: string[] = ['--detach', '--name', name];
  const say = (flag: string, ...values: readonly string[]) => {
    for (const value of values) words.push(flag, value);
  };
  const options: { readonly [key in keyof Required<Service>]: () => void } = {
    image: () => undefined,
    build: () => undefined,
    command: () => undefined,
    depends_on: () => undefined,
    restart: () => undefined,
    stop_grace_period: () => say('--stop-timeout', String(Number.parseInt(service.stop_grace_period ?? '', 10))),
    // Asked from here: podman would need a systemd to ask by itself.
    healthcheck: () => undefined,
    volumes: () => say('--volume', ...(service.volumes ?? []).map((one) => one.replace(/^\./, join(directory, '.')))),
    ports: () => say('--publish', ...(service.ports ?? [])),
    networks: () => say('--network', ...networksOf(name, service)),
    network_mode: () => say('--network', (service.network_mode ?? '').replace('service:', 'container:')),
    read_only: () => words.push('--read-only'),
    cap_drop: () => say('--cap-drop', ...(service.cap_drop ?? [])),
    security_opt: () => say('--security-opt', ...(service.security_opt ?? []).map((one) => one.replace(':true', ''))),
    environment: () =>
      say('--env', ...Object.entries(service.environment ?? {}).map(([key, value]) => `${key}=${value}`)),
    tmpfs: () => say('--tmpfs', ...(service.tmpfs ?? [])),
    ulimits: () =>
      say(
        '--ulimit',
        ...Object.entries(service.ulimits ?? {}).map(([key, value]) => `${key}=${Math.min(value, MAX_FILES)}`),
      ),
  };
  for (const key of Object.keys(service)) {
    const option = options[key as keyof Service];
    if (option === undefined) throw new Error(`${name}: ${key} is not known to the player`);
    option();
  }
  return [...words, service.image, ...(service.command ?? [])];
}

function networksOf(name: string, { networks = [] }: Service): readonly string[] {
  if (Array.isArray(networks)) return (networks as readonly string[]).map((one) => `${one}:alias=${name}`);
  const named = networks as Readonly<Record<string, { readonly aliases?: readonly string[] }>>;
  return Object.entries(named).map(([network, { aliases = [] }]) =>
    [`${network}:alias=${name}`, ...aliases.map((alias) => `alias=${alias}`)].join(),
  );
}

/** Starts everybody; answers when all are healthy that say how to ask. */
export async function play(engine: Engine, { services, networks, volumes }: Compose, directory: string): Promise<void> {
  for (const [name, { internal = false }] of Object.entries(networks))
    await engine.docker('network', 'create', ...(internal ? ['--internal'] : []), name);
  for (const name of Object.keys(volumes)) await engine.docker('volume', 'create', name);
  const waiting = new Map(Object.entries(services));
  while (waiting.size > 0) {
    const [name, service] = [...waiting].find(([, one]) =>
      Object.keys(one.depends_on ?? {}).every((other) => !waiting.has(other)),
    ) ?? ['', undefined];
    if (service === undefined) throw new Error(`${[...waiting.keys()].join()} wait for each other`);
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      if (condition === 'service_completed_successfully') await completed(engine, other);
      else await healthy(engine, other, services[other]);
    }
    await engine.docker('run', ...wordsOf(name, service, directory));
    waiting.delete(name);
  }
}

async function completed(engine: Engine, name: string): Promise<void> {
  if ((await engine.docker('wait', name)).trim() !== '0') throw new Error(await engine.docker('logs', name));
}

async function healthy(engine: Engine, name: string, service: Service | undefined): Promise<void> {
  try {
    await eventually(`${name} is healthy`, async () => await isHealthy(engine, name, service), 60_000);
  } catch (cause) {
    const { stdout, stderr } = await run(join(engine.bin, 'docker'), ['logs', '--tail', '20', name]);
    throw new Error(`${name} is not healthy:\n${stdout}${stderr}`, { cause });
  }
}

/** By the command of the service in its container, or by that of its image. */
export async function isHealthy(engine: Engine, name: string, service?: Service): Promise<boolean> {
  const [kind = '', ...command] = service?.healthcheck?.test ?? [];
  if (kind !== '' && kind !== 'CMD') throw new Error(`${name}: ${kind} needs a shell`);
  const words = kind === 'CMD' ? ['exec', name, ...command] : ['healthcheck', 'run', name];
  return (await run(join(engine.bin, 'docker'), words)).exitCode === 0;
}
