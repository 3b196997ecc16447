import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import { StartError, shippedGroups, startSupervisor } from '../../src/runtime/supervisor-start.ts';
import { openSockets } from '../support/leaks.ts';
import { runSupervisor } from '../support/runtime-material.ts';
import { closeServer, eventually, listen } from '../support/sockets.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'start-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function refusal(config: object | null, name = 'pinwarden.yaml'): Promise<string> {
  if (config !== null)
    writeFileSync(join(dir, name), JSON.stringify({ version: 1, workers: 1, policies: [], ...config }));
  const started = startSupervisor({
    configPath: join(dir, 'pinwarden.yaml'),
    clock: systemClock,
    pause: async (durationMs) => pause(durationMs),
    log: () => undefined,
    versions: { version: 'test', node: '26', openssl: '3' },
    workerEnv: {},
    cores: 1,
    uid: null,
  });
  const thrown = await started.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(StartError);
  if (!(thrown instanceof StartError)) return '';
  expect(thrown.next).not.toBe('');
  return [...thrown.lines, `next: ${thrown.next}`].join('\n');
}

const anywhere = { listen: [{ address: '127.0.0.1', port: 0 }], metrics: { address: '127.0.0.1', port: 0 } };

describe('the start is refused, and nothing stays open,', () => {
  it('without a configuration', async () => {
    expect(await refusal(null)).toMatch(/no such file\nnext: .*init/);
  });

  it('with a mistake in it', async () => {
    expect(await refusal({ ...anywhere, lisen: [] })).toMatch(
      /pinwarden\.yaml:1:\d+: error: .*lisen[\s\S]*next: .*pinwarden check -c /,
    );
  });

  it('with a policy that is broken or not there', async () => {
    expect(await refusal({ ...anywhere, policies: ['absent.yaml'] })).toContain('absent.yaml');
  });

  it('with a CA key that others can read', async () => {
    const first = await runSupervisor();
    chmodSync(join(first.dir, 'ca-key.pem'), 0o644);
    const ca = { certificateFile: join(first.dir, 'ca.pem'), keyFile: join(first.dir, 'ca-key.pem') };
    expect(await refusal({ ...anywhere, ca })).toContain('chmod 600');
    await first.stop();
  });

  it('with a CA that is missing where it may not be made', async () => {
    expect(await refusal({ ...anywhere, ca: { create: 'never' } })).toContain('never');
  });

  it('when a port is taken', async () => {
    const other = createServer();
    const port = await listen(other);
    const before = openSockets();
    const taken = await refusal({ ...anywhere, listen: [{ address: '127.0.0.1', port }] });
    expect(taken).toMatch(/EADDRINUSE[\s\S]*next: stop what listens there, or change the address in /);
    expect(await refusal({ ...anywhere, metrics: { address: '127.0.0.1', port } })).toContain('EADDRINUSE');
    await eventually('all is closed', () => openSockets() <= before);
    await closeServer(other);
  });

  it('when another instance serves there', async () => {
    const first = await runSupervisor();
    const { port } = first.supervisor.bound[0]!;
    expect(await refusal({ ...anywhere, listen: [{ address: '127.0.0.1', port }] })).toContain('EADDRINUSE');
    await first.stop();
  });
});

it('finds the groups that ship', () => {
  expect(shippedGroups().every(({ file, text }) => /\.ya?ml$/.test(file) && text.length > 0)).toBe(true);
});
