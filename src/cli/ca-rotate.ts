/**
 * `ca rotate` and `ca rotate --promote`: a new CA without a moment in which clients break.
 *
 * First the next CA is made beside the current one. It signs nothing until `ca.next.signsFrom`, if that is set; `ca
 * trust`, `ca export`, `env` and the proxy hand out both, so that clients learn it. When they have, `--promote` puts it
 * in place of the current one, whose key is gone then. A running proxy takes each step over by itself.
 * Does not: overwrite a next CA, promote one whose key others may read, or make the successor of a subordinate CA.
 */
import { systemClock } from '../host/clock.ts';
import { FileError, pathExists, readText, remove, writeAtomic, writeNew } from '../host/files.ts';
import { createCa } from '../minting/ca.ts';
import type { Config } from '../policy/config.ts';
import { printDate } from '../policy/dates.ts';
import { CaFileError, openNextCa } from '../runtime/ca-files.ts';
import { readCaCertificates } from './installation.ts';
import type { Io } from './io.ts';
import { makeCaCommand, type Typed, typedFor } from './next-command.ts';
import { CommandError, EXIT_OK } from './usage.ts';

const MAX_PEM_BYTES = 256 * 1024;
/** A year at most, as the first one. */
const CA_DAYS = 365;
const DAY_MS = 86_400_000;

interface Rotated {
  readonly is: 'made' | 'waiting' | 'promoted' | 'would-make' | 'would-promote';
  readonly files: readonly string[];
  readonly next: readonly string[];
}

/** @returns 0. @throws CommandError */
export function rotateCa(
  config: Config,
  options: { readonly promote: boolean; readonly dryRun: boolean; readonly json: boolean },
  io: Io,
): number {
  const typed = typedFor(config.file, io);
  try {
    const rotated = options.promote ? promote(config, options.dryRun, typed) : makeNext(config, options.dryRun, io);
    io.out(options.json ? `${JSON.stringify(rotated)}\n` : screenText(rotated));
    return EXIT_OK;
  } catch (thrown) {
    if (!(thrown instanceof FileError) && !(thrown instanceof CaFileError)) throw thrown;
    throw new CommandError(thrown.message, `correct that and run it again: ${typed('ca rotate')} goes on where it was`);
  }
}

function handOut(config: Config, typed: Typed): readonly string[] {
  const { signsFromMs } = config.ca.next;
  const first = `give it to clients beside the current one: ${['ca trust', 'ca export', 'env'].map(typed).join(', ')} (all know both)`;
  return signsFromMs === null
    ? [first, `when every client has it: ${typed('ca rotate --promote')}`]
    : [
        first,
        `it signs from ${printDate(signsFromMs)} on (ca.next.signsFrom); after that: ${typed('ca rotate --promote')}`,
      ];
}

function makeNext(config: Config, dryRun: boolean, io: Io): Rotated {
  const typed = typedFor(config.file, io);
  const { certificateFile, keyFile, signsFromMs } = config.ca.next;
  const files = [certificateFile, keyFile];
  const nowMs = systemClock.nowMs();
  if (pathExists(certificateFile) && pathExists(keyFile)) {
    openNextCa(config.ca, nowMs, ownUid());
    return { is: 'waiting', files, next: handOut(config, typed) };
  }
  if (!pathExists(config.ca.certificateFile)) {
    throw new CommandError(
      `there is no CA to rotate: ${config.ca.certificateFile}`,
      `make one: ${makeCaCommand(config.file, io)}`,
    );
  }
  if (signsFromMs !== null && signsFromMs <= nowMs) {
    throw new CommandError(
      `ca.next.signsFrom is ${printDate(signsFromMs)}: a CA made now would sign before any client knows it`,
      'take signsFrom out of the configuration, or set a date to come',
    );
  }
  refuseSubordinate(config, io);
  if (dryRun) return { is: 'would-make', files, next: [] };
  // Its name tells it from the CA that it replaces, in every list of a trust store.
  const commonName = `Pinwarden CA ${new Date(nowMs).toISOString().slice(0, 10)}`;
  const made = createCa({ commonName, nowMs, days: CA_DAYS });
  // Half a pair that an interruption left cannot have signed anything.
  for (const file of files) remove(file);
  writeNew(keyFile, made.keyPem, 0o600);
  writeNew(certificateFile, made.certificatePem, 0o644);
  return { is: 'made', files, next: handOut(config, typed) };
}

/** Clients trust the root above it: a root made here would be known to none of them. */
function refuseSubordinate(config: Config, io: Io): void {
  const [{ certificate }] = readCaCertificates(config, io);
  if (certificate.selfIssued) return;
  const { certificateFile, keyFile } = config.ca.next;
  throw new CommandError(
    `the CA was issued by another one (${certificate.issuer.text}); its successor must come from there`,
    `put that into ${certificateFile} and ${keyFile} (mode 600); then: ${typedFor(config.file, io)('ca rotate')}`,
  );
}

function ownUid(): number | null {
  return process.getuid?.() ?? null;
}

/**
 * Each step leaves something that this function can go on from: the next pair goes last, and only its removal makes
 * the rotation complete. Between key and certificate the pair does not match: a start is refused, and a proxy that runs
 * goes on with what it has.
 */
function promote(config: Config, dryRun: boolean, typed: Typed): Rotated {
  const { certificateFile, keyFile, next, previousCertificateFile } = config.ca;
  const nowMs = systemClock.nowMs();
  if (!pathExists(next.certificateFile) || !pathExists(next.keyFile)) {
    throw new CommandError('there is no next CA to promote', `make it first: ${typed('ca rotate')}`);
  }
  if (next.signsFromMs !== null && next.signsFromMs > nowMs) {
    throw new CommandError(
      `the next CA signs from ${printDate(next.signsFromMs)} on (ca.next.signsFrom), not yet`,
      'wait until then, or take signsFrom out of the configuration and promote it now',
    );
  }
  const opened = openNextCa(config.ca, nowMs, ownUid());
  const chain = chainToMove(config.ca, typed);
  const files = [certificateFile, keyFile, previousCertificateFile, ...(chain === null ? [] : [chain.to])];
  if (dryRun) return { is: 'would-promote', files, next: [] };
  const current = readText(certificateFile, MAX_PEM_BYTES);
  const promoted = readText(next.certificateFile, MAX_PEM_BYTES);
  if (current !== promoted) writeAtomic(previousCertificateFile, current, 0o644);
  if (chain !== null) writeAtomic(chain.to, readText(chain.from, MAX_PEM_BYTES), 0o644);
  writeAtomic(keyFile, opened.material.keyPem, 0o600);
  writeAtomic(certificateFile, promoted, 0o644);
  remove(next.certificateFile);
  remove(next.keyFile);
  const days = Math.floor((opened.endsMs - nowMs) / DAY_MS);
  const isRootWithChain = opened.ca.selfIssued && config.ca.chainFile !== null;
  return {
    is: 'promoted',
    files,
    next: [
      `a running proxy takes it over by itself within seconds, and open tunnels stay; this CA is valid for ${days} more days`,
      ...(isRootWithChain ? ['take ca.chainFile out of the configuration: the CA is a root now'] : []),
      ...(next.signsFromMs === null ? [] : ['take ca.next.signsFrom out of the configuration: it has passed']),
      `then take the previous one out of the stores: ${typed('ca untrust')}, ${typed('ca trust')}; its key is gone`,
    ],
  };
}

/** A chain that is the next CA's own goes with it; null: there is none. */
function chainToMove(
  { chainFile, next }: Config['ca'],
  typed: Typed,
): { readonly from: string; readonly to: string } | null {
  if (next.chainFile === null || next.chainFile === chainFile) return null;
  if (chainFile !== null) return { from: next.chainFile, to: chainFile };
  throw new CommandError(
    'the next CA has a chain (ca.next.chainFile) and the configuration names none for the current one',
    `put its two files in place by hand and change ca.next.chainFile to ca.chainFile, then: ${typed('doctor')}`,
  );
}

const SAYS: Readonly<Record<Rotated['is'], string>> = {
  made: 'the next CA is made; it signs nothing yet',
  waiting: 'a next CA is waiting already; nothing was made',
  promoted: 'the next CA is the CA now',
  'would-make': 'would make the next CA',
  'would-promote': 'would put the next CA in place of the current one',
};

function screenText({ is, files, next }: Rotated): string {
  return [SAYS[is], ...files.map((file) => `  ${file}`), ...next.map((line) => `next: ${line}`), ''].join('\n');
}
