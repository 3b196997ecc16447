/** The list of JSON keys in config/README.md is what the commands print. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COMMANDS } from '../src/cli/commands.ts';
import { installedPlace, type Place } from './cli/place.ts';
import { installationWith } from './cli/sight-support.ts';
import { mismatchEntry } from './support/unexpected.ts';

const REFERENCE = readFileSync(fileURLToPath(new URL('../config/README.md', import.meta.url)), 'utf8');
const [SECTION = ''] = /^## Output for programs$[\s\S]*?(?=^## )/m.exec(REFERENCE) ?? [];

/** Command as it stands in the first column → its keys, and whether the list is whole. */
const documented = new Map(
  [...SECTION.matchAll(/^\| (`[^|]+) \| [^|]+ \| ([^|]+) \|$/gm)].map(([, commands = '', keys = '']) => [
    commands.replaceAll('`', ''),
    { keys: [...keys.matchAll(/`([^`]+)`/g)].map(([, key = '']) => key), whole: !/…|fields|the same|each/.test(keys) },
  ]),
);

let place: Place;
beforeAll(async () => {
  place = await installedPlace();
});
afterAll(() => place.remove());

const event = mismatchEntry({ eventId: 'c0ffee00-1' });

async function print(name: string, argv: readonly string[], recorded: boolean): Promise<string> {
  const command = await COMMANDS[name]!.load();
  if (!recorded) return (await place.run(command, [...argv, '--json'], { env: { TRUST_STORES: 'system' } })).out;
  const installation = installationWith({ verdicts: [event] });
  try {
    const io = installation.io();
    await command([...argv, '-c', 'pinwarden.yaml', '--json'], io);
    return io.stdout();
  } finally {
    installation.remove();
  }
}

it.each([
  ['demo', 'demo', [], false],
  ['init', 'init', [], false],
  ['doctor', 'doctor', [], false],
  ['healthcheck', 'healthcheck', ['--url', 'http://127.0.0.1:1/'], false],
  ['check', 'check', [], false],
  ['explain', 'explain', ['www.google.com'], false],
  ['probe', 'probe', ['127.0.0.1:1'], false],
  ['verify', 'verify', ['--host', 'a.test', '--chain', 'config/ca.pem'], false],
  ['pins', 'pins', ['config/ca.pem'], false],
  ['events, watch', 'events', ['--since', '5000d'], true],
  ['events --group-by', 'events', ['--since', '5000d', '--group-by', 'code'], true],
  ['why', 'why', [event.eventId], true],
  ['evidence list', 'evidence', ['list'], true],
  ['evidence show, export', 'evidence', ['export', event.eventId], true],
  ['ca info', 'ca', ['info'], false],
  ['ca export', 'ca', ['export'], false],
  ['ca rotate', 'ca', ['rotate', '--dry-run'], false],
  ['ca trust, untrust', 'ca', ['trust', '--dry-run'], false],
  ['env', 'env', [], false],
] as const)('%s', { timeout: 120_000 }, async (row, name, argv, recorded) => {
  const said = documented.get(row);
  expect(said).toBeDefined();
  const out = await print(name, argv, recorded);
  const [first = ''] = out.startsWith('{\n') ? [out] : out.split('\n');
  const keys = Object.keys(JSON.parse(first) as object);
  if (said?.whole === true) expect(keys.toSorted()).toEqual(said.keys.toSorted());
  else for (const key of said?.keys ?? []) expect([...keys, 'pem', 'chain'], key).toContain(key);
});

it('lists every command that knows --json', () => {
  const rows = [...documented.keys()].join(' ').split(/,? /);
  const withJson = Object.entries(COMMANDS).filter(([, { options }]) => options.some(({ flag }) => flag === '--json'));
  expect(withJson.map(([name]) => name).filter((name) => !rows.includes(name))).toEqual([]);
  const without = Object.keys(COMMANDS).filter((name) => !withJson.some(([known]) => known === name));
  expect(without).toEqual(['completion']);
});
