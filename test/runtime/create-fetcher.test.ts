/** The fetcher with its real parts: configuration, guard, disk. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createFetcher } from '../../src/runtime/create-fetcher.ts';
import type { Fetcher } from '../../src/runtime/fetcher.ts';
import type { Generation } from '../../src/runtime/generations.ts';
import { testClock } from '../support/clock.ts';
import { configOf } from '../support/policies.ts';
import { AT, crlOf, wantedCrl } from './fetch-cases.ts';

const state = mkdtempSync(join(tmpdir(), 'fetcher-'));
const closing: (() => void)[] = [() => rmSync(state, { recursive: true, force: true })];
afterEach(() => {
  for (const close of closing.splice(0).toReversed()) close();
});

it('does nothing before there is a configuration, and then what it says', async () => {
  const server = createServer((_request, response) => response.end(crlOf()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const url = `http://ca.test:${port}/a.crl`;
  const lines: string[] = [];
  const results: string[] = [];
  let changes = 0;
  const generations: { current: Generation | null } = { current: null };
  const fetcher: Fetcher = createFetcher({
    options: { clock: testClock(AT), log: (line) => lines.push(line) },
    state,
    own: [],
    generations,
    changed: () => {
      changes += 1;
    },
    count: (_kind, result) => results.push(result),
  });
  closing.push(() => fetcher.stop());
  fetcher.want([wantedCrl(url)]);
  await fetcher.turn();
  const use = (yaml: string): void => {
    const config = configOf(`egress: { hosts: { ca.test: [127.0.0.1] } }\ncrl: { fetch: background }\n${yaml}`);
    generations.current = { config } as Generation;
  };
  use(`fetch: { ports: [${port}] }\n`);
  fetcher.want([wantedCrl(url)]);
  await fetcher.turn();
  expect([changes, lines.length]).toEqual([0, 1]);
  use(`fetch: { ports: [${port}], allowPrivate: [127.0.0.0/8] }\n`);
  fetcher.want([wantedCrl(`${url}?again`)]);
  await fetcher.turn();
  expect(changes).toBe(0);
  const other = wantedCrl(url.replace('ca.test', '127.0.0.1'));
  fetcher.want([other]);
  await fetcher.turn();
  expect(changes).toBe(1);
  expect(fetcher.material.crls).toHaveLength(1);
  expect(results).toEqual(['failed', 'taken']);
  expect(readdirSync(join(state, 'fetched'))).toHaveLength(1);
});
