import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { connectTo, plainEnv, run } from '../support/client.ts';
import { freePorts } from '../support/house.ts';
import { eventually } from '../support/sockets.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const CONFIG = {
  version: 1,
  listen: [{ address: '127.0.0.1', port: 0 }],
  metrics: { address: '127.0.0.1', port: 0 },
  policies: [],
  workers: 1,
};

let dir: string;
let child: ChildProcess | null = null;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'run-'));
  writeFileSync(join(dir, 'pinwarden.yaml'), JSON.stringify(CONFIG));
});

afterEach(() => {
  child?.kill('SIGKILL');
  child = null;
  rmSync(dir, { recursive: true, force: true });
});

const pinwarden = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  run(process.execPath, [MAIN, ...args], { cwd: dir, env: plainEnv(env) });

describe('refuses', () => {
  it('a wrong command line with 2', async () => {
    expect(await pinwarden([])).toMatchObject({ exitCode: 2 });
    expect(await pinwarden(['dance'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('no command "dance"'),
    });
    expect(await pinwarden(['run', '--fast'])).toMatchObject({ exitCode: 2 });
    expect(await pinwarden(['constructor'])).toMatchObject({ exitCode: 2 });
    expect(await pinwarden(['--help'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/run .*the proxy/),
    });
  });

  it('a configuration that is missing or wrong with 1, and says where', async () => {
    expect(await pinwarden(['run', '-c', 'absent.yaml'])).toMatchObject({ exitCode: 1 });
    writeFileSync(join(dir, 'pinwarden.yaml'), 'version: 1\nlisten_on: all\n');
    const refused = await pinwarden(['run', '-c', 'pinwarden.yaml']);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/pinwarden\.yaml:2:1: error/) });
  });

  it('an environment that can switch verification off', async () => {
    const name = ['NODE', 'TLS', 'REJECT', 'UNAUTHORIZED'].join('_');
    const refused = await pinwarden(['run', '-c', 'pinwarden.yaml'], { [name]: '0' });
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(name) });
  });

  it('options of Node that reach the process that holds the CA key', async () => {
    writeFileSync(join(dir, 'hook.cjs'), '');
    const NODE_OPTIONS = `--require ${join(dir, 'hook.cjs')}`;
    const refused = await pinwarden(['run', '-c', 'pinwarden.yaml'], { NODE_OPTIONS });
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('NODE_OPTIONS holds --require') });
  });
});

const start = async (...more: readonly string[]) =>
  watchStart(spawn(process.execPath, [MAIN, 'run', '-c', 'pinwarden.yaml', ...more], { cwd: dir, env: plainEnv() }));

async function watchStart(started: ChildProcessWithoutNullStreams) {
  child = started;
  let text = '';
  let out = '';
  started.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  for (const stream of [started.stdout, started.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  // With all that it wrote, which `exit` does not wait for.
  const ended = once(started, 'close');
  await eventually('the first screen', () => /try it:|"selfTest".*\n/.test(text) || started.exitCode !== null, 60_000);
  return { output: () => text, stdout: () => out, ended };
}

describe('runs', () => {
  it('with a CA made for it, says so, and ends with 0 and its counts at SIGTERM', async () => {
    const { output, ended } = await start();
    expect(output()).toContain('a rogue endpoint was blocked');
    expect(output()).toContain('nothing trusts it yet');
    expect(readFileSync(join(dir, 'ca.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
    expect(output()).not.toContain('PRIVATE KEY');
    child?.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(output()).toContain('0 tunnels finished, 0 were cut');
  });

  it('and ends with 0 however often it is told to, up to its last moment', async () => {
    const { output, ended } = await start();
    const again = setInterval(() => child?.kill('SIGTERM'), 1);
    try {
      expect(await ended).toEqual([0, null]);
    } finally {
      clearInterval(again);
    }
    expect(output()).toContain('0 tunnels finished, 0 were cut');
  });

  it('and with --json writes one line for programs to standard output, whose addresses answer', async () => {
    const { stdout, ended } = await start('--json');
    const [line = '', ...rest] = stdout().split('\n');
    expect(rest).toEqual(['']);
    const said = JSON.parse(line) as Record<string, unknown>;
    expect(said).toMatchObject({ workers: 1, selfTest: { ok: true }, ca: { created: true }, unmatched: 'block' });
    const page = await fetch(String(said['statusPage']));
    expect(await page.text()).toContain('<h1>Pinwarden</h1>');
    expect(await (await fetch(String(said['metrics']))).text()).toContain('pinwarden_workers 1');
    child?.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(stdout()).toBe(`${line}\n`);
  });

  it('and ends at a signal that comes before everything serves', async () => {
    const started = spawn(process.execPath, [MAIN, 'run', '-c', 'pinwarden.yaml'], { cwd: dir, env: plainEnv() });
    child = started;
    const ended = once(started, 'exit');
    await eventually('it has begun', () => {
      try {
        return readFileSync(join(dir, 'ca.pem'), 'utf8') !== '';
      } catch {
        return false;
      }
    });
    started.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  });

  it('and takes its workers with it when it is killed', async () => {
    await start();
    const pid = child?.pid ?? 0;
    const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    expect(workers).toHaveLength(1);
    child?.kill('SIGKILL');
    await eventually('the worker has gone', () => {
      try {
        return /^State:\s+Z/m.test(readFileSync(`/proc/${workers[0]}/status`, 'utf8'));
      } catch {
        return true;
      }
    });
  });
});

describe('is not opened or ended by a user signal', () => {
  const childrenOf = (pid: number) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  const argvOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');

  it('when it is started without a word against it', async () => {
    const [inspectPort = 0] = await freePorts(1);
    const argv = [`--inspect-port=${inspectPort}`, MAIN, 'run', '-c', 'pinwarden.yaml', '--json'];
    const { output, stdout } = await watchStart(spawn(process.execPath, argv, { cwd: dir, env: plainEnv() }));
    const pid = child?.pid ?? 0;
    const workers = childrenOf(pid);
    for (const each of [pid, ...workers]) {
      process.kill(each, 'SIGUSR1');
      process.kill(each, 'SIGUSR2');
    }
    const said = JSON.parse(stdout()) as { readonly proxy: readonly string[] };
    const { reply, socket } = await connectTo(Number(said.proxy[0]?.split(':').at(-1)), 'localhost:1');
    socket.destroy();
    expect(reply.status).toBe(403);
    await expect(fetch(`http://127.0.0.1:${inspectPort}/json/list`)).rejects.toThrow();
    expect(output()).not.toContain('Debugger');
    expect(childrenOf(pid)).toEqual(workers);
    expect(child?.exitCode).toBeNull();
  });

  it('from the first moment on, when it is started as people start it', async () => {
    const PATH = `${dirname(process.execPath)}:${process.env['PATH']}`;
    await watchStart(spawn(MAIN, ['run', '-c', 'pinwarden.yaml'], { cwd: dir, env: { ...plainEnv(), PATH } }));
    const pid = child?.pid ?? 0;
    for (const each of [pid, ...childrenOf(pid)]) expect(argvOf(each)).toContain('--disable-sigusr1');
    for (const script of [manifest.scripts.start, manifest.scripts.demo]) {
      expect(script).toMatch(/^exec node --disable-sigusr1 /);
    }
  });
});
