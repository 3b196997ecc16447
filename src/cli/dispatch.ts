/**
 * argv → a command of the table (commands.ts), which is loaded only when it is asked for.
 *
 * Does: find the command and hand it argv and Io; answer `help` itself.
 * Does not: read options (each command does), or touch the process (main.ts does).
 */
import { COMMANDS } from './commands.ts';
import { commandHelp, helpText, unknownCommand } from './help.ts';
import type { Io } from './io.ts';
import { createScreen } from './screen.ts';
import { EXIT_USAGE } from './usage.ts';

/** @returns the exit code: 0 done, 1 the answer is no, 2 usage. */
export async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  const asksForHelp = name === 'help' || name === '--help' || name === '-h';
  const wanted = asksForHelp ? rest[0] : name === '--version' || name === '-V' ? 'version' : name;
  if (wanted === undefined) {
    io.out(helpText(createScreen(io)));
    return asksForHelp ? 0 : EXIT_USAGE;
  }
  const entry = Object.hasOwn(COMMANDS, wanted) ? COMMANDS[wanted] : undefined;
  if (entry === undefined) {
    io.err(unknownCommand(wanted));
    return EXIT_USAGE;
  }
  if (asksForHelp || rest.includes('--help') || rest.includes('-h')) {
    io.out(commandHelp(entry, createScreen(io)));
    return 0;
  }
  const command = await entry.load();
  return command(rest, io);
}
