/**
 * The installation that a command is about: its configuration, and where its CA lies.
 *
 * Does: read pinwarden.yaml by the code of the proxy, and say what to do when it is not there or not valid.
 * Does not: make anything.
 */
import { resolve } from 'node:path';
import { FileError, pathExists, readText } from '../host/files.ts';
import { clip } from '../model/text.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import { parsePem } from '../pki/x509/pem.ts';
import type { Config } from '../policy/config.ts';
import { loadConfig } from '../policy/load.ts';
import { printLine } from '../policy/mistakes.ts';
import { configStep, readConfigFile } from '../runtime/sources.ts';
import type { Io } from './io.ts';
import { makeCaCommand } from './next-command.ts';
import { DEFAULT_CONFIG, shorten, shortPlace } from './policy-files.ts';
import { shellWord } from './stores/machine.ts';
import { CommandError } from './usage.ts';

/** A CA file with a chain stays far below. */
const MAX_PEM_BYTES = 256 * 1024;

/** @throws CommandError when the file is missing or refused. `named`: what `-c` said. */
export function readInstallation(named: string | undefined, io: Io): Config {
  const file = resolve(io.cwd, named ?? DEFAULT_CONFIG);
  let text: string;
  try {
    text = readConfigFile(file).text;
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    throw new CommandError(thrown.message, configStep(thrown));
  }
  const loaded = loadConfig(text, file);
  if (loaded.ok) return loaded.value;
  const first = loaded.mistakes.find(({ severity }) => severity === 'error');
  const place = first === undefined ? shorten(file, io.cwd) : printLine(shortPlace(first.place, io.cwd));
  const message = `${place}: ${first?.message ?? 'not valid'}`;
  throw new CommandError(message, `pinwarden check -c ${shellWord(shorten(file, io.cwd))}`);
}

/** The same, or a configuration of defaults when there is no file and none was named. @throws CommandError */
export function readInstallationOrDefaults(named: string | undefined, io: Io): Config {
  const file = resolve(io.cwd, named ?? DEFAULT_CONFIG);
  if (named !== undefined || pathExists(file)) return readInstallation(named, io);
  const loaded = loadConfig('version: 1\n', file);
  if (!loaded.ok) throw new TypeError(loaded.mistakes[0]?.message ?? 'the defaults are refused');
  return loaded.value;
}

/** A CA certificate as clients get it. */
export interface CaCertificate {
  readonly slot: 'current' | 'next' | 'previous';
  readonly file: string;
  readonly certificate: Certificate;
  readonly pem: string;
}

/** The current CA first, then the next and the previous one where they exist. @throws CommandError without a current one */
export function readCaCertificates(config: Config, io: Pick<Io, 'cwd'>): readonly [CaCertificate, ...CaCertificate[]] {
  const make = makeCaCommand(config.file, io);
  const current = readCaCertificate('current', config.ca.certificateFile, make);
  if (current === null) throw new CommandError(`there is no CA: ${config.ca.certificateFile}`, `make one: ${make}`);
  const next = readCaCertificate('next', config.ca.next.certificateFile, make);
  const previous = readCaCertificate('previous', config.ca.previousCertificateFile, make);
  return [current, ...[next, previous].filter((one) => one !== null)];
}

function readCaCertificate(slot: CaCertificate['slot'], file: string, make: string): CaCertificate | null {
  const next = `replace the file with the right one, or move it away and run: ${make}`;
  let text: string;
  try {
    text = readText(file, MAX_PEM_BYTES);
  } catch (thrown) {
    if (thrown instanceof FileError && thrown.why === 'missing') return null;
    throw thrown instanceof FileError ? new CommandError(thrown.message, next) : thrown;
  }
  const parsed = parsePem(text);
  const certificate = parsed.ok ? parsed.value[0] : undefined;
  if (certificate === undefined) {
    throw new CommandError(`${file}: no readable certificate${parsed.ok ? '' : `: ${clip(parsed.why)}`}`, next);
  }
  return { slot, file, certificate, pem: pemOf(certificate.der.bytes) };
}

/** RFC 7468 text of one certificate. */
export function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
