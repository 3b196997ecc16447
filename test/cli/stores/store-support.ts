/** A machine of its own for stores: a root, a home and a PATH under one temporary directory. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createMachine, type Machine } from '../../../src/cli/stores/machine.ts';
import type { TrustedCa } from '../../../src/cli/stores/store.ts';
import { Der } from '../../../src/model/der.ts';
import { authority } from '../../support/test-ca.ts';

export interface Lab {
  readonly dir: string;
  machine(env?: Readonly<Record<string, string>>): Machine;
  /** An executable that writes down how it was called. */
  fakeTool(name: string): void;
  /** Calls of the fakes so far, one a line. */
  calls(): string;
  makeDirectory(...parts: readonly string[]): string;
  ca(cn: string): TrustedCa;
  close(): void;
}

export function openLab(): Lab {
  const dir = mkdtempSync(join(tmpdir(), 'pinwarden-stores-'));
  const log = join(dir, 'calls');
  writeFileSync(log, '');
  mkdirSync(join(dir, 'bin'));
  return {
    dir,
    machine: (env = {}) => createMachine({ PATH: join(dir, 'bin'), HOME: join(dir, 'home'), ...env }, dir),
    fakeTool(name) {
      const file = join(dir, name.includes('/') ? name : join('bin', name));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `#!/bin/sh\necho "${basename(file)} $*" >> '${log}'\n`);
      chmodSync(file, 0o755);
    },
    calls: () => readFileSync(log, 'utf8'),
    makeDirectory(...parts) {
      const path = join(dir, ...parts);
      mkdirSync(path, { recursive: true });
      return path;
    },
    ca(cn) {
      const { der, pem } = authority({ cn });
      const file = join(dir, `${cn}.pem`);
      writeFileSync(file, pem);
      return { file, pem, sha256: Der.of(der).sha256 };
    },
    close: () => rmSync(dir, { recursive: true }),
  };
}
