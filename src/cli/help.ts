/** `help`, `help COMMAND` and `COMMAND --help`, from the command table. Pure. */
import { closest } from '../policy/mistakes.ts';
import { COMMANDS, type Entry, type Option } from './commands.ts';
import type { Screen } from './screen.ts';

const NAME_WIDTH = 12;
const FLAG_WIDTH = 30;

/** All commands, one a line. */
export function helpText({ wrap }: Pick<Screen, 'wrap'>): string {
  const lines = Object.entries(COMMANDS).flatMap(([name, { does }]) => wrap(`  ${name.padEnd(NAME_WIDTH)}`, does));
  return [
    'usage: pinwarden COMMAND [OPTIONS]',
    '',
    ...lines,
    '',
    ...wrap('exit codes: ', '0 done, 1 the answer is no, 2 wrong command line, 70 a mistake of ours'),
    'more: pinwarden help COMMAND',
    'first steps: pinwarden init, pinwarden run',
    '',
  ].join('\n');
}

/** One command: usage, options, exit codes. */
export function commandHelp(entry: Entry, { wrap }: Pick<Screen, 'wrap'>): string {
  const [first = '', ...others] = entry.usage;
  const exits = Object.entries(entry.exits).flatMap(([code, means]) => wrap(`  ${code.padEnd(4)}`, means));
  const usage = (head: string, line: string): readonly string[] =>
    wrap(`${head} pinwarden `, keepOptions(line)).map((one) => one.replaceAll(KEPT, ' '));
  return [
    ...usage('usage:', first),
    ...others.flatMap((line) => usage('      ', line)),
    '',
    ...wrap('', entry.does),
    ...(entry.options.length === 0 ? [] : ['', 'options']),
    ...entry.options.flatMap((option) => wrap(optionHead(option), option.does)),
    ...environmentLines(entry, { wrap }),
    '',
    'exit codes',
    ...exits,
    '',
  ].join('\n');
}

function environmentLines({ environment = [] }: Entry, { wrap }: Pick<Screen, 'wrap'>): readonly string[] {
  const lines = environment.flatMap(({ name, does }) => wrap(`  ${name.padEnd(FLAG_WIDTH)} `, does));
  return lines.length === 0 ? [] : ['', 'environment', ...lines];
}

/** A blank at which no line is broken: `[--since 1h]` stays on one. */
const KEPT = '\u00a0';

function keepOptions(usage: string): string {
  return usage.replaceAll(/\[[^\]]*\]/g, (option) => option.replaceAll(' ', KEPT));
}

function optionHead({ flag, short, value }: Pick<Option, 'flag' | 'short' | 'value'>): string {
  const names = short === undefined ? flag : `${short}, ${flag}`;
  return `  ${`${names}${value === undefined ? '' : ` ${value}`}`.padEnd(FLAG_WIDTH)} `;
}

/** For a word that is no command. */
export function unknownCommand(name: string): string {
  const near = closest(name, Object.keys(COMMANDS));
  const hint = near === null ? '' : `; did you mean: pinwarden ${near}`;
  return `pinwarden: no command ${JSON.stringify(name.slice(0, 64))}${hint}\nnext: pinwarden help\n`;
}
