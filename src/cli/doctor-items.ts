/**
 * What doctor looks at on this machine: runtime, files, CA, clock, trust stores. Each answer names the next step.
 *
 * Does not: talk to a running proxy (doctor-running.ts), or change anything but a probe file in the state directory.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileError, pathExists, readText, remove, writeNew } from '../host/files.ts';
import { signerAt, waitingAt } from '../minting/signer.ts';
import type { Config } from '../policy/config.ts';
import { printDate } from '../policy/dates.ts';
import { lint } from '../policy/lint.ts';
import { printLine } from '../policy/mistakes.ts';
import { CaFileError, type LoadedCas, openCas } from '../runtime/ca-files.ts';
import { judgeEnvironment } from '../runtime/environment.ts';
import { PUBLIC_ANCHORS_OLD_MS, parsePublicAnchors } from '../runtime/trust-loader.ts';
import type { Trust } from '../verify/trust.ts';
import { storesOf, trustedCa } from './ca-trust.ts';
import { readCaCertificates } from './installation.ts';
import type { Io } from './io.ts';
import { evalOf, makeCaCommand, type Typed, typedFor } from './next-command.ts';
import { type Files, shortPlace } from './policy-files.ts';
import { day, daysLeft } from './probe-facts.ts';
import { plural } from './screen.ts';
import { createMachine } from './stores/machine.ts';
import { CommandError } from './usage.ts';

export interface Item {
  readonly name: string;
  readonly is: 'ok' | 'warn' | 'fail';
  readonly says: string;
  /** null: nothing to do. */
  readonly next: string | null;
}

export function ok(name: string, says: string): Item {
  return { name, is: 'ok', says, next: null };
}

export function warn(name: string, says: string, next: string): Item {
  return { name, is: 'warn', says, next };
}

export function fail(name: string, says: string, next: string): Item {
  return { name, is: 'fail', says, next };
}

/** `engines` of package.json. */
const NODE_MIN = [26, 4] as const;

export function runtimeItems(nodeVersion: string, env: Io['env']): readonly Item[] {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const isOld = major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1]);
  const { refusals, warnings } = judgeEnvironment(env);
  return [
    isOld
      ? fail(
          'node',
          `${nodeVersion} is older than ${NODE_MIN.join('.')}`,
          'npm ci brings the right one: npx --no pinwarden doctor',
        )
      : ok('node', nodeVersion),
    ...refusals.map((line) => fail('environment', line, 'unset it')),
    ...warnings.map((line) => warn('environment', line, 'unset it, unless it is meant')),
  ];
}

/** `check`: the command line that tells all of it. */
export function fileItems(files: Files, nowMs: number, io: Io, check: string): readonly Item[] {
  const errors = files.mistakes.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first !== undefined) {
    const place = printLine(shortPlace(first.place, io.cwd));
    const isMissing = files.texts.size === 0;
    const next = isMissing ? 'pinwarden init, or name the file with -c' : check;
    return [fail('files', `${plural(errors.length, 'error')}: ${place}: ${first.message}`, next)];
  }
  const { config, policy } = files;
  if (config === null || policy === null) return [fail('files', 'cannot be read', check)];
  const warnings = files.mistakes.length + lint(policy, config, nowMs).length;
  const says = `${plural(policy.rules.length, 'rule')} in ${plural(files.policyFiles, 'policy file')}`;
  return warnings === 0 ? [ok('files', says)] : [warn('files', `${says}, ${plural(warnings, 'warning')}`, check)];
}

/** Weeks enough to hand a new CA to every client. */
const CA_NOTICE_DAYS = 30;

export function caItems({ ca, file }: Config, nowMs: number, io: Io): readonly Item[] {
  const make = makeCaCommand(file, io);
  if (!pathExists(ca.certificateFile) && !pathExists(ca.keyFile)) {
    return ca.create === 'never'
      ? [fail('CA', `${ca.certificateFile} is missing and create is never`, `mount a CA, or make one: ${make}`)]
      : [warn('CA', 'none yet: the first start makes one', `${make} makes it now`)];
  }
  try {
    const opened = openCas(ca, nowMs, process.getuid?.() ?? null);
    const typed = typedFor(file, io);
    return [signerItem(opened, nowMs, typed), ...nextItems(opened, nowMs, typed)];
  } catch (thrown) {
    if (!(thrown instanceof CaFileError)) throw thrown;
    return [
      fail('CA', thrown.message, `correct that; or move both files away: the next start, or ${make}, makes a new CA`),
    ];
  }
}

function signerItem(cas: LoadedCas, nowMs: number, typed: Typed): Item {
  const signer = signerAt(cas, nowMs);
  const left = daysLeft(signer.endsMs, nowMs);
  const says = `valid to ${day(signer.endsMs)}, ${left} days left; the key is for its owner alone`;
  if (left >= CA_NOTICE_DAYS || waitingAt(cas, nowMs) !== null) return ok('CA', says);
  const isNext = signer === cas.next;
  return warn(
    'CA',
    `${says}; no other CA is there to come after it`,
    isNext ? `${typed('ca rotate --promote')}, then ${typed('ca rotate')}` : typed('ca rotate'),
  );
}

/** A next CA that nobody hurries is forgotten until the current one ends. */
function nextItems(cas: LoadedCas, nowMs: number, typed: Typed): readonly Item[] {
  const broken = cas.complaints.map((says) => warn('next CA', says, 'correct that; the proxy goes on without it'));
  const waiting = waitingAt(cas, nowMs);
  if (waiting === null) return broken;
  if (waiting.signsFromMs !== null)
    return [...broken, ok('next CA', `signs from ${printDate(waiting.signsFromMs)} on`)];
  const sinceMs = waiting.ca.notBeforeMs;
  const isLate = nowMs - sinceMs > (cas.current.endsMs - sinceMs) / 2;
  // When it was made is not known: certificates begin before that, for clocks that are behind.
  const says = `waits to be promoted, valid from ${day(sinceMs)}; the current one ends ${day(cas.current.endsMs)}`;
  const next = `when every client has it: ${typed('ca rotate --promote')}, or set ca.next.signsFrom`;
  return [...broken, isLate ? warn('next CA', says, next) : ok('next CA', says)];
}

const PUBLIC_ANCHORS_FILE = fileURLToPath(new URL('../../config/anchors/public.json', import.meta.url));
const MAX_ANCHOR_BYTES = 8 * 1024 * 1024;

/** A wrong clock shows against what cannot be younger than now: the anchors that ship. */
export function clockItems(nowMs: number): readonly Item[] {
  const { frozenAtMs } = parsePublicAnchors(readText(PUBLIC_ANCHORS_FILE, MAX_ANCHOR_BYTES));
  const now = new Date(nowMs).toISOString();
  const clock =
    nowMs < frozenAtMs
      ? fail('clock', `${now} is before this build: every judgement on validity is wrong`, 'set the clock (NTP)')
      : ok('clock', now);
  const isOld = nowMs - frozenAtMs > PUBLIC_ANCHORS_OLD_MS;
  const says = `public anchors of ${day(frozenAtMs)}`;
  return [clock, isOld ? warn('anchors', `${says}: more than 180 days old`, 'update pinwarden') : ok('anchors', says)];
}

export function transparencyItems({ ct }: Config, trust: Trust, nowMs: number): readonly Item[] {
  if (ct.logList === null || trust.logList === null) {
    return [
      warn('CT', 'no log list: timestamps are not judged', 'set ct.logList to a list (JSON v3) that you keep fresh'),
    ];
  }
  const ageMs = nowMs - trust.logList.timestampMs;
  const says = `log list of ${day(trust.logList.timestampMs)}, ${plural(trust.logList.logs.size, 'log')}`;
  return [
    ageMs > ct.maxListAgeMs
      ? warn('CT', `${says}: older than ct allows, so timestamps are not judged`, 'renew the file')
      : ok('CT', says),
  ];
}

/** Verdicts must be written before bytes flow, so a directory that cannot be written to stops the proxy. */
export function diskItems({ state, audit }: Config): readonly Item[] {
  return [
    ['state', state],
    ['audit', dirname(audit.file)],
  ].map(([name = '', directory = '']) => {
    if (!pathExists(directory)) return ok(name, `${directory} is made at the first start`);
    const file = join(directory, `.doctor-${process.pid}`);
    try {
      writeNew(file, '', 0o600);
      remove(file);
      return ok(name, directory);
    } catch (thrown) {
      if (!(thrown instanceof FileError)) throw thrown;
      return fail(name, thrown.message, `let the user of the proxy write to ${directory}`);
    }
  });
}

/** Which clients of this machine trust the CA. */
export function storeItems(config: Config, io: Io): readonly Item[] {
  try {
    const [current] = readCaCertificates(config, io);
    const machine = createMachine(io.env);
    const stores = storesOf(machine);
    const without = stores.filter((store) => store.missing !== null || !store.holds(trustedCa(current)));
    if (stores.length === 0) return [];
    if (without.length === 0)
      return [ok('clients', `${plural(stores.length, 'trust store')} of this machine trust the CA`)];
    const names = without.map(({ kind, where }) => `${kind} (${where})`).join(', ');
    const typed = typedFor(config.file, io);
    return [warn('clients', `do not trust the CA: ${names}`, `${typed('ca trust')}, or: ${evalOf(typed('env'))}`)];
  } catch (thrown) {
    if (thrown instanceof CommandError) return [];
    throw thrown;
  }
}
