import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runEvidence } from '../../src/cli/evidence.ts';
import { runVerify } from '../../src/cli/verify.ts';
import { exhibitIdOf } from '../../src/observe/exhibit.ts';
import { AT_MS } from '../support/entries.ts';
import { mismatchEntry, rogueLeaf } from '../support/unexpected.ts';
import { type Installation, installationWith } from './sight-support.ts';

let one: Installation;
const other = { host: 'other.example', kind: 'name', port: 443 } as const;
const ID = exhibitIdOf(mismatchEntry())!;

beforeAll(() => {
  one = installationWith({
    verdicts: [
      ...Array.from({ length: 50 }, (_, at) => mismatchEntry({ eventId: `event-${at}`, atMs: AT_MS + at * 1000 })),
      mismatchEntry({ eventId: 'other-1', authority: other, atMs: AT_MS + 90_000 }, rogueLeaf('other.example')),
    ],
  });
});

afterAll(() => one.remove());

async function evidence(...argv: string[]) {
  const io = one.io();
  return { code: await runEvidence([...argv, '-c', 'pinwarden.yaml'], io), out: io.stdout(), err: io.stderr() };
}

describe('a wrong command line', () => {
  it.each([
    [[]],
    [['burn']],
    [['list', 'x']],
    [['show']],
    [['export']],
    [['show', 'a', 'b']],
    [['show', 'abcd', '--out', 'f']],
  ])('%j', async (argv) => {
    const { code, err } = await evidence(...argv);
    expect(code).toBe(2);
    expect(err).toContain('usage: pinwarden evidence');
  });
});

describe('no such chain', () => {
  it.each([['no-such-event'], ['xy'], ['../../etc']])('%s', async (id) => {
    const { code, err } = await evidence('show', id);
    expect(code).toBe(1);
    expect(err).toContain('next: ');
  });

  it('an empty locker says so', async () => {
    const empty = installationWith();
    const io = empty.io();
    expect(await runEvidence(['list', '-c', 'pinwarden.yaml'], io)).toBe(0);
    expect(io.stdout()).toBe('nothing unexpected was kept\n');
    empty.remove();
  });
});

it('lists newest first, for people and for machines', async () => {
  const { out } = await evidence('list');
  const [, first, second] = out.split('\n');
  expect(first).toMatch(/block other\.example:443 +pin\.mismatch +1 03-01 00:01:30/);
  expect(second).toMatch(new RegExp(`^${ID.slice(0, 8)} block api\\.bank\\.example:443 +pin\\.mismatch +50 `));
  const lines = (await evidence('list', '--json')).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ id, chain }) => [id, chain])).toContainEqual([ID, undefined]);
});

it.each([[ID.slice(0, 8)], ['event-0'], ['event-49'], ['event-10']])('finds it by %s', async (id) => {
  const { code, out } = await evidence('show', id);
  expect(code).toBe(0);
  expect(out).toContain(`evidence    ${ID}`);
  expect(out).not.toContain('BEGIN CERTIFICATE');
});

it('exports a file that verify judges as the proxy did', async () => {
  expect((await evidence('export', ID)).out).toContain('BEGIN CERTIFICATE');
  expect(JSON.parse((await evidence('export', ID, '--json')).out)).toMatchObject({ id: ID, code: 'pin.mismatch' });
  const { code, out } = await evidence('export', ID, '--out', 'chain.pem');
  expect([code, out]).toEqual([0, `${join(one.dir, 'chain.pem')}\n`]);
  expect(statSync(join(one.dir, 'chain.pem')).mode & 0o777).toBe(0o600);
  const again = await evidence('export', ID, '--out', 'chain.pem');
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('exists already')]);
  const io = one.io();
  const command = /pinwarden verify (.*)/.exec(readFileSync(join(one.dir, 'chain.pem'), 'utf8'))?.[1]?.split(' ') ?? [];
  expect(await runVerify(command, io)).toBe(1);
  expect(io.stdout(), 'the root is not public').toContain('CN=api.bank.example');
});
