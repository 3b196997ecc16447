/**
 * `init [DIR] [--json]`: everything a first start needs, in one directory: CA, commented configuration, first policy.
 *
 * Does: write what is missing, and say what was made and what was there.
 * Does not: overwrite anything, or use a CA key that others may read.
 */
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../host/clock.ts';
import { FileError, makeDirectory, pathExists, readText, writeNew } from '../host/files.ts';
import { CaFileError, openCa } from '../runtime/ca-files.ts';
import { readInstallation } from './installation.ts';
import type { Io } from './io.ts';
import { shorten } from './policy-files.ts';
import { day } from './probe-facts.ts';
import { createScreen } from './screen.ts';
import { CommandError, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

/** The files that ship, under src/ and under dist/ alike. */
const SHIPPED = fileURLToPath(new URL('../../config', import.meta.url));
const MAX_SHIPPED_BYTES = 1024 * 1024;
const FILES = ['pinwarden.yaml', 'pinwarden.schema.json', 'policy.schema.json', 'policies/example.yaml', 'README.md'];
const DEFAULT_DIRECTORY = 'config';
const IGNORED = `# Secrets and state of this installation: never into a repository.
ca-key.pem
next-ca-key.pem
state/
*.ndjson
`;

interface Made {
  readonly file: string;
  readonly made: boolean;
}

/** @returns 0 everything is there, 1 something cannot be made or used, 2 usage. */
export async function runInit(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('init', io, async () => {
    const { values, positionals } = readArguments(argv, { json: { type: 'boolean', default: false } });
    const [named = DEFAULT_DIRECTORY, second] = positionals;
    if (second !== undefined) throw new UsageError('name one directory');
    const directory = resolve(io.cwd, named);
    const files = makeFiles(directory);
    const configFile = join(directory, 'pinwarden.yaml');
    const config = readInstallation(configFile, io);
    const ca = openOrMakeCa(config.ca, configFile);
    files.push({ file: config.ca.certificateFile, made: ca.created }, { file: config.ca.keyFile, made: ca.created });
    const result = { directory, files, ca: { sha256: ca.sha256, notAfter: day(ca.notAfterMs) } };
    io.out(values.json ? `${JSON.stringify(result)}\n` : screenText(result, configFile, config.ca.certificateFile, io));
    return EXIT_OK;
  });
}

function makeFiles(directory: string): Made[] {
  try {
    // For the owner alone: the CA key will lie here.
    makeDirectory(join(directory, 'policies'));
    const shipped = FILES.map((name) => [name, readText(join(SHIPPED, name), MAX_SHIPPED_BYTES)] as const);
    return [...shipped, ['.gitignore', IGNORED] as const].map(([name, text]) => {
      const file = join(directory, name);
      const made = !pathExists(file);
      if (made) writeNew(file, text, 0o644);
      return { file, made };
    });
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    throw new CommandError(thrown.message, 'name a directory that you may write to: pinwarden init DIR');
  }
}

/** `create: never` is about starts; here a person asks for a CA. */
function openOrMakeCa(ca: Parameters<typeof openCa>[0], configFile: string) {
  try {
    const opened = openCa({ ...ca, create: 'ifMissing' }, systemClock.nowMs(), process.getuid?.() ?? null);
    return { created: opened.created, sha256: opened.ca.sha256, notAfterMs: opened.ca.notAfterMs };
  } catch (thrown) {
    if (!(thrown instanceof CaFileError)) throw thrown;
    throw new CommandError(thrown.message, `correct that, then run init again; the paths are in ${configFile}`);
  }
}

interface Result {
  readonly files: readonly Made[];
  readonly ca: { readonly sha256: string; readonly notAfter: string };
}

function screenText({ files, ca }: Result, configFile: string, certificateFile: string, io: Io): string {
  const screen = createScreen(io);
  const short = (file: string): string => shorten(file, io.cwd);
  const config = short(configFile);
  const named = config === 'config/pinwarden.yaml' ? '' : ` -c ${config}`;
  const lines = files.map(({ file, made }) =>
    made ? `  ${screen.paint('good', 'made')}  ${short(file)}` : `  ${screen.paint('quiet', 'kept')}  ${short(file)}`,
  );
  const steps = [
    [`pinwarden check${named}`, 'every mistake in the files'],
    [`pinwarden run${named}`, 'the proxy'],
    ['pinwarden probe www.example.com', 'a chain, its pins, and a ready rule with --yaml'],
    [`pinwarden ca trust${named}`, 'clients of this machine trust the CA'],
  ] as const;
  const width = Math.max(...steps.map(([command]) => command.length));
  return [
    ...lines,
    '',
    `CA valid to ${ca.notAfter}, SHA-256 ${ca.sha256}`,
    'Whoever has its key can read the traffic of every client that trusts it.',
    '',
    'next',
    ...steps.map(([command, does]) => `  ${command.padEnd(width)}  ${does}`),
    `  curl -x http://127.0.0.1:3128 --cacert ${short(certificateFile)} https://example.com/`,
    '',
  ].join('\n');
}
