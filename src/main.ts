#!/usr/bin/env node
import type { Io } from './cli/io.ts';
/**
 * Entry point: argv → a command. Each command is one file of cli/ and is loaded only when it is asked for.
 *
 * Does: find the command, hand it argv and Io, set the exit code.
 * Does not: read options (each command does), or listen to signals (run and demo do).
 */
import { processIo } from './cli/process-io.ts';

type Command = (argv: readonly string[], io: Io) => Promise<number>;

interface Entry {
  readonly usage: string;
  readonly does: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  run: {
    usage: 'run [-c FILE]',
    does: 'the proxy',
    load: async () => (await import('./cli/run.ts')).runRun,
  },
  demo: {
    usage: 'demo [--keep]',
    does: 'good, rotated and attacked upstreams on loopback, and what the proxy makes of them',
    load: async () => (await import('./cli/demo.ts')).runDemo,
  },
  check: {
    usage: 'check [-c FILE] [--strict]',
    does: 'every mistake of configuration and policies at once',
    load: async () => (await import('./cli/check.ts')).runCheck,
  },
  explain: {
    usage: 'explain HOST[:PORT]',
    does: 'which rule decides, why the others lost, where each value is written',
    load: async () => (await import('./cli/explain.ts')).runExplain,
  },
  verify: {
    usage: 'verify --host NAME --chain FILE.pem | --batch',
    does: 'judges a chain offline with the very code of the proxy',
    load: async () => (await import('./cli/verify.ts')).runVerify,
  },
  pins: {
    usage: 'pins FILE.pem…',
    does: 'the pin of each key in the files',
    load: async () => (await import('./cli/pins.ts')).runPins,
  },
};

/** Exit codes: 0 done, 1 the answer is no, 2 usage, 70 our own mistake. */
const EXIT_USAGE = 2;
const EXIT_SOFTWARE = 70;

function usage(): string {
  const lines = Object.values(COMMANDS).map(({ usage: one, does }) => `  ${one.padEnd(24)} ${does}`);
  return `usage: pinwarden COMMAND [OPTIONS]\n\n${lines.join('\n')}\n`;
}

async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    io.out(usage());
    return name === undefined ? EXIT_USAGE : 0;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) {
    io.err(`pinwarden: no command ${JSON.stringify(name.slice(0, 64))}\n${usage()}`);
    return EXIT_USAGE;
  }
  const command = await entry.load();
  return command(rest, io);
}

const io = processIo();
main(process.argv.slice(2), io).then(
  (code) => {
    process.exitCode = code;
  },
  (thrown: unknown) => {
    io.err(`pinwarden: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
    process.exitCode = EXIT_SOFTWARE;
  },
);
