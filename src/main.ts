#!/usr/bin/env node
/**
 * Entry point: argv → a command of the table (cli/commands.ts), which is loaded only when it is asked for.
 *
 * Does: find the command, hand it argv and Io, set the exit code.
 * Does not: read options (each command does), or listen to signals (run and demo do).
 */
import { COMMANDS } from './cli/commands.ts';
import { commandHelp, helpText, unknownCommand } from './cli/help.ts';
import type { Io } from './cli/io.ts';
import { processIo } from './cli/process-io.ts';

/** Exit codes: 0 done, 1 the answer is no, 2 usage, 70 our own mistake. */
const EXIT_USAGE = 2;
const EXIT_SOFTWARE = 70;

async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  const asksForHelp = name === 'help' || name === '--help' || name === '-h';
  const wanted = asksForHelp ? rest[0] : name;
  if (wanted === undefined) {
    io.out(helpText());
    return asksForHelp ? 0 : EXIT_USAGE;
  }
  const entry = Object.hasOwn(COMMANDS, wanted) ? COMMANDS[wanted] : undefined;
  if (entry === undefined) {
    io.err(unknownCommand(wanted));
    return EXIT_USAGE;
  }
  if (asksForHelp || rest.includes('--help') || rest.includes('-h')) {
    io.out(commandHelp(entry));
    return 0;
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
