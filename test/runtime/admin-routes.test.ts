import { afterEach, expect, it } from 'vitest';
import { type OpenedAdmin, openAdmin, type Readiness } from '../../src/runtime/admin-routes.ts';
import { BindError } from '../../src/runtime/bind.ts';
import { closeServer } from '../support/sockets.ts';

let opened: OpenedAdmin | null = null;

afterEach(async () => {
  opened?.server.closeAllConnections();
  if (opened !== null) await closeServer(opened.server);
  opened = null;
});

const ready: Readiness = { policies: true, ca: true, listeners: true, serving: true };

async function open(readiness: Readiness) {
  opened = await openAdmin(
    { address: '127.0.0.1', port: 0 },
    {
      metricsText: async () => 'up 1\n',
      readiness: () => readiness,
      versions: { version: '1', node: '26', openssl: '3' },
    },
  );
  return async (path: string) => fetch(`http://127.0.0.1:${opened!.address.port}${path}`);
}

it.each(['policies', 'ca', 'listeners', 'serving'] as const)('is not ready without %s, but alive', async (missing) => {
  const get = await open({ ...ready, [missing]: false });
  const answer = await get('/readyz');
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ ready: false, checks: { ...ready, [missing]: false } });
  expect((await get('/healthz')).status).toBe(200);
});

it('answers its routes', async () => {
  const get = await open(ready);
  expect(await (await get('/readyz')).json()).toMatchObject({ ready: true });
  expect(await (await get('/livez')).text()).toBe('ok\n');
  expect(await (await get('/version')).json()).toEqual({ version: '1', node: '26', openssl: '3' });
  const metrics = await get('/metrics');
  expect(metrics.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  expect(await metrics.text()).toBe('up 1\n');
});

it('makes one scrape for all who ask meanwhile', async () => {
  let made = 0;
  const first = Promise.withResolvers<string>();
  const source = { readiness: () => ready, versions: { version: '1', node: '26', openssl: '3' } };
  const metricsText = async () => {
    made += 1;
    return made === 1 ? await first.promise : `scrape ${made}`;
  };
  opened = await openAdmin({ address: '127.0.0.1', port: 0 }, { ...source, metricsText });
  let asked = 0;
  opened.server.on('request', () => {
    asked += 1;
    if (asked === 5) first.resolve('scrape 1');
  });
  const get = async () => await (await fetch(`http://127.0.0.1:${opened!.address.port}/metrics`)).text();
  expect(new Set(await Promise.all(Array.from({ length: 5 }, get)))).toEqual(new Set(['scrape 1']));
  expect(await get()).toBe('scrape 2');
});

it('fails loudly when the port is taken', async () => {
  await open(ready);
  const again = openAdmin(opened!.address, {
    metricsText: async () => '',
    readiness: () => ready,
    versions: { version: '1', node: '26', openssl: '3' },
  });
  await expect(again).rejects.toThrow(BindError);
});
