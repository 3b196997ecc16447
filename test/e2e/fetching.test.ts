/**
 * What is fetched aside, through the running proxy: no handshake waits for it, and the next one profits. A CRL that
 * comes later also ends what is open.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo, openTunnel } from '../support/client.ts';
import { makeCrl } from '../support/crl-maker.ts';
import { type House, startHouse } from '../support/house.ts';
import { closed, closeServer, eventually, listen } from '../support/sockets.ts';
import { type StaplingOrigin, staplingOrigin } from '../support/stapling-origin.ts';
import { authority, type Issued } from '../support/test-ca.ts';

const root = authority({ cn: 'Root' });
const files = new Map<string, Buffer>();
const asked: string[] = [];
/** The CRL is handed out when this is settled: after its tunnel is open, so that it can end an open one. */
const opened = Promise.withResolvers<void>();
const publisher = createServer((request, response) => {
  const path = request.url ?? '';
  asked.push(path);
  const file = files.get(path);
  const answer = () => response.writeHead(file === undefined ? 404 : 200).end(file);
  if (path === '/revoking.crl') void opened.promise.then(answer);
  else answer();
});
const origins = new Map<string, StaplingOrigin>();
let house: House;
let crlLeaf: Issued;

beforeAll(async () => {
  const port = await listen(publisher);
  const url = (path: string) => `http://ca.test:${port}${path}`;
  const revoking = root.issueCa({ cn: 'Revoking' });
  crlLeaf = revoking.issueLeaf({ dns: ['revoked.test'], crlUris: [url('/revoking.crl')] });
  files.set('/revoking.crl', makeCrl(revoking, { atMs: Date.now(), revoked: [{ serial: crlLeaf.serial }] }));
  const missing = root.issueCa({ cn: 'Missing' });
  files.set('/missing.cer', missing.der);
  const forgotten = missing.issueLeaf({
    dns: ['forgotten.test'],
    aia: { caIssuers: [url('/missing.cer').replace('ca.test', 'aia.test')] },
  });
  const shared = root.issueCa({ cn: 'Shared' });
  const add = async (host: string, leaf: Issued, chain?: readonly Buffer[]) =>
    origins.set(host, await staplingOrigin(leaf, null, chain));
  await add('revoked.test', crlLeaf);
  await add('forgotten.test', forgotten, []);
  await add('whole.test', shared.issueLeaf({ dns: ['whole.test'] }));
  await add('short.test', shared.issueLeaf({ dns: ['short.test'] }), []);
  house = await startHouse({
    anchors: root.pem,
    upstreams: [
      ...[...origins].map(([host, one]) => ({ host, port: one.port })),
      { host: 'ca.test', port },
      { host: 'aia.test', port },
    ],
    rules: [...origins.keys()].map((host) => ({ name: host.replace('.', '-'), match: [host], checks: { ct: 'off' } })),
    config: {
      crl: { fetch: 'background' },
      aia: 'background',
      fetch: { ports: [port], allowPrivate: ['127.0.0.0/8'] },
    },
  });
});

afterAll(async () => {
  expect(await house.stop()).toBe(0);
  for (const one of origins.values()) await one.close();
  await closeServer(publisher);
});

async function statusOf(host: string): Promise<string> {
  const { reply, socket } = await connectTo(house.port, `${host}:${origins.get(host)!.port}`);
  socket.destroy();
  return `${reply.status} ${/details="([a-z.-]+)/.exec(String(reply.headers['proxy-status'] ?? ''))?.[1] ?? ''}`.trim();
}

describe('aside', () => {
  it('a CRL that an accepted certificate names ends its open tunnels, and blocks the next', async () => {
    const authorityText = `revoked.test:${origins.get('revoked.test')!.port}`;
    const { secured } = await openTunnel(house.port, authorityText, { ca: readFileSync(house.caFile) });
    secured.on('error', () => undefined).resume();
    opened.resolve();
    await closed(secured);
    await eventually('the next one is blocked', async () => (await statusOf('revoked.test')) === '502 crl.revoked');
    expect(asked.filter((path) => path === '/revoking.crl')).toHaveLength(1);
    const metrics = await house.metrics();
    expect(metrics.value('pinwarden_fetches_total', { kind: 'crl', result: 'taken' })).toBeGreaterThan(0);
    expect(metrics.value('pinwarden_fetch_urls', { kind: 'crl', state: 'fresh' })).toBeGreaterThan(0);
    expect(metrics.value('pinwarden_fetched_crl_oldest_age_seconds')).toBeGreaterThan(0);
  });

  it('an issuer that the upstream forgot is there for a later connection', async () => {
    expect(await statusOf('forgotten.test')).toBe('502 chain.incomplete');
    await eventually('it is complete', async () => (await statusOf('forgotten.test')) === '200');
    expect(asked.filter((path) => path === '/missing.cer')).toHaveLength(1);
  });

  it('an issuer that another host presented is known from then on', async () => {
    expect(await statusOf('short.test')).toBe('502 chain.incomplete');
    expect(await statusOf('whole.test')).toBe('200');
    expect(await statusOf('short.test')).toBe('200');
  });
});
