import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { get, type Server } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAdminSocket, readToken, socketName } from '../../src/runtime/admin-socket.ts';
import { closeServer, listen } from '../support/sockets.ts';

const UID = process.getuid?.() ?? null;
let dir: string;
const servers: Server[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'admin-'));
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map(async (server) => closeServer(server)));
  rmSync(dir, { recursive: true, force: true });
});

const at = (name: string) => join(dir, name);

async function open(config: Parameters<typeof openAdminSocket>[0], uid = UID) {
  const route = { method: 'GET', path: '/v1/x', query: [], handle: () => ({ status: 200, body: 1 }) } as const;
  const opened = await openAdminSocket(config, [route], uid);
  servers.push(opened.server);
  return opened;
}

async function statusOf(socketPath: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path: '/v1/x', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).once('error', reject);
  });
}

/** What a process that was killed leaves behind. */
async function staleSocket(path: string): Promise<void> {
  const script = `require('node:net').createServer().listen(process.argv[1], () => process.stdout.write('x'))`;
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('a socket in the file system is refused', () => {
  it('where others could put one of theirs', async () => {
    mkdirSync(at('shared'));
    chmodSync(at('shared'), 0o777);
    await expect(open({ unix: at('shared/admin.sock') })).rejects.toThrow(/others may write to .*shared/);
    chmodSync(at('shared'), 0o775);
    await expect(open({ unix: at('shared/admin.sock') })).rejects.toThrow(/chmod 700/);
  });

  it('where something else lies, and that stays', async () => {
    writeFileSync(at('file'), 'mine');
    symlinkSync(at('nowhere'), at('link'));
    for (const name of ['file', 'link']) {
      await expect(open({ unix: at(name) })).rejects.toThrow(/is there and is no socket of ours/);
    }
    expect(readFileSync(at('file'), 'utf8')).toBe('mine');
    const foreign = createServer();
    await new Promise<void>((done) => foreign.listen(at('foreign.sock'), done));
    if (UID !== null) await expect(open({ unix: at('foreign.sock') }, UID + 1)).rejects.toThrow(/no socket of ours/);
    await expect(open({ unix: at('foreign.sock') })).rejects.toThrow(/another instance answers/);
    await closeServer(foreign);
  });

  it('when its name is too long for the system', async () => {
    await expect(open({ unix: at('x'.repeat(120)) })).rejects.toThrow(/longer than the 103 bytes/);
  });
});

describe('a socket in the file system', () => {
  it('is its owner’s alone, in a directory that is made for it', async () => {
    const path = at('run/admin.sock');
    const before = process.umask();
    expect(await open({ unix: path })).toMatchObject({ address: null });
    expect(process.umask()).toBe(before);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(at('run')).mode & 0o777).toBe(0o700);
    expect(await statusOf(path)).toBe(200);
  });

  it('takes the place of one on which nobody answers', async () => {
    await staleSocket(at('admin.sock'));
    expect(statSync(at('admin.sock')).isSocket()).toBe(true);
    await open({ unix: at('admin.sock') });
    expect(await statusOf(at('admin.sock'))).toBe(200);
  });

  it('may lie where only the owner of a file may remove it', async () => {
    mkdirSync(at('sticky'));
    chmodSync(at('sticky'), 0o1777);
    await open({ unix: at('sticky/admin.sock') });
    expect(await statusOf(at('sticky/admin.sock'))).toBe(200);
  });
});

it('names a socket by the shorter way', () => {
  expect(socketName(join(process.cwd(), 'state/admin.sock'))).toBe('state/admin.sock');
  expect(socketName('/x')).toBe('/x');
});

describe('a token', () => {
  it.each([
    ['readable by others', 0o644, 'x'.repeat(30)],
    ['readable by the group', 0o640, 'x'.repeat(30)],
    ['short', 0o600, 'x'.repeat(21)],
    ['of two lines', 0o600, `${'x'.repeat(30)}\n${'y'.repeat(30)}`],
    ['empty', 0o600, ''],
  ])('is refused: %s', (_, mode, text) => {
    writeFileSync(at('token'), text);
    chmodSync(at('token'), mode);
    expect(() => readToken(at('token'), UID)).toThrow(/token/);
    expect(() => readToken(at('absent'), UID)).toThrow(/no such file/);
  });

  it('is one line of its owner', () => {
    writeFileSync(at('token'), `${'x'.repeat(30)}\n`, { mode: 0o600 });
    expect(readToken(at('token'), UID)).toBe('x'.repeat(30));
  });
});

it('on an address asks for the token, and says when the address is taken', async () => {
  writeFileSync(at('token'), 'x'.repeat(30), { mode: 0o600 });
  const config = { address: '127.0.0.1', port: 0, tokenFile: at('token') };
  const { address } = await open(config);
  const url = `http://127.0.0.1:${address?.port}/v1/x`;
  expect((await fetch(url)).status).toBe(401);
  expect((await fetch(url, { headers: { authorization: `Bearer ${'x'.repeat(30)}` } })).status).toBe(200);
  const taken = createServer();
  const port = await listen(taken);
  await expect(open({ ...config, port })).rejects.toThrow(/EADDRINUSE/);
  await closeServer(taken);
});
