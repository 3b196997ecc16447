/** The command line of one command: node's parser, and one way to say that it is wrong. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
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

/** The command cannot be done; `message` says why, `next` what to do. */
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
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** Runs a command and turns what it throws into messages that end with the next step. */
export async function withUsage(name: string, io: Io, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof UsageError) {
      const lines = COMMANDS[name]?.usage ?? [];
      io.err(`pinwarden ${name}: ${thrown.message}\n${lines.map((line) => `usage: pinwarden ${line}\n`).join('')}`);
      return EXIT_USAGE;
    }
    if (thrown instanceof CommandError) {
      io.err(`pinwarden ${name}: ${thrown.message}\nnext: ${thrown.next}\n`);
      return EXIT_NO;
    }
    throw thrown;
  }
}
