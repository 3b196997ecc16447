/**
 * `probe HOST[:PORT]… [--via PROXY] [--yaml|--json] [-f FILE] [--anchors public|system|FILE] [--resolve HOST:ADDRESS]…`
 *
 * Dials with the handshake of the proxy and judges with its examine: shows the chain with its pins, and every check.
 * `--via` looks a second time through another HTTP proxy and compares. `--yaml` prints a ready policy file.
 *
 * The guard that keeps a proxy from dialling private addresses does not hold here: a probe is asked for by the
 * operator at a shell, who may look at any host that this machine reaches (probe-look.ts).
 */
import { dirname, join } from 'node:path';
import { systemClock } from '../host/clock.ts';
import { type Authority, printAuthority } from '../model/authority.ts';
import { readInstallationOrDefaults } from './installation.ts';
import type { Io } from './io.ts';
import { typedFor } from './next-command.ts';
import { DEFAULT_CONFIG, loadFiles, shorten } from './policy-files.ts';
import { conclude, day, type Probed, probedJson } from './probe-facts.ts';
import { createGlass, type Glass, look } from './probe-look.ts';
import { type ProbeOptions, readProbeOptions } from './probe-options.ts';
import { probedBlock, probedLine, probedTotal } from './probe-screen.ts';
import { type Home, policyText, ruleLines } from './probe-yaml.ts';
import { createProgress } from './progress.ts';
import { createScreen } from './screen.ts';
import { shellWord } from './stores/machine.ts';
import { CommandError, EXIT_NO, EXIT_OK, withUsage } from './usage.ts';

/** Handshakes at a time: enough to be fast over a list, too few to be taken for a scan. */
const AT_ONCE = 16;
/** Up to here a host gets a block, from here on a line. */
const BLOCKS_MAX = 4;

/** @returns 0 every chain is good, 1 one is bad or was not reached (or no rule may be made of it), 2 usage. */
export async function runProbe(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('probe', io, async () => {
    const options = readProbeOptions(argv, io);
    const glass = glassFor(options, io);
    try {
      const all = await probeAll(options, glass, printer(options, glass, io), io);
      return finish(all, options, glass, io);
    } finally {
      glass.close();
    }
  });
}

/** `-c` without `--anchors` asks what the proxy would say; a rule is made by what speaks against a host in any case. */
function glassFor(options: ProbeOptions, io: Io): Glass {
  const { config: named, anchors, print } = options;
  const config = readInstallationOrDefaults(named, io);
  if (named === undefined || anchors !== null) return createGlass(config, options);
  if (print === 'yaml') return createGlass(config, { ...options, anchors: config.anchors });
  const { policy } = loadFiles(named, io);
  if (policy === null) throw new CommandError('the policies are invalid', `pinwarden check -c ${shellWord(named)}`);
  return createGlass(config, options, policy);
}

/** Looks at all hosts, some at a time; `print` is called in the order of the list. */
async function probeAll(
  { hosts, via }: ProbeOptions,
  glass: Glass,
  print: (probed: Probed) => void,
  io: Io,
): Promise<readonly Probed[]> {
  const progress = createProgress(hosts.length, io, systemClock);
  const done: Probed[] = [];
  let next = 0;
  let printed = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < hosts.length; index = next++) {
      const host = hosts[index];
      if (host === undefined) return;
      done[index] = await probeOne(host, via, glass);
      progress.clear();
      for (let ready = done[printed]; ready !== undefined; ready = done[printed]) {
        print(ready);
        printed += 1;
      }
      progress.step();
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, hosts.length) }, work));
  progress.clear();
  return done;
}

async function probeOne(host: Authority, via: Authority | null, glass: Glass): Promise<Probed> {
  const ways = via === null ? [null] : [null, via];
  const views = await Promise.all(ways.map(async (way) => look(host, way, glass)));
  return conclude(printAuthority(host), views);
}

/** What is printed while the probe goes on. */
function printer({ print, hosts }: ProbeOptions, glass: Glass, io: Io): (probed: Probed) => void {
  if (print === 'yaml') return () => undefined;
  if (print === 'json') return (probed) => io.out(`${JSON.stringify(probedJson(probed, glass))}\n`);
  const screen = createScreen(io);
  if (hosts.length > BLOCKS_MAX) return (probed) => io.out(probedLine(probed, screen));
  return (probed) => io.out(`${probedBlock(probed, glass, screen)}\n`);
}

function finish(all: readonly Probed[], options: ProbeOptions, glass: Glass, io: Io): number {
  if (options.print === 'yaml') return printRules(all, { glass, home: homeOf(options, io) }, io);
  if (options.print === 'screen') {
    if (all.length > BLOCKS_MAX) io.out(probedTotal(all));
    if (all.length <= BLOCKS_MAX && all.every(({ word }) => word === 'good')) io.out(nextStep(options, io));
  }
  return all.every(({ word }) => word === 'good') ? EXIT_OK : EXIT_NO;
}

/** Lines to paste, with what this one was told. */
function nextStep(options: ProbeOptions, io: Io): string {
  const { via, hosts, config = DEFAULT_CONFIG } = options;
  const policies = shellWord(shorten(homeOf(options, io).policies, io.cwd) || '.');
  const { host } = hosts[0];
  const target = hosts.map((one) => printAuthority(one).replace(/:443$/, '')).join(' ');
  const probe = `pinwarden probe ${target}${given(options)}`;
  return via === null
    ? `next: compare from a second network, then ask for a ready rule:\n  ${probe} --via PROXY\n  ${probe} --yaml\n`
    : `next: a ready rule: ${probe} --yaml > ${host}.yaml && mv ${host}.yaml ${policies}/\n      and then: ${typedFor(config, io)('check')}\n`;
}

function given({ anchors, addresses, config }: ProbeOptions): string {
  const words = [
    ...(anchors === null || anchors === 'public'
      ? []
      : ['--anchors', ...(anchors === 'system' ? ['system'] : anchors.files)]),
    ...[...addresses].flatMap(([host, list]) => list.flatMap((address) => ['--resolve', `${host}:${address}`])),
    ...(config === undefined ? [] : ['-c', config]),
  ];
  return words.map((word) => ` ${shellWord(word)}`).join('');
}

/** The first place of `policies:`, or the directory of the file that it names. */
function homeOf({ config: named }: ProbeOptions, io: Io): Home {
  const { file, policies } = readInstallationOrDefaults(named, io);
  const path = policies[0]?.path ?? join(dirname(file), 'policies');
  return { config: dirname(file), policies: /\.ya?ml$/.test(path) ? dirname(path) : path };
}

function printRules(
  all: readonly Probed[],
  { glass, home }: { readonly glass: Glass; readonly home: Home },
  io: Io,
): number {
  const names = new Set<string>();
  const rules: (readonly string[])[] = [];
  for (const probed of all) {
    const rule = ruleLines(probed, { groups: glass.groups, home }, glass.choice, names);
    if (rule.ok) rules.push(rule.lines);
    else io.err(`pinwarden probe: no rule for ${probed.target}: ${rule.why}\nnext: ${rule.next}\n`);
  }
  const compared = all.every(({ comparison }) => comparison?.is === 'same');
  if (rules.length > 0) io.out(policyText(rules, { seenOn: day(systemClock.nowMs()), compared, home }));
  return rules.length === all.length ? EXIT_OK : EXIT_NO;
}
