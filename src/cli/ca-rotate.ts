/**
 * `ca rotate` and `ca rotate --promote`: a new CA without a moment in which clients break.
 *
 * First the next CA is made beside the current one. It signs nothing; `ca trust`, `ca export` and `env` hand out both,
 * so that clients learn it. When they have, `--promote` puts it in place of the current one, whose key is gone then,
 * and a restart of the proxy takes it over.
 * Does not: overwrite a next CA, or promote one whose key others may read.
 */
import { systemClock } from '../host/clock.ts';
import { FileError, pathExists, readText, remove, writeAtomic, writeNew } from '../host/files.ts';
import { createCa } from '../minting/ca.ts';
import type { Config } from '../policy/config.ts';
import { CaFileError, openCa } from '../runtime/ca-files.ts';
import { nextPair, previousCertificateFile } from './installation.ts';
import type { Io } from './io.ts';
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
  try {
    const rotated = options.promote ? promote(config, options.dryRun) : makeNext(config, options.dryRun);
    io.out(options.json ? `${JSON.stringify(rotated)}\n` : screenText(rotated));
    return EXIT_OK;
  } catch (thrown) {
    if (!(thrown instanceof FileError) && !(thrown instanceof CaFileError)) throw thrown;
    throw new CommandError(thrown.message, 'correct that and run it again: pinwarden ca rotate goes on where it was');
  }
}

const HAND_OUT = [
  'give it to clients beside the current one: pinwarden ca trust, ca export, env (all know both)',
  'when every client has it: pinwarden ca rotate --promote',
];

function makeNext(config: Config, dryRun: boolean): Rotated {
  const { certificateFile, keyFile } = nextPair(config);
  const files = [certificateFile, keyFile];
  if (pathExists(certificateFile) && pathExists(keyFile)) return { is: 'waiting', files, next: HAND_OUT };
  if (dryRun) return { is: 'would-make', files, next: [] };
  if (!pathExists(config.ca.certificateFile)) {
    throw new CommandError(`there is no CA to rotate: ${config.ca.certificateFile}`, 'make one: pinwarden init');
  }
  const nowMs = systemClock.nowMs();
  // Its name tells it from the CA that it replaces, in every list of a trust store.
  const commonName = `Pinwarden CA ${new Date(nowMs).toISOString().slice(0, 10)}`;
  const made = createCa({ commonName, nowMs, days: CA_DAYS });
  // Half a pair that an interruption left cannot have signed anything.
  for (const file of files) remove(file);
  writeNew(keyFile, made.keyPem, 0o600);
  writeNew(certificateFile, made.certificatePem, 0o644);
  return { is: 'made', files, next: HAND_OUT };
}

/**
 * Each step leaves something that this function can go on from: the next pair goes last, and only its removal makes
 * the rotation complete. Between key and certificate the pair does not match, and a start is refused.
 */
function promote(config: Config, dryRun: boolean): Rotated {
  const next = nextPair(config);
  const { certificateFile, keyFile } = config.ca;
  if (!pathExists(next.certificateFile) || !pathExists(next.keyFile)) {
    throw new CommandError('there is no next CA to promote', 'make it first: pinwarden ca rotate');
  }
  const opened = openCa({ ...next, create: 'never' }, systemClock.nowMs(), process.getuid?.() ?? null);
  const previousFile = previousCertificateFile(config);
  const files = [certificateFile, keyFile, previousFile];
  if (dryRun) return { is: 'would-promote', files, next: [] };
  const current = readText(certificateFile, MAX_PEM_BYTES);
  if (current !== opened.material.certificatePem) writeAtomic(previousFile, current, 0o644);
  writeAtomic(keyFile, opened.material.keyPem, 0o600);
  writeAtomic(certificateFile, opened.material.certificatePem, 0o644);
  remove(next.certificateFile);
  remove(next.keyFile);
  const days = Math.floor((opened.ca.notAfterMs - systemClock.nowMs()) / DAY_MS);
  return {
    is: 'promoted',
    files,
    next: [
      `restart the proxy: it takes the CA over at a start (${days} days left)`,
      `then take the previous one out of the stores: pinwarden ca untrust, pinwarden ca trust; its key is gone`,
    ],
  };
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
