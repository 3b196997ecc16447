import { afterEach, expect, it } from 'vitest';
import type { Sample } from '../../src/observe/metrics.ts';
import { STATUS_POLICY } from '../../src/observe/status-style.ts';
import { type AdminSource, type OpenedAdmin, openAdmin, type Readiness } from '../../src/runtime/admin-routes.ts';
import { BindError } from '../../src/runtime/bind.ts';
import { closeServer } from '../support/sockets.ts';

let opened: OpenedAdmin | null = null;

afterEach(async () => {
  opened?.server.closeAllConnections();
  if (opened !== null) await closeServer(opened.server);
  opened = null;
});

const ready: Readiness = { policies: true, ca: true, listeners: true, audit: true, serving: true };
const workers = (value: number): readonly Sample[] => [
  { name: 'pinwarden_workers', help: 'w', type: 'gauge', values: [{ value, labels: {} }] },
];
const source: AdminSource = {
  nowMs: () => Date.UTC(2026, 5, 1),
  samples: async () => workers(1),
  readiness: () => ready,
  versions: { version: '1', node: '26', openssl: '3' },
};

async function open(changes: Partial<AdminSource> = {}) {
  opened = await openAdmin({ address: '127.0.0.1', port: 0 }, { ...source, ...changes });
  return async (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${opened!.address.port}${path}`, init);
}

it.each(['policies', 'ca', 'listeners', 'serving'] as const)('is not ready without %s, but alive', async (missing) => {
  const get = await open({ readiness: () => ({ ...ready, [missing]: false }) });
  const answer = await get('/readyz');
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ ready: false, checks: { ...ready, [missing]: false } });
  expect((await get('/healthz')).status).toBe(200);
  expect(await (await get('/')).text()).toContain(`not ready: ${missing}`);
});

it('answers its routes', async () => {
  const get = await open();
  expect(await (await get('/readyz')).json()).toMatchObject({ ready: true });
  expect(await (await get('/livez')).text()).toBe('ok\n');
  expect(await (await get('/version')).json()).toEqual({ version: '1', node: '26', openssl: '3' });
  const metrics = await get('/metrics');
  expect(metrics.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  expect(await metrics.text()).toBe(
    '# HELP pinwarden_workers w\n# TYPE pinwarden_workers gauge\npinwarden_workers 1\n',
  );
});

it('shows the status page to GET and HEAD, under its own policy', async () => {
  const get = await open();
  const page = await get('/');
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-security-policy')).toBe(STATUS_POLICY);
  expect(page.headers.get('cache-control')).toBe('no-store');
  const text = await page.text();
  expect(text).toContain('<data value="1">1</data> serving');
  const head = await get('/', { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
  expect(await head.text()).toBe('');
  expect((await get('/', { method: 'POST' })).status).toBe(405);
  expect((await get('/metrics')).headers.get('content-security-policy')).toBe("default-src 'none'");
});

it('makes one scrape for all who ask meanwhile, for metrics or the page', async () => {
  let made = 0;
  const first = Promise.withResolvers<readonly Sample[]>();
  const samples = async () => {
    made += 1;
    return made === 1 ? await first.promise : workers(made);
  };
  const get = await open({ samples });
  let asked = 0;
  opened?.server.on('request', () => {
    asked += 1;
    if (asked === 6) first.resolve(workers(1));
  });
  const paths = ['/metrics', '/metrics', '/metrics', '/', '/', '/'];
  const answers = await Promise.all(paths.map(async (path) => (await get(path)).text()));
  expect(made).toBe(1);
  expect(new Set(answers).size).toBe(2);
  expect(await (await get('/metrics')).text()).toContain('pinwarden_workers 2');
});

it('fails loudly when the port is taken', async () => {
  await open();
  await expect(openAdmin(opened!.address, source)).rejects.toThrow(BindError);
});
