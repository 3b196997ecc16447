import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCa } from '../../src/cli/ca.ts';
import { describeWith } from '../support/tools.ts';
import { installedPlace, type Place } from './place.ts';

let here: Place;
beforeEach(async () => {
  here = await installedPlace();
});
afterEach(() => here.remove());

const env = (PATH: string | undefined) => ({ env: { PATH, HOME: here.path('home'), TRUST_STORES: 'nss' } });

describe('ca trust', () => {
  it('says what else there is when no store can be worked on', async () => {
    const { exit, err } = await here.run(runCa, ['trust'], env(''));
    expect(exit).toBe(1);
    expect(err).toMatch(/no trust store.*\nnext: .*ca export/);
    // The steps of the README: a fresh account has no NSS database.
    expect(err).toMatch(/found for TRUST_STORES=nss\nnext: .*certutil -N -d sql:\$HOME\/\.pki\/nssdb --empty-password/);
  });

  it('says which word of TRUST_STORES it read', async () => {
    const { exit, err } = await here.run(runCa, ['trust'], { env: { ...env('').env, TRUST_STORES: 'nss,firefox' } });
    expect(exit).toBe(2);
    expect(err).toContain('TRUST_STORES is "nss,firefox": system, nss and java, with commas between them');
  });

  it('names every kind of store that was asked for and is not here', async () => {
    mkdirSync(here.path('jdk/bin'), { recursive: true });
    writeFileSync(here.path('jdk/bin/keytool'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const java = { PATH: '', HOME: here.path('home'), JAVA_HOME: here.path('jdk'), TRUST_STORES: 'nss,java' };
    const { exit, out } = await here.run(runCa, ['trust', '--dry-run'], { env: java });
    expect(exit).toBe(0);
    expect(out).toMatch(/^would +java /);
    expect(out).toMatch(/^absent +nss +no database .*; to make one: mkdir -p ~\/\.pki\/nssdb && certutil -N /m);
    const json = await here.run(runCa, ['trust', '--dry-run', '--json'], { env: java });
    expect(JSON.parse(json.out)).toMatchObject({ done: [{ store: 'java', is: 'would' }], absent: ['nss'] });
    const asked = await here.run(runCa, ['trust', '--dry-run'], { env: { ...java, TRUST_STORES: 'java' } });
    expect(asked.out).not.toContain('absent');
  });

  it('fails, and says why, where a tool is missing', async () => {
    mkdirSync(here.path('home/.pki/nssdb'), { recursive: true });
    writeFileSync(here.path('home/.pki/nssdb/cert9.db'), '');
    const { exit, out } = await here.run(runCa, ['trust'], env(''));
    expect(exit).toBe(1);
    expect(out).toMatch(/failed +nss .*\n +certutil is missing: install libnss3-tools/);
    expect((await here.run(runCa, ['info'], env(''))).out).toContain('certutil is missing');
  });
});

describeWith(['certutil'], 'ca trust with a real NSS database', () => {
  const list = () =>
    execFileSync('certutil', ['-L', '-d', `sql:${here.path('home/.pki/nssdb')}`], { encoding: 'utf8' });
  const ca = async (...argv: readonly string[]) => await here.run(runCa, argv, env(process.env['PATH']));
  beforeEach(() => {
    mkdirSync(here.path('home/.pki/nssdb'), { recursive: true });
    execFileSync('certutil', ['-N', '-d', `sql:${here.path('home/.pki/nssdb')}`, '--empty-password']);
  });

  it('only says what it would do in a dry run', async () => {
    const { exit, out } = await ca('trust', '--dry-run');
    expect(exit).toBe(0);
    expect(out).toMatch(/would +nss .*\n +\S*certutil -A -d sql:\S+ -t C,, -n pinwarden-/);
    expect(list()).not.toContain('pinwarden-');
  });

  it('is done once, for the next CA as well, and undone', async () => {
    expect((await ca('trust')).out).toMatch(/^done +nss/);
    expect((await ca('trust')).out).toMatch(/^already +nss/);
    await ca('rotate');
    const both = JSON.parse((await ca('trust', '--json')).out) as { done: { slot: string; is: string }[] };
    expect(both.done.map(({ slot, is }) => [slot, is])).toEqual([
      ['current', 'already'],
      ['next', 'done'],
    ]);
    expect((await ca('info')).out).toContain('trusts current, next');
    // After the promotion only untrust knows the previous one.
    await ca('rotate', '--promote');
    expect((await ca('trust')).out).not.toContain('previous');
    expect((await ca('untrust')).out).toMatch(/done .*\n.*done .*\(previous CA\)/);
    expect(list()).not.toContain('pinwarden-');
    expect((await ca('untrust')).out).not.toContain('done');
  });
});
