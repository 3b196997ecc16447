/**
 * Commands that are printed to be pasted: `pinwarden ca trust`, with the `-c` that means the same configuration.
 *
 * Without it a pasted command acts on `config/pinwarden.yaml` of the directory, whatever the one before it was about.
 */
import { basename, dirname, resolve } from 'node:path';
import type { Io } from './io.ts';
import { DEFAULT_CONFIG, shorten } from './policy-files.ts';
import { shellWord } from './stores/machine.ts';

/** `ca trust` → `pinwarden ca trust -c FILE`. */
export type Typed = (command: string) => string;

/** `file`: of the configuration, absolute or as `-c` said. The default one needs no `-c`. */
export function typedFor(file: string, { cwd }: Pick<Io, 'cwd'>): Typed {
  const option = configOption(file, cwd);
  return (command) => `pinwarden ${command}${option}`;
}

/** ` -c FILE` as a shell reads it; empty for the default configuration. */
export function configOption(file: string, cwd: string): string {
  const absolute = resolve(cwd, file);
  return absolute === resolve(cwd, DEFAULT_CONFIG) ? '' : ` -c ${fileWord(shorten(absolute, cwd))}`;
}

/** A name that starts with a dash would be read as an option. */
function fileWord(file: string): string {
  return shellWord(file.startsWith('-') ? `./${file}` : file);
}

/** The line that takes variables into a POSIX shell. Single quotes inside `$(…)` hold, whatever is around it. */
export function evalOf(command: string): string {
  return `eval "$(${command})"`;
}

/** What makes the CA of a configuration: `init` for a directory, else the first start, since `init` names its file. */
export function makeCaCommand(file: string, { cwd }: Pick<Io, 'cwd'>): string {
  const absolute = resolve(cwd, file);
  if (absolute === resolve(cwd, DEFAULT_CONFIG)) return 'pinwarden init';
  if (basename(absolute) !== basename(DEFAULT_CONFIG)) return `pinwarden run${configOption(file, cwd)}`;
  const directory = shorten(dirname(absolute), cwd);
  return `pinwarden init ${fileWord(directory === '' ? '.' : directory)}`;
}
