/** `help`, `help COMMAND` and `COMMAND --help`, from the command table. Pure. */
import { closest } from '../policy/mistakes.ts';
import { COMMANDS, type Entry, type Option } from './commands.ts';

const NAME_WIDTH = 12;
const FLAG_WIDTH = 30;

/** All commands, one a line. */
export function helpText(): string {
  const lines = Object.entries(COMMANDS).map(([name, { does }]) => `  ${name.padEnd(NAME_WIDTH)}${does}`);
  return [
    'usage: pinwarden COMMAND [OPTIONS]',
    '',
    ...lines,
    '',
    'exit codes: 0 done, 1 the answer is no, 2 wrong command line, 70 a mistake of ours',
    'more: pinwarden COMMAND --help    first steps: pinwarden init, pinwarden run',
    '',
  ].join('\n');
}

/** One command: usage, options, exit codes. */
export function commandHelp(entry: Entry): string {
  const [first = '', ...others] = entry.usage;
  const exits = Object.entries(entry.exits).map(([code, means]) => `  ${code.padEnd(4)}${means}`);
  return [
    `usage: pinwarden ${first}`,
    ...others.map((line) => `       pinwarden ${line}`),
    '',
    entry.does,
    ...(entry.options.length === 0 ? [] : ['', 'options']),
    ...entry.options.map(optionLine),
    '',
    'exit codes',
    ...exits,
    '',
  ].join('\n');
}

function optionLine({ flag, short, value, does }: Option): string {
  const names = short === undefined ? flag : `${short}, ${flag}`;
  return `  ${`${names}${value === undefined ? '' : ` ${value}`}`.padEnd(FLAG_WIDTH)} ${does}`;
}

/** For a word that is no command. */
export function unknownCommand(name: string): string {
  const near = closest(name, Object.keys(COMMANDS));
  const hint = near === null ? 'see: pinwarden help' : `did you mean: pinwarden ${near}`;
  return `pinwarden: no command ${JSON.stringify(name.slice(0, 64))}; ${hint}\n`;
}
