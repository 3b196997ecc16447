import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { carryOut, createMachine, printStep } from '../../../src/cli/stores/machine.ts';

const folder = mkdtempSync(join(tmpdir(), 'pinwarden-machine-'));
afterAll(() => rmSync(folder, { recursive: true }));
const tool = (name: string, script: string, mode = 0o755) => {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), mode);
};
tool('speaks', 'echo first; echo "$1|$SECRET|$LC_ALL"');
tool('fails', 'echo no >&2; exit 3');
tool('plain', 'true', 0o644);
const machine = createMachine({ PATH: `relative:${folder}`, HOME: '', SECRET: 'x' });

describe('a machine', () => {
  it('finds executables on absolute paths only', () => {
    expect(machine.find('no-such-tool')).toBeNull();
    expect(machine.find('plain')).toBeNull();
    expect(machine.find('speaks')).toBe(join(folder, 'speaks'));
    expect(machine.home).toBeNull();
  });

  it('runs tools without a shell, and tells what they said last', () => {
    expect(machine.run(join(folder, 'missing'), []).ok).toBe(false);
    expect(machine.run(join(folder, 'fails'), [])).toEqual({ ok: false, says: 'no' });
    expect(machine.run(join(folder, 'speaks'), ['$(id) `id`'])).toEqual({ ok: true, says: '$(id) `id`||C' });
  });
});

describe('steps', () => {
  it('stop at the first that fails, and say why', () => {
    const file = join(folder, 'written');
    const steps = [
      { kind: 'write', file, text: 'a' },
      { kind: 'run', command: join(folder, 'fails'), args: [] },
      { kind: 'remove', file },
    ] as const;
    expect(carryOut(steps, machine)).toBe('fails: no');
    expect(readFileSync(file, 'utf8')).toBe('a');
    expect(carryOut([{ kind: 'remove', file }], machine)).toBeNull();
    expect(existsSync(file)).toBe(false);
    const below = { kind: 'write', file: join(folder, 'plain', 'x'), text: '' } as const;
    expect(carryOut([below], machine)).toMatch(/plain/);
  });

  it('are printed as people would type them', () => {
    expect(printStep({ kind: 'remove', file: '/a b' })).toBe("rm '/a b'");
    expect(printStep({ kind: 'write', file: '/a', text: '' })).toBe('write /a');
    expect(printStep({ kind: 'run', command: 'x', args: ['-t', 'C,,', "it's"] })).toBe("x -t C,, 'it'\\''s'");
  });
});
