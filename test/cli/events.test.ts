import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runEvents } from '../../src/cli/events.ts';
import { AT_MS, closeEntry, verdictEntry } from '../support/entries.ts';
import { mismatchEntry } from '../support/unexpected.ts';
import { type Installation, installationWith } from './sight-support.ts';

let one: Installation;

beforeAll(() => {
  one = installationWith({
    verdicts: [
      ...Array.from({ length: 5 }, (_, at) => mismatchEntry({ eventId: `block-${at}`, atMs: AT_MS + at * 1000 })),
      verdictEntry({ eventId: 'allow-1', atMs: AT_MS + 10_000 }),
    ],
    closes: [closeEntry({ eventId: 'allow-1', atMs: AT_MS + 11_000, clientAlert: 'unknown_ca' })],
  });
});

afterAll(() => one.remove());

async function events(...argv: string[]) {
  const io = one.io();
  return { code: await runEvents(['-c', 'pinwarden.yaml', ...argv], io), out: io.stdout(), err: io.stderr() };
}

const ALL = ['--since', '2026-01-01'];

describe('a wrong command line', () => {
  it.each([
    [['x']],
    [['--since', 'yesterday']],
    [['--since', '-1h']],
    [['--verdict', 'maybe']],
    [['--group-by', 'shoe-size']],
    [['--limit', '0']],
    [['--limit', '1e3']],
    [['--nonsense']],
  ])('%j', async (argv) => {
    const { code, err } = await events(...argv);
    expect(code).toBe(2);
    expect(err).toContain('usage: pinwarden events');
  });

  it('a configuration that is not there is no', async () => {
    const io = one.io();
    expect(await runEvents(['-c', 'nowhere.yaml'], io)).toBe(1);
    expect(io.stderr()).toContain('next: ');
  });
});

it('prints one line a verdict, oldest first, and what a close has to say', async () => {
  const { code, out } = await events(...ALL);
  expect(code).toBe(0);
  expect(out.split('\n')).toHaveLength(11);
  expect(out).toContain('CA refused: unknown_ca');
  expect(out).toContain('pinwarden why EVENT -c pinwarden.yaml');
  expect((await events()).out).toContain('no events since 1h');
});

it('the newest ones, and only certain verdicts', async () => {
  const { out } = await events(...ALL, '--limit', '2', '--verdict', 'block,alert');
  expect(out).toContain('block-4');
  expect(out).not.toContain('block-2');
  expect(out).toContain('2 events, 3 older ones left out');
});

it('as JSON: the lines as they are', async () => {
  const { out } = await events(...ALL, '--json');
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(7);
  expect(lines[0]).toMatchObject({ 'event.id': 'block-0', 'pinwarden.code': 'pin.mismatch' });
});

it('counted by what they have in common', async () => {
  const { out } = await events(...ALL, '--group-by', 'verdict,code,verdict');
  expect(out).toMatch(/ 5 +1 {2}03-01 00:00:04 block +pin.mismatch/);
  const json = await events(...ALL, '--group-by', 'code', '--json');
  expect(
    json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { code: 'pin.mismatch', count: 5, hosts: 1, last: '2026-03-01T00:00:04.000Z' },
    { code: null, count: 1 },
  ]);
});
