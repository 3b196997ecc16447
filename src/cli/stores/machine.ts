/**
 * The machine whose trust stores are looked after: its tools, and steps that change it.
 *
 * Does: find tools, run them without a shell and with a clean environment, and carry out or print steps.
 * Does not: gain rights. What needs root says so.
 */
import { spawnSync } from 'node:child_process';
import { basename, delimiter, dirname, isAbsolute, join } from 'node:path';
import { FileError, fileFacts, makeDirectory, remove, writeAtomic } from '../../host/files.ts';

export interface Machine {
  /** In front of absolute paths of the system; empty but in tests. */
  readonly root: string;
  readonly home: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of a tool; null: not installed. */
  find(tool: string): string | null;
  run(command: string, args: readonly string[]): Ran;
}

export interface Ran {
  readonly ok: boolean;
  /** The last line that the tool said. */
  readonly says: string;
}

export type Step =
  | { readonly kind: 'write'; readonly file: string; readonly text: string }
  | { readonly kind: 'remove'; readonly file: string }
  | { readonly kind: 'run'; readonly command: string; readonly args: readonly string[] };

/** A keytool starts a Java VM; update-ca-certificates hashes a few hundred files. */
const TIMEOUT_MS = 60_000;
const EXECUTABLE_BITS = 0o111;
/** Where tools of administrators lie, whatever the PATH of a user says. */
const ADMIN_PATHS = ['/usr/sbin', '/sbin'];
/** What tools may know of our environment. */
const PASSED_ON = ['HOME', 'JAVA_HOME', 'PATH', 'TMPDIR', 'USER'];

export function createMachine(env: Machine['env'], root = ''): Machine {
  const path = [...(env['PATH'] ?? '').split(delimiter).filter(isAbsolute), ...ADMIN_PATHS];
  const passed = PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return {
    root,
    home: env['HOME'] === undefined || env['HOME'] === '' ? null : env['HOME'],
    env,
    find: (tool) => path.map((directory) => join(directory, tool)).find(isExecutable) ?? null,
    run: (command, args) => run(command, args, { ...Object.fromEntries(passed), LC_ALL: 'C' }),
  };
}

function isExecutable(file: string): boolean {
  try {
    return (fileFacts(file).mode & EXECUTABLE_BITS) !== 0;
  } catch (thrown) {
    if (thrown instanceof FileError) return false;
    throw thrown;
  }
}

function run(command: string, args: readonly string[], env: Record<string, string>): Ran {
  // No standard input: a tool that wants a password gets none and fails, instead of waiting for ever.
  const done = spawnSync(command, [...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    encoding: 'utf8',
  });
  const lines = `${done.stdout ?? ''}\n${done.stderr ?? ''}`.split('\n').flatMap((line) => line.trim() || []);
  const says = done.error === undefined ? (lines.at(-1) ?? '') : done.error.message;
  return { ok: done.status === 0, says };
}

/** Carries the steps out, in order, until one fails; null: all done. */
export function carryOut(steps: readonly Step[], machine: Machine): string | null {
  for (const step of steps) {
    const why = carryOutOne(step, machine);
    if (why !== null) return why;
  }
  return null;
}

function carryOutOne(step: Step, machine: Machine): string | null {
  if (step.kind === 'run') {
    const ran = machine.run(step.command, step.args);
    return ran.ok ? null : `${basename(step.command)}: ${ran.says}`;
  }
  try {
    if (step.kind === 'remove') remove(step.file);
    else {
      makeDirectory(dirname(step.file));
      writeAtomic(step.file, step.text, 0o644);
    }
    return null;
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    return thrown.why === 'not-permitted' ? `${thrown.message}; run it again with sudo` : thrown.message;
  }
}

/** A step as a line that a person could type. */
export function printStep(step: Step): string {
  if (step.kind === 'remove') return `rm ${shellWord(step.file)}`;
  if (step.kind === 'write') return `write ${shellWord(step.file)}`;
  return [step.command, ...step.args].map(shellWord).join(' ');
}

/** A word as a POSIX shell takes it for one. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
