import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runningItems } from '../../src/cli/doctor-running.ts';
import { readInstallationOrDefaults } from '../../src/cli/installation.ts';
import type { Config } from '../../src/policy/config.ts';
import { freePorts } from '../support/house.ts';
import { closeServer, listen, portOf, track } from '../support/sockets.ts';
import { capturedIo } from './captured-io.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()?.();
});

async function serve(server: Server): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => track(open, socket));
  await listen(server);
  closers.push(() => closeServer(server, open));
  return portOf(server);
}

const web = async (answer: RequestListener) => await serve(createHttpServer(answer));
const silent = async () => await serve(createServer());

/** A port on which nothing listens. */
const freePort = async () => (await freePorts(1))[0]!;

function config(port: number, metricsPort: number | null): Config {
  const defaults = readInstallationOrDefaults(undefined, capturedIo('/nowhere'));
  const address = '127.0.0.1';
  return {
    ...defaults,
    listen: [{ address, port }],
    metrics: metricsPort === null ? null : { address, port: metricsPort },
  };
}

const words = async (port: number, metricsPort: number | null) =>
  (await runningItems(config(port, metricsPort), capturedIo('/'))).map(({ name, is }) => `${name} ${is}`);

const proxyLike =
  (ready: boolean, metrics: string): RequestListener =>
  (request, response) => {
    if (request.url === '/version') response.end('{"version":"1","node":"26","openssl":"3"}');
    else if (request.url === '/readyz') response.writeHead(ready ? 200 : 503).end('{"ready":false}');
    else response.end(metrics);
  };

describe('a proxy that', () => {
  it('does not run is no failure', async () => {
    const port = await freePort();
    expect(await words(port, await freePort())).toEqual(['listeners ok']);
    expect(await words(0, null)).toEqual(['listeners ok']);
  });

  it('cannot start, because something else has its ports, is one', async () => {
    expect(await words(await silent(), await freePort())).toEqual(['listeners fail']);
    const other = await web((_request, response) => response.end('hello'));
    expect(await words(await freePort(), other)).toEqual(['listeners ok', 'metrics fail']);
    expect(await words(await silent(), other)).toEqual(['listeners fail']);
  });

  it('listens without metrics cannot be told from others', async () => {
    expect(await words(await silent(), null)).toEqual(['listeners ok']);
  });

  it('is not ready, or lost a listener, is one', async () => {
    const metrics = await web(proxyLike(false, ''));
    expect(await words(await silent(), metrics)).toEqual(['listeners ok', 'ready fail', 'refusals ok']);
  });

  it('counts clients that refuse its CA says so', async () => {
    const text = [
      '# HELP pinwarden_client_alerts_total x',
      'pinwarden_client_alerts_total{client="ci",alert="unknown_ca"} 3',
      'pinwarden_client_alerts_total{client="ci",alert="closed"} 9',
      'pinwarden_client_alerts_total{client="web",alert="unknown_ca"} 0',
    ].join('\n');
    const items = await runningItems(config(await silent(), await web(proxyLike(true, text))), capturedIo('/'));
    expect(items.map(({ name, is }) => `${name} ${is}`)).toEqual(['listeners ok', 'ready ok', 'refusals warn']);
    expect(items[2]?.says).toBe('client groups that refused our CA: ci (unknown_ca, 3)');
  });

  it('goes on with an older file says which one, why, and what to do about it', async () => {
    const metrics = await web(proxyLike(true, 'pinwarden_config_last_reload_successful 0\n'));
    const port = await silent();
    const blind = await runningItems(config(port, metrics), capturedIo('/'));
    expect(blind.map(({ name, is }) => `${name} ${is}`)).toContain('reload warn');
    expect(blind.find(({ name }) => name === 'reload')?.next).toBe('read the output of the proxy');

    const directory = mkdtempSync(join(tmpdir(), 'doctor-'));
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, 'x'.repeat(30), { mode: 0o600 });
    closers.push(async () => rmSync(directory, { recursive: true }));
    const asked: string[] = [];
    const mistake = {
      file: '/etc/bank.yaml',
      line: 7,
      column: 5,
      message: 'weakens rule `bank`',
      hint: 'say `weakens`',
    };
    const bodies = [
      { held: [{ file: '/etc/bank.yaml', hasLastGood: true, mistakes: [mistake] }] },
      { held: [{ mistakes: [{ ...mistake, hint: null }] }, { mistakes: [] }, { mistakes: 3 }, null] },
      { held: 'x' },
    ];
    const admin = await web((request, response) => {
      asked.push(request.url ?? '');
      response.end(JSON.stringify(bodies.shift() ?? {}));
    });
    const withAdmin = { ...config(port, metrics), admin: { address: '127.0.0.1', port: admin, tokenFile } };
    const reloads = async () =>
      (await runningItems(withAdmin, capturedIo('/'))).filter(({ name }) => name === 'reload');
    const says = 'refused: /etc/bank.yaml:7:5: weakens rule `bank`';
    expect(await reloads()).toEqual([{ name: 'reload', is: 'warn', says, next: 'say `weakens`' }]);
    expect(await reloads()).toMatchObject([{ says, next: expect.stringContaining('put back what runs') as string }]);
    expect(await reloads()).toMatchObject([{ next: 'read the output of the proxy' }]);
    expect(asked[0]).toBe('/v1/policies?limit=1');
  });

  it('hands out another CA is perhaps that of another installation', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'doctor-'));
    closers.push(async () => rmSync(directory, { recursive: true }));
    const certificateFile = join(directory, 'ca.pem');
    const pem = (body: string, end = '\n') =>
      ['-----BEGIN CERTIFICATE-----', body, '-----END CERTIFICATE-----', ''].join(end);
    writeFileSync(certificateFile, pem('b3Vycw=='));
    const metrics = await web(proxyLike(true, ''));
    const told = async (handed: string) => {
      const port = await web((request, response) => response.end(request.url === '/ca.pem' ? handed : ''));
      const one = config(port, metrics);
      return await runningItems({ ...one, ca: { ...one.ca, certificateFile } }, capturedIo('/'));
    };
    expect(await told(pem('dGhlaXJz'))).toMatchObject([
      { name: 'listeners', is: 'ok' },
      { name: 'listeners', is: 'warn', says: expect.stringContaining('another CA than') as string },
      { name: 'ready' },
      { name: 'refusals' },
    ]);
    for (const handed of [pem('b3Vycw==', '\r\n'), `${pem('dGhlaXJz')}${pem('b3Vycw==')}`]) {
      expect((await told(handed)).map(({ is }) => is)).toEqual(['ok', 'ok', 'ok']);
    }
  });

  it('says nothing of a CA beside a file that cannot be read', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'doctor-'));
    closers.push(async () => rmSync(directory, { recursive: true }));
    const port = await web((_request, response) => response.end('-----BEGIN CERTIFICATE-----\n'));
    const one = config(port, await web(proxyLike(true, '')));
    const items = await runningItems({ ...one, ca: { ...one.ca, certificateFile: directory } }, capturedIo('/'));
    expect(items.map(({ is }) => is)).toEqual(['ok', 'ok', 'ok']);
  });

  it('took its files whole says nothing of reloads', async () => {
    const metrics = await web(proxyLike(true, 'pinwarden_config_last_reload_successful 1\n'));
    expect(await words(await silent(), metrics)).toEqual(['listeners ok', 'ready ok', 'refusals ok']);
  });
});
