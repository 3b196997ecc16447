import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { carryOut, createMachine } from '../../../src/cli/stores/machine.ts';
import { nssStores } from '../../../src/cli/stores/nss.ts';
import { describeWith } from '../../support/tools.ts';
import { type Lab, openLab } from './store-support.ts';

let lab: Lab;
beforeEach(() => {
  lab = openLab();
});
afterEach(() => lab.close());

describe('NSS stores', () => {
  it('are profiles with a database, and no other directories', () => {
    expect(nssStores(createMachine({ PATH: '' }))).toEqual([]);
    expect(nssStores(lab.machine())).toEqual([]);
    const profile = lab.makeDirectory('home/.mozilla/firefox/abc.default');
    lab.makeDirectory('home/.mozilla/firefox/empty');
    const chromium = lab.makeDirectory('home/.pki/nssdb');
    for (const directory of [profile, chromium]) writeFileSync(join(directory, 'cert9.db'), '');
    lab.fakeTool('certutil');
    expect(nssStores(lab.machine()).map(({ where }) => where)).toEqual([chromium, profile]);
  });
});

describeWith(['certutil'], 'a real NSS database', () => {
  it('takes the CA for TLS servers alone, and gives it back', () => {
    const directory = lab.makeDirectory('home/.pki/nssdb');
    execFileSync('certutil', ['-N', '-d', `sql:${directory}`, '--empty-password']);
    const machine = lab.machine({ PATH: process.env['PATH'] ?? '' });
    const [store] = nssStores(machine);
    const [ca, next] = [lab.ca('One CA'), lab.ca('Next CA')];
    expect(store?.missing).toBeNull();
    expect(store!.holds(ca)).toBe(false);
    expect(carryOut([...store!.install(ca), ...store!.install(next)], machine)).toBeNull();
    expect([store!.holds(ca), store!.holds(next)]).toEqual([true, true]);
    const list = execFileSync('certutil', ['-L', '-d', `sql:${directory}`], { encoding: 'utf8' });
    expect(list).toMatch(new RegExp(`pinwarden-${ca.sha256.slice(0, 16)} +C,,`));
    expect(carryOut(store!.uninstall(ca), machine)).toBeNull();
    expect([store!.holds(ca), store!.holds(next)]).toEqual([false, true]);
    // Not there any more: certutil says so, and we say what it said.
    expect(carryOut(store!.uninstall(ca), machine)).toMatch(/^certutil: .+/);
  });

  it('says so when the database is broken', () => {
    const directory = lab.makeDirectory('home/.pki/nssdb');
    mkdirSync(join(directory, 'cert9.db'));
    const machine = lab.machine({ PATH: process.env['PATH'] ?? '' });
    const [store] = nssStores(machine);
    expect(carryOut(store!.install(lab.ca('One CA')), machine)).toMatch(/^certutil: .+/);
  });
});
