import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { carryOut } from '../../../src/cli/stores/machine.ts';
import { systemStores } from '../../../src/cli/stores/system.ts';
import { type Lab, openLab } from './store-support.ts';

let lab: Lab;
beforeEach(() => {
  lab = openLab();
});
afterEach(() => lab.close());

describe('the system store', () => {
  it('is not made up where there is none', () => {
    expect(systemStores(lab.machine())).toEqual([]);
  });

  it('says which package is missing', () => {
    lab.makeDirectory('etc/ca-certificates/trust-source/anchors');
    // `trust` is only looked for where the lab has nothing.
    const [store] = systemStores(lab.machine());
    expect(store?.missing).toContain('trust is missing');
  });

  it.each([
    ['etc/pki/ca-trust/source/anchors', '.pem', 'update-ca-trust', 'extract', 'extract'],
    ['usr/local/share/ca-certificates', '.crt', 'update-ca-certificates', '', '--fresh'],
    ['etc/ca-certificates/trust-source/anchors', '.crt', 'trust', 'extract-compat', 'extract-compat'],
    ['usr/share/pki/trust/anchors', '.pem', 'update-ca-certificates', '', ''],
  ])('under %s takes one file a CA, and gives it back', (path, suffix, tool, add, drop) => {
    const directory = lab.makeDirectory(path);
    lab.fakeTool(tool);
    const machine = lab.machine();
    const [store] = systemStores(machine);
    const [ca, next] = [lab.ca('one'), lab.ca('two')];
    expect(store).toMatchObject({ kind: 'system', where: directory, missing: null });
    expect(store!.holds(ca)).toBe(false);
    expect(carryOut([...store!.install(ca), ...store!.install(next)], machine)).toBeNull();
    const file = join(directory, `pinwarden-${ca.sha256.slice(0, 16)}${suffix}`);
    expect(readFileSync(file, 'utf8')).toBe(ca.pem);
    expect([store!.holds(ca), store!.holds(next)]).toEqual([true, true]);
    expect(carryOut(store!.uninstall(ca), machine)).toBeNull();
    expect(existsSync(file)).toBe(false);
    expect([store!.holds(ca), store!.holds(next)]).toEqual([false, true]);
    expect(
      lab
        .calls()
        .trimEnd()
        .split('\n')
        .map((line) => line.trimEnd()),
    ).toEqual([add, add, drop].map((args) => `${tool} ${args}`.trimEnd()));
  });
});
