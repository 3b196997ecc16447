/** One GET of a hostile or right server, over real sockets. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchBytes, fetchTarget, isFetchFailure } from '../../src/upstream/fetch.ts';
import { createResolver } from '../../src/upstream/resolve.ts';
import { startDnsServer } from '../support/dns-server.ts';

const LOOPBACK = ['127.0.0.0/8'];
const resolver = createResolver({ hosts: new Map([['ca.test', ['127.0.0.1']]]), servers: [], own: [] });
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: RequestListener): Promise<number> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const ask = (port: number, more: Partial<Parameters<typeof fetchBytes>[0]> = {}) =>
  fetchBytes({
    url: `http://ca.test:${port}/a.crl?x=1`,
    resolver,
    allowPrivate: LOOPBACK,
    ports: [port],
    maxBytes: 1_000,
    timeoutMs: 5_000,
    ...more,
  });

describe('a URL', () => {
  it.each([
    'https://ca.test/a',
    'ldap://ca.test/a',
    'http://user@ca.test/a',
    'http://ca.test:81/a',
    'http://ca.test:0/a',
    'http://ca_%00.test/',
    'ca.test/a',
    '',
    `http://ca.test/${'x'.repeat(1_024)}`,
  ])('is not followed: %s', (url) => {
    expect(fetchTarget(url, [80])).toBeNull();
  });

  it('is read once, for the guard and for the request', () => {
    expect(fetchTarget('http://CA.test/a/../b.crl?c#d', [80])).toEqual({
      authority: { host: 'ca.test', kind: 'name', port: 80 },
      path: '/b.crl?c',
      hostHeader: 'ca.test',
    });
    expect(fetchTarget('http://[2001:db8::1]:8080/', [8080])?.authority).toMatchObject({ kind: 'ipv6', port: 8080 });
  });
});

describe('a fetch', () => {
  it('goes through the address guard', async () => {
    const port = await serve((_request, response) => response.end('no'));
    await expect(ask(port, { allowPrivate: [] })).rejects.toMatchObject({ code: 'address.denied' });
    const own = createResolver({
      hosts: new Map([['ca.test', ['127.0.0.1']]]),
      servers: [],
      own: [{ address: '127.0.0.1', port }],
    });
    await expect(ask(port, { resolver: own })).rejects.toMatchObject({ code: 'address.self' });
    own.close();
    await expect(ask(port, { ports: [80] })).rejects.toThrow('not a URL that may be fetched');
  });

  it.each<readonly [string, RequestListener, RegExp]>([
    [
      'a redirect',
      (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1/' }).end(),
      /status 302/,
    ],
    ['an error', (_request, response) => response.writeHead(404).end('x'), /status 404/],
    ['too much', (_request, response) => response.end(Buffer.alloc(1_001)), /more than 1000 bytes/],
    [
      'an end in the middle',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '10' });
        response.write('x');
        setImmediate(() => response.destroy());
      },
      /ECONNRESET|connection broke/,
    ],
    [
      'a long header',
      (_request, response) => response.writeHead(200, { x: 'y'.repeat(9_000) }).end(),
      /HPE_HEADER_OVERFLOW/,
    ],
    ['a hang-up', (request) => request.socket.destroy(), /ECONNRESET|connection broke/],
  ])('fails for %s', async (_what, answer, expected) => {
    const port = await serve(answer);
    const failed = await ask(port).catch((thrown: unknown) => thrown);
    expect(String(failed)).toMatch(expected);
    expect(isFetchFailure(failed)).toBe(true);
  });

  it('does not wait for ever, and says so wherever it was', async () => {
    const port = await serve(() => undefined);
    await expect(ask(port, { timeoutMs: 50 })).rejects.toThrow('no answer in time');
    const dns = await startDnsServer({ 'ca.test': 'silent' });
    const slow = createResolver({ hosts: new Map(), servers: [dns.server], own: [] });
    await expect(ask(port, { timeoutMs: 50, resolver: slow })).rejects.toThrow('no answer in time');
    slow.close();
    await dns.close();
  });

  it('brings the bytes, and says little about us', async () => {
    const seen: unknown[] = [];
    const port = await serve((request, response) => {
      seen.push(request.method, request.url, request.rawHeaders);
      response.end('bytes');
    });
    expect((await ask(port)).toString()).toBe('bytes');
    expect(seen).toEqual(['GET', '/a.crl?x=1', ['Host', `ca.test:${port}`, 'Connection', 'close']]);
    expect(isFetchFailure(new TypeError('a mistake of ours'))).toBe(false);
  });
});
