/**
 * `ca info|export|rotate|trust|untrust`: care for the CA that clients trust.
 *
 * Does: show and hand out the certificates. The key is never printed or copied.
 */
import { resolve } from 'node:path';
import { systemClock } from '../host/clock.ts';
import { FileError, fileFacts, writeNew } from '../host/files.ts';
import type { Config } from '../policy/config.ts';
import { printDate } from '../policy/dates.ts';
import { isKeyShared } from '../runtime/ca-files.ts';
import { rotateCa } from './ca-rotate.ts';
import { changeTrust, storesOf, trustedCa } from './ca-trust.ts';
import { type CaCertificate, readCaCertificates, readInstallation } from './installation.ts';
import type { Io } from './io.ts';
import { type Typed, typedFor } from './next-command.ts';
import { shorten } from './policy-files.ts';
import { day, daysLeft } from './probe-facts.ts';
import { createScreen } from './screen.ts';
import { createMachine } from './stores/machine.ts';
import { CommandError, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

const OPTIONS = {
  out: { type: 'string' },
  der: { type: 'boolean', default: false },
  promote: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<typeof readArguments<typeof OPTIONS>>['values'];

/** Which options each verb knows, besides -c. */
const KNOWN = {
  info: ['json'],
  export: ['out', 'der', 'json'],
  rotate: ['promote', 'dry-run', 'json'],
  trust: ['dry-run', 'json'],
  untrust: ['dry-run', 'json'],
} as const;
type Verb = keyof typeof KNOWN;

/** @returns 0 done, 1 not done or not everywhere, 2 usage. */
export async function runCa(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('ca', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    const [word, second] = positionals;
    if (word === undefined || second !== undefined || !Object.hasOwn(KNOWN, word)) {
      throw new UsageError('say one of: info, export, rotate, trust, untrust');
    }
    const verb = word as Verb;
    refuseOthers(verb, values);
    return run(verb, values, readInstallation(values.config, io), io);
  });
}

function refuseOthers(verb: Verb, values: Values): void {
  const known: readonly string[] = [...KNOWN[verb], 'config'];
  const given = Object.entries(values).filter(([, value]) => value !== false && value !== undefined);
  const other = given.find(([name]) => !known.includes(name));
  if (other !== undefined) throw new UsageError(`ca ${verb} has no option --${other[0]}`);
}

function run(verb: Verb, values: Values, config: Config, io: Io): number {
  const { json, promote } = values;
  const dryRun = values['dry-run'];
  switch (verb) {
    case 'info':
      return printInfo(config, json, io);
    case 'export':
      return exportCa(config, values, io);
    case 'rotate':
      return rotateCa(config, { promote, dryRun, json }, io);
    case 'trust':
    case 'untrust':
      return changeTrust(verb, config, { dryRun, json }, io);
  }
}

function printInfo(config: Config, json: boolean, io: Io): number {
  const typed = typedFor(config.file, io);
  const nowMs = systemClock.nowMs();
  const cas = readCaCertificates(config, io);
  const machine = createMachine(io.env);
  const stores = storesOf(machine).map((store) => ({
    store: store.kind,
    where: store.where,
    trusts: cas.filter((ca) => store.missing === null && store.holds(trustedCa(ca))).map(({ slot }) => slot),
    missing: store.missing,
  }));
  const keyFile = { file: config.ca.keyFile, is: keyState(config.ca.keyFile) };
  const facts = cas.map((ca) => factsOf(ca, nowMs));
  const signs = signingOf(config, cas, nowMs);
  if (json) {
    io.out(`${JSON.stringify({ certificates: facts, signs, key: keyFile, stores })}\n`);
    return EXIT_OK;
  }
  const screen = createScreen(io);
  const lines = facts.flatMap((one) => [
    `${screen.paint('strong', one.slot.padEnd(9))} ${screen.fit(one.subject, screen.width - 10)}`,
    `          ${shorten(one.file, io.cwd)}`,
    `          valid ${one.notBefore} to ${one.notAfter}, ${screen.paint(one.daysLeft < 30 ? 'bad' : 'good', `${one.daysLeft} days left`)}`,
    `SHA-256   ${one.sha256}`,
    `pin       ${one.pin}`,
  ]);
  io.out(
    [
      ...lines,
      `${screen.paint('strong', 'signs'.padEnd(9))} ${signingText(signs, typed)}`,
      `${screen.paint('strong', 'key'.padEnd(9))} ${shorten(keyFile.file, io.cwd)}  ${keyFile.is}`,
      ...stores.map(({ store, where, trusts, missing }) => {
        const says = missing ?? (trusts.length === 0 ? 'does not trust it' : `trusts ${trusts.join(', ')}`);
        return `${screen.paint('strong', store.padEnd(9))} ${where}  ${says}`;
      }),
      `next: ${typed('ca trust')} installs it here; ${typed('ca export')} hands it out`,
      '',
    ].join('\n'),
  );
  return EXIT_OK;
}

interface Signing {
  readonly now: 'current' | 'next';
  /** When the next one signs, or since when it does, ISO 8601; null: there is none, or it waits to be promoted. */
  readonly nextFrom: string | null;
  readonly nextIs: 'absent' | 'waiting' | 'signing';
}

/** What a running proxy does with these files. */
function signingOf({ ca }: Config, cas: readonly CaCertificate[], nowMs: number): Signing {
  const { signsFromMs } = ca.next;
  if (!cas.some(({ slot }) => slot === 'next')) return { now: 'current', nextFrom: null, nextIs: 'absent' };
  const nextFrom = signsFromMs === null ? null : printDate(signsFromMs);
  return signsFromMs !== null && nowMs >= signsFromMs
    ? { now: 'next', nextFrom, nextIs: 'signing' }
    : { now: 'current', nextFrom, nextIs: 'waiting' };
}

function signingText({ nextFrom, nextIs }: Signing, typed: Typed): string {
  if (nextIs === 'absent') return 'the current one';
  if (nextIs === 'signing')
    return `the next one, since ${nextFrom} (ca.next.signsFrom); ${typed('ca rotate --promote')} ends it`;
  return nextFrom === null
    ? `the current one; the next one waits for ca.next.signsFrom or ${typed('ca rotate --promote')}`
    : `the current one; the next one from ${nextFrom} on (ca.next.signsFrom)`;
}

function factsOf({ slot, file, certificate }: CaCertificate, nowMs: number) {
  return {
    slot,
    file,
    subject: certificate.subject.text,
    notBefore: day(certificate.notBeforeMs),
    notAfter: day(certificate.notAfterMs),
    daysLeft: daysLeft(certificate.notAfterMs, nowMs),
    sha256: certificate.der.sha256,
    pin: `sha256/${certificate.spkiSha256}`,
  };
}

/** What the proxy thinks of it when this user runs it. */
function keyState(file: string): string {
  try {
    const facts = fileFacts(file);
    const { mode } = facts;
    if (isKeyShared(facts, process.getuid?.() ?? null))
      return `MAY BE READ BY OTHERS (mode ${mode.toString(8)}): chmod 600`;
    return (mode & 0o077) === 0 ? 'for its owner alone' : "root's, handed to this user by a group";
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    return thrown.why === 'not-permitted' ? 'not for this user to read' : thrown.message;
  }
}

function exportJson(cas: readonly CaCertificate[], isFile: boolean, io: Io): number {
  if (isFile) throw new UsageError('--json goes to standard output and holds PEM: leave out --out and --der');
  const nowMs = systemClock.nowMs();
  io.out(`${JSON.stringify({ certificates: cas.map((one) => ({ ...factsOf(one, nowMs), pem: one.pem })) })}\n`);
  return EXIT_OK;
}

/** The current certificate, and the next one where there is one. */
function exportCa(config: Config, { out, der: asDer, json }: Values, io: Io): number {
  const cas = readCaCertificates(config, io).filter(({ slot }) => slot !== 'previous');
  const [current] = cas;
  if (current === undefined) return EXIT_OK;
  if (json) return exportJson(cas, out !== undefined || asDer, io);
  if (asDer && out === undefined) throw new UsageError('--der is not for a terminal: add --out FILE');
  const pem = cas.map((one) => one.pem).join('');
  if (out === undefined) {
    io.out(pem);
    return EXIT_OK;
  }
  const file = resolve(io.cwd, out);
  try {
    writeNew(file, asDer ? current.certificate.der.bytes : pem, 0o644);
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    throw new CommandError(thrown.message, 'name another file with --out');
  }
  io.err(`pinwarden ca: wrote ${shorten(file, io.cwd)}\n`);
  return EXIT_OK;
}
