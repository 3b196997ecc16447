/** The command line of one command: node's parser, and one way to say that it is wrong. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { closest } from '../policy/mistakes.ts';
import { COMMANDS } from './commands.ts';
import type { Io } from './io.ts';

export const EXIT_OK = 0;
export const EXIT_NO = 1;
export const EXIT_USAGE = 2;

/** The command line is wrong; `message` is for people. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** The command cannot be done; `message` says why, in one or more lines, `next` what to do. */
export class CommandError extends Error {
  readonly next: string;

  constructor(message: string, next: string) {
    super(message);
    this.name = 'CommandError';
    this.next = next;
  }
}

/** Options and operands, strictly. @throws UsageError */
export function readArguments<O extends ParseArgsOptionsConfig>(argv: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (thrown) {
    throw new UsageError(plainWords(thrown instanceof Error ? thrown.message : String(thrown), argv, options));
  }
}

/** Node explains at length how a name that starts with a dash is given; who mistypes an option wants the right one. */
function plainWords(message: string, argv: readonly string[], options: ParseArgsOptionsConfig): string {
  const known = Object.keys(options);
  const [, unknown = null] = /^Unknown option '(-[^']*)'/.exec(message) ?? [];
  if (unknown !== null) {
    const near = closest(unknown.replace(/^-+/, ''), known);
    return `unknown option ${unknown}${near === null ? '' : `; did you mean --${near}?`}`;
  }
  const [, bare = null] = /^Option '(-[^' ]*)' argument is ambiguous/.exec(message) ?? [];
  const [, missing = bare] = /^Option '(?:-\w, )?(--[^' ]*) <value>' argument missing/.exec(message) ?? [];
  if (missing === null) return message.replace(/^[A-Z]/, (first) => first.toLowerCase());
  const given = bare === null ? undefined : argv[argv.indexOf(bare) + 1];
  const isOption = known.some((name) => given === `--${name}` || given === `-${options[name]?.short}`);
  return given === undefined || isOption
    ? `option ${missing} needs a value`
    : `option ${missing} is followed by ${given}, which starts like an option: leave the dash out`;
}

/** Runs a command and turns what it throws into messages that end with the next step. */
export async function withUsage(name: string, io: Io, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof UsageError) {
      const lines = COMMANDS[name]?.usage ?? [];
      const usage = lines.map((line) => `usage: pinwarden ${line}\n`).join('');
      io.err(`pinwarden ${name}: ${thrown.message}\n${usage}next: pinwarden ${name} --help\n`);
      return EXIT_USAGE;
    }
    if (thrown instanceof CommandError) {
      io.err(`pinwarden ${name}: ${thrown.message}\nnext: ${thrown.next}\n`);
      return EXIT_NO;
    }
    throw thrown;
  }
}
