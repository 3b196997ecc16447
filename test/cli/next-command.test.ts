import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCa } from '../../src/cli/ca.ts';
import { runDoctor } from '../../src/cli/doctor.ts';
import { runEnv } from '../../src/cli/env.ts';
import { runEvidence } from '../../src/cli/evidence.ts';
import { runExplain } from '../../src/cli/explain.ts';
import { configOption, evalOf, makeCaCommand, typedFor } from '../../src/cli/next-command.ts';
import { runWhy } from '../../src/cli/why.ts';
import { installedPlace, type Place } from './place.ts';

const at = { cwd: '/srv/ann' };

it('needs no -c for the default configuration, however it was named', () => {
  for (const file of ['config/pinwarden.yaml', './config/pinwarden.yaml', '/srv/ann/config/pinwarden.yaml']) {
    expect(typedFor(file, at)('ca trust')).toBe('pinwarden ca trust');
    expect(makeCaCommand(file, at)).toBe('pinwarden init');
  }
});

it('names any other one, as a shell reads it', () => {
  expect(typedFor('/etc/pw/pinwarden.yaml', at)('ca trust')).toBe('pinwarden ca trust -c /etc/pw/pinwarden.yaml');
  expect(configOption('/srv/ann/lab/a b.yaml', at.cwd)).toBe(" -c 'lab/a b.yaml'");
  expect(configOption("it's.yaml", at.cwd)).toBe(" -c 'it'\\''s.yaml'");
  expect(configOption('-c.yaml', at.cwd)).toBe(' -c ./-c.yaml');
  expect(evalOf(typedFor('a b.yaml', at)('env'))).toBe(`eval "$(pinwarden env -c 'a b.yaml')"`);
});

it('makes a CA where the configuration has it', () => {
  expect(makeCaCommand('/srv/ann/lab/pinwarden.yaml', at)).toBe('pinwarden init lab');
  expect(makeCaCommand('/srv/ann/pinwarden.yaml', at)).toBe('pinwarden init .');
  expect(makeCaCommand('/srv/ann/-x/pinwarden.yaml', at)).toBe('pinwarden init ./-x');
  expect(makeCaCommand('/etc/pw.yaml', at)).toBe('pinwarden run -c /etc/pw.yaml');
});

describe('what is printed to be pasted', () => {
  let here: Place;
  beforeAll(async () => {
    here = await installedPlace();
    renameSync(here.path('config'), here.path('lab'));
    mkdirSync(here.path('home/.pki/nssdb'), { recursive: true });
    writeFileSync(here.path('home/.pki/nssdb/cert9.db'), '');
  });
  afterAll(() => here.remove());

  const C = ['-c', 'lab/pinwarden.yaml'];
  /** Commands that act on an installation, wherever they stand in a text. */
  const ACTS = /pinwarden (?:ca \w+|env|run|watch|doctor|check|events|why|evidence)\b(?!:)[^;,`")#\n]*/g;

  it.each([
    ['ca info', runCa, ['info']],
    ['ca rotate', runCa, ['rotate']],
    ['ca rotate --promote', runCa, ['rotate', '--promote']],
    ['ca rotate without a next one', runCa, ['rotate', '--promote']],
    ['ca trust', runCa, ['trust']],
    ['env', runEnv, []],
    ['env for fish', runEnv, ['--shell', 'fish']],
    ['explain --live', runExplain, ['a.example', '--live']],
    ['doctor', runDoctor, []],
    ['why', runWhy, ['nothing-such']],
    ['evidence show', runEvidence, ['show', 'nothing-such']],
    ['evidence export', runEvidence, ['export']],
  ] as const)(
    '%s repeats -c',
    async (_name, command, argv) => {
      const env = { TRUST_STORES: 'nss', HOME: here.path('home') };
      const { out, err } = await here.run(command, [...argv, ...C], argv[0] === 'trust' ? {} : { env });
      const said = `${out}${err}`.replaceAll(/^usage: .*$/gm, '');
      const typed = [...said.matchAll(ACTS)].map(([text]) => text);
      const named = typed.filter((text) => !/^pinwarden \w+ --help/.test(text));
      expect(named.length, out + err).toBeGreaterThan(0);
      for (const text of named) expect(text).toContain('-c lab/pinwarden.yaml');
    },
    30_000,
  );
});
