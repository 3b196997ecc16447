import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adminOf, askAdmin, followEvents } from '../../src/cli/admin-client.ts';
import { CommandError } from '../../src/cli/usage.ts';
import { loadConfig } from '../../src/policy/load.ts';
import { closeServer, listen } from '../support/sockets.ts';

let dir: string;
const servers: Server[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'client-'));
  writeFileSync(join(dir, 'token'), 'x'.repeat(30), { mode: 0o600 });
});

afterEach(async () => {
  for (const server of servers) server.closeAllConnections();
  await Promise.all(servers.splice(0).map(async (server) => closeServer(server)));
  rmSync(dir, { recursive: true, force: true });
});

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  servers.push(server);
  return { address: '127.0.0.1', port: await listen(server), tokenFile: join(dir, 'token') };
}

const NEVER = new AbortController().signal;

describe('no answer', () => {
  it('of a configuration without an admin interface', () => {
    const config = loadConfig('version: 1\n', '/c.yaml');
    if (!config.ok) throw new Error('refused');
    expect(() => adminOf(config.value, { cwd: '/' })).toThrow(CommandError);
  });

  it('where nothing listens, or not for us', async () => {
    await expect(askAdmin({ unix: join(dir, 'none.sock') }, '/')).rejects.toThrow(
      /nothing answers on .*none\.sock \(ENOENT\)/,
    );
    await expect(followEvents({ unix: join(dir, 'none.sock') }, () => undefined, NEVER)).rejects.toThrow(CommandError);
    const admin = await serve((_request, response) => response.end('[1]'));
    await expect(askAdmin(admin, '/')).rejects.toThrow(/does not answer like pinwarden/);
    await expect(askAdmin({ ...admin, tokenFile: join(dir, 'absent') }, '/')).rejects.toThrow(/no such file/);
    writeFileSync(join(dir, 'open'), 'x'.repeat(30), { mode: 0o644 });
    await expect(askAdmin({ ...admin, tokenFile: join(dir, 'open') }, '/')).rejects.toThrow(
      /read or written by others/,
    );
  });

  it('but a refusal, with what it says, escaped', async () => {
    const admin = await serve((_request, response) => {
      response.statusCode = 400;
      response.end(JSON.stringify({ detail: 'host \u001b[31m is missing' }));
    });
    await expect(askAdmin(admin, '/')).rejects.toThrow(String.raw`host \u001b[31m is missing`);
    await expect(followEvents(admin, () => undefined, NEVER)).rejects.toThrow(/status 400/);
    const odd = await serve((_request, response) => {
      response.statusCode = 500;
      response.end('{}');
    });
    await expect(askAdmin(odd, '/')).rejects.toThrow(/status 500/);
  });

  it('longer than it should be', async () => {
    const admin = await serve((_request, response) => {
      response.write('{"a":"');
      const more = () => {
        while (response.write('x'.repeat(1_000_000)));
        response.once('drain', more);
      };
      more();
    });
    await expect(askAdmin(admin, '/')).rejects.toThrow(/too long/);
    const seen: string[] = [];
    await followEvents(admin, (kind) => void seen.push(kind), NEVER);
    expect(seen).toEqual([]);
  });
});

it('asks with the token, and changes with the header', async () => {
  const asked: unknown[] = [];
  const admin = await serve(({ method, url, headers }, response) => {
    asked.push([method, url, headers.authorization, headers['pinwarden-admin']]);
    response.end('{"ok":true}');
  });
  expect(await askAdmin(admin, '/v1/x?a=1')).toEqual({ ok: true });
  await askAdmin(admin, '/v1/reload', 'POST');
  const token = `Bearer ${'x'.repeat(30)}`;
  expect(asked).toEqual([
    ['GET', '/v1/x?a=1', token, undefined],
    ['POST', '/v1/reload', token, '1'],
  ]);
});

it('reads events however they are cut, and ends with the stream or the signal', async () => {
  const text =
    ': hello\n\nevent: verdict\ndata: {"a":1}\n\nevent: verdict\ndata: nonsense\n\ndata: {}\n\nevent: dropped\ndata: {"count":2}\n\n';
  const admin = await serve((_request, response) => {
    for (const character of text) response.write(character);
    response.end();
  });
  const seen: unknown[] = [];
  await followEvents(admin, (kind, data) => void seen.push([kind, data]), NEVER);
  expect(seen).toEqual([
    ['verdict', { a: 1 }],
    ['dropped', { count: 2 }],
  ]);
  const endless = await serve((_request, response) => void response.write('event: verdict\ndata: {"a":1}\n\n'));
  const stop = new AbortController();
  await followEvents(endless, () => stop.abort(), stop.signal);
});
