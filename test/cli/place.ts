/** A directory with an installation as `init` makes it, and commands run in it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from '../../src/cli/commands.ts';
import { runInit } from '../../src/cli/init.ts';
import type { Io } from '../../src/cli/io.ts';
import { capturedIo } from './captured-io.ts';

export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

export interface Place {
  readonly dir: string;
  path(...parts: readonly string[]): string;
  run(command: Command, argv: readonly string[], change?: Partial<Io>): Promise<Ran>;
  remove(): void;
}

/** An empty directory; its environment has neither a home nor tools. */
export function emptyPlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), 'pinwarden-cli-'));
  return {
    dir,
    path: (...parts) => join(dir, ...parts),
    async run(command, argv, change = {}) {
      const io = capturedIo(dir);
      const exit = await command(argv, { ...io, env: { TRUST_STORES: 'nss' }, ...change });
      return { exit, out: io.stdout(), err: io.stderr() };
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export async function installedPlace(): Promise<Place> {
  const place = emptyPlace();
  const { exit, err } = await place.run(runInit, []);
  if (exit !== 0) throw new Error(err);
  return place;
}
