/**
 * The start, in an order in which nothing serves before everything is right: configuration, CA, policies, sockets,
 * metrics address, workers, self-test. Whatever was opened is closed again when a later step fails.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../host/clock.ts';
import { FileError, listDirectory, makeDirectory, readText } from '../host/files.ts';
import type { Config, ListenAddress } from '../policy/config.ts';
import type { TextFile } from '../policy/load.ts';
import { type Mistake, printMistake } from '../policy/mistakes.ts';
import type { OwnEndpoint } from '../upstream/addresses.ts';
import type { Trust } from '../verify/trust.ts';
import { type OpenedAdmin, openAdmin } from './admin-routes.ts';
import { adminRoutes } from './admin-service.ts';
import { AdminSocketError, type OpenedSocket, openAdminSocket } from './admin-socket.ts';
import { BindError, type Bound, bindAddress } from './bind.ts';
import { CaFileError, lookAtCas, makeMissingCa, openCas } from './ca-files.ts';
import { createFetcher } from './create-fetcher.ts';
import type { Fetcher } from './fetcher.ts';
import { Fleet } from './fleet.ts';
import { type Generation, Generations, materialOf, type Step } from './generations.ts';
import { loadLastGood } from './last-good.ts';
import { decideConfig } from './reload.ts';
import { type SelfTestResult, selfTest } from './self-test.ts';
import { createSight, type Sight } from './sight.ts';
import { configStep, readConfigFile } from './sources.ts';
import { Supervisor, type SupervisorParts } from './supervisor.ts';
import { createSupervisorMetrics, type Versions } from './supervisor-metrics.ts';
import { TicketKeys } from './ticket-keys.ts';
import { anchorChoices } from './trust-files.ts';
import { buildTrust } from './trust-loader.ts';

export interface SupervisorOptions {
  /** Absolute path of pinwarden.yaml. */
  readonly configPath: string;
  readonly clock: Clock;
  readonly pause: (durationMs: number) => Promise<void>;
  /** One line for the operator, without its end. */
  readonly log: (line: string) => void;
  readonly versions: Versions;
  readonly workerEnv: Readonly<Record<string, string>>;
  readonly cores: number;
  /** Null where the system has no user ids. */
  readonly uid: number | null;
}

/** The start was refused; each line is for the operator, and `next` says what to do. */
export class StartError extends Error {
  readonly lines: readonly string[];
  readonly next: string;

  constructor(lines: readonly string[], next: string, cause?: unknown) {
    super(lines[0] ?? 'the start was refused', cause === undefined ? undefined : { cause });
    this.name = 'StartError';
    this.lines = lines;
    this.next = next;
  }
}

/** config/groups of the installation, under src/ and under dist/ alike. */
const GROUPS_DIRECTORY = fileURLToPath(new URL('../../config/groups', import.meta.url));
const MAX_GROUP_BYTES = 1024 * 1024;

const lookAgain = (configPath: string): string => `correct that; pinwarden doctor -c ${configPath} looks at the rest`;

/** Their messages are for the operator; with the next step. */
const OPERATOR_ERRORS: readonly (readonly [
  typeof AdminSocketError | typeof BindError | typeof CaFileError | typeof FileError,
  (configPath: string) => string,
])[] = [
  [BindError, (configPath) => `stop what listens there, or change the address in ${configPath}`],
  [AdminSocketError, lookAgain],
  [CaFileError, lookAgain],
  [FileError, lookAgain],
];

/** @throws StartError */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const opened: { close(): void }[] = [];
  try {
    return await start(options, opened);
  } catch (thrown) {
    for (const one of opened.toReversed()) one.close();
    if (thrown instanceof StartError) throw thrown;
    const kind = OPERATOR_ERRORS.find(([known]) => thrown instanceof known);
    if (kind === undefined) throw thrown;
    throw new StartError([(thrown as Error).message], kind[1](options.configPath), thrown);
  }
}

async function start(options: SupervisorOptions, opened: { close(): void }[]): Promise<Supervisor> {
  const { clock, log, versions } = options;
  const { config, configFile } = readConfig(options.configPath);
  makeDirectory(config.state);
  const caCreated = makeMissingCa(config.ca, clock.nowMs());
  const cas = openCas(config.ca, clock.nowMs(), options.uid);
  const generations = new Generations({
    configPath: options.configPath,
    clock,
    pause: options.pause,
    shippedGroups,
    lookAtCas: (asked, before) => lookAtCas(asked, before, clock.nowMs(), options.uid),
  });
  const first = generations.start(config, configFile, loadLastGood(config.state), cas);
  if (first.kind !== 'accepted') throw refusalOf(first, options.configPath);
  const bound = bindAll(config.listen, opened);
  const metrics = createSupervisorMetrics(versions);
  let supervisor: Supervisor | null = null;
  const admin = await openMetrics(options, config, () => supervisor, opened);
  const sight = createSight({
    state: config.state,
    clock,
    demand: (wanted) => fleet.watch(wanted),
    log,
    counts: metrics,
  });
  opened.push(sight);
  const control = await openControl(options, { config, sight, supervisor: () => supervisor }, opened);
  const own = endpointsOf([...bound, admin?.address ?? null, control?.address ?? null]);
  const fetching = { options, state: config.state, own, generations, changed: () => fleet.publishFetched() };
  const fetcher = createFetcher({ ...fetching, count: (kind, result) => metrics.fetched(kind, result) });
  opened.push({ close: () => fetcher.stop() });
  const tickets = new TicketKeys(clock, (ticketKeys) => fleet.renewTickets(ticketKeys));
  opened.push({ close: () => tickets.stop() });
  const fleet: Fleet = createFleet(options, {
    config,
    bound,
    own,
    generations,
    fetcher,
    sight,
    tickets,
    restarted: (why) => metrics.restarted(why),
  });
  const test = async (): Promise<SelfTestResult> => selfTest({ clock, trust: trustOf(currentOf(generations)) });
  const shared = { clock, pause: options.pause, log, config, caCreated };
  const works = { generations, fleet, fetcher, tickets, sight, metrics };
  const parts: SupervisorParts = { ...shared, ...works, bound, selfTest: test };
  supervisor = new Supervisor(parts);
  supervisor.announce();
  supervisor.record(first);
  await startFleet(fleet, options.configPath);
  const tested = await test();
  if (!tested.ok && tested.letThrough) {
    await fleet.drain(0);
    throw new StartError([`self-test: ${tested.why}; nothing is served`], 'do not use this installation; report it');
  }
  supervisor.open({
    metricsAddress: admin?.address ?? null,
    admin: admin?.server ?? null,
    control: control?.server ?? null,
    selfTest: tested,
  });
  return supervisor;
}

function refusalOf(step: Step, configPath: string): StartError {
  const lines = step.kind === 'refused' ? printMistakes(step.refused) : ['there is nothing to serve'];
  return new StartError(lines, checkStep(configPath));
}

/** Asked each time: whoever kept a generation would keep its texts and the key of its CA. */
function currentOf({ current }: Generations): Generation {
  if (current === null) throw new TypeError('no generation');
  return current;
}

/** Where this process itself listens: what no tunnel may lead to. */
function endpointsOf(listening: readonly (OwnEndpoint | null)[]): readonly OwnEndpoint[] {
  return listening.flatMap((one) => (one === null ? [] : [{ address: one.address, port: one.port }]));
}

function readConfig(configPath: string): { readonly config: Config; readonly configFile: TextFile } {
  try {
    const decided = decideConfig(readConfigFile(configPath), null);
    if (decided.ok) return decided;
    throw new StartError(printMistakes(decided.mistakes), checkStep(configPath));
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    throw new StartError([thrown.message], configStep(thrown), thrown);
  }
}

function bindAll(listen: readonly ListenAddress[], opened: { close(): void }[]): readonly Bound[] {
  return listen.map((one) => {
    const bound = bindAddress(one);
    opened.push(bound);
    return bound;
  });
}

async function openMetrics(
  { clock, versions }: SupervisorOptions,
  config: Config,
  supervisor: () => Supervisor | null,
  opened: { close(): void }[],
): Promise<OpenedAdmin | null> {
  if (config.metrics === null) return null;
  const admin = await openAdmin(config.metrics, {
    versions,
    nowMs: () => clock.nowMs(),
    samples: async () => (await supervisor()?.samples()) ?? [],
    readiness: () =>
      supervisor()?.readiness() ?? { policies: false, ca: false, listeners: false, audit: false, serving: false },
  });
  opened.push({
    close: () => {
      admin.server.close();
      admin.server.closeAllConnections();
    },
  });
  return admin;
}

interface ControlAsk {
  readonly config: Config;
  readonly sight: Sight;
  readonly supervisor: () => Supervisor | null;
}

/** Before workers start: they must never dial it. */
async function openControl(
  { clock, uid }: SupervisorOptions,
  { config, sight, supervisor }: ControlAsk,
  opened: { close(): void }[],
): Promise<OpenedSocket | null> {
  if (config.admin === null) return null;
  const routes = adminRoutes({ clock, sight, supervisor });
  const control = await openAdminSocket(config.admin, routes, uid);
  opened.push({
    close: () => {
      control.server.close();
      control.server.closeAllConnections();
    },
  });
  return control;
}

interface FleetAsk {
  readonly config: Config;
  readonly bound: readonly Bound[];
  readonly own: readonly ListenAddress[];
  readonly generations: Generations;
  readonly fetcher: Fetcher;
  readonly sight: Sight;
  readonly tickets: TicketKeys;
  readonly restarted: (reason: 'crash' | 'stall' | 'refused') => void;
}

function createFleet(options: SupervisorOptions, ask: FleetAsk): Fleet {
  const { config, bound, own, generations, fetcher, sight, tickets, restarted } = ask;
  const material = (): ReturnType<typeof materialOf> => materialOf(currentOf(generations), shippedGroups());
  return new Fleet({
    workers: config.workers ?? options.cores,
    clock: options.clock,
    bound,
    own,
    ticketKeys: () => tickets.bytes,
    workerEnv: options.workerEnv,
    material,
    log: options.log,
    sight,
    restarted,
    fetching: { want: (items) => fetcher.want(items), material: () => fetcher.material },
  });
}

async function startFleet(fleet: Fleet, configPath: string): Promise<void> {
  try {
    await fleet.start();
  } catch (thrown) {
    await fleet.drain(0);
    const next = `look at the lines above; pinwarden doctor -c ${configPath} tries this installation`;
    throw new StartError([thrown instanceof Error ? thrown.message : String(thrown)], next, thrown);
  }
}

/** The snapshot as workers build it, for the self-test: with memories that are thrown away. */
function trustOf({ trust, config, policy }: Generation): Trust {
  const nothing = { recall: () => undefined, remember: () => undefined };
  return buildTrust(trust, anchorChoices(config, policy), { signatures: nothing, certificates: nothing });
}

/** The named groups that ship; none when the directory is not there. */
export function shippedGroups(): readonly TextFile[] {
  try {
    const names = (listDirectory(GROUPS_DIRECTORY) ?? []).filter((name) => /\.ya?ml$/.test(name));
    return names.map((name) => {
      const file = join(GROUPS_DIRECTORY, name);
      return { file, text: readText(file, MAX_GROUP_BYTES) };
    });
  } catch (thrown) {
    if (thrown instanceof FileError && thrown.why === 'missing') return [];
    throw thrown;
  }
}

/** The same mistakes, with the lines they are on. */
function checkStep(configPath: string): string {
  return `do what the lines say; pinwarden check -c ${configPath} shows mistakes with their lines`;
}

function printMistakes(mistakes: readonly Mistake[]): readonly string[] {
  return mistakes.map((mistake) => printMistake(mistake, null));
}
