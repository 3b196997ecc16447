import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runWatch } from '../../src/cli/watch.ts';
import { connectTo } from '../support/client.ts';
import { type RunningSupervisor, runSupervisor } from '../support/runtime-material.ts';
import { eventually } from '../support/sockets.ts';
import { mismatchEntry } from '../support/unexpected.ts';
import { capturedIo } from './captured-io.ts';
import { type Installation, installationWith } from './sight-support.ts';

const made: Installation[] = [];
const running: RunningSupervisor[] = [];

afterEach(async () => {
  for (const one of made.splice(0)) one.remove();
  await Promise.all(running.splice(0).map(async (one) => one.stop()));
});

describe('a wrong command line', () => {
  it.each([[['x']], [['--count', '0']], [['--count', 'many']], [['--verdict', 'maybe']]])('%j', async (argv) => {
    const io = capturedIo('/');
    expect(await runWatch(argv, io)).toBe(2);
    expect(io.stderr()).toContain('usage: pinwarden watch');
  });
});

it('follows the audit file when no proxy answers', async () => {
  const one = installationWith({ verdicts: [mismatchEntry()], config: 'admin: { unix: admin.sock }\n' });
  made.push(one);
  const io = one.io();
  const watching = runWatch(['-c', 'pinwarden.yaml', '--count', '2', '--verdict', 'block'], io);
  await eventually('it follows', () => io.stderr().includes('following'));
  expect(io.stderr()).toContain('nothing answers on');
  expect(io.stderr()).toContain('next: start the proxy: pinwarden run -c pinwarden.yaml\n');
  const file = join(one.dir, 'audit.ndjson');
  const line = readFileSync(file, 'utf8');
  appendFileSync(file, line + line);
  expect(await watching).toBe(0);
  expect(io.stdout().trim().split('\n')).toHaveLength(2);
});

describe('over the admin interface', () => {
  async function start() {
    const one = await runSupervisor({ admin: { unix: 'admin.sock' }, workers: 1 });
    running.push(one);
    return one;
  }

  async function knock({ supervisor }: RunningSupervisor) {
    const { socket } = await connectTo(supervisor.bound[0]!.port, 'a.example:25');
    socket.destroy();
  }

  it('prints verdicts as they come', async () => {
    const one = await start();
    const io = { ...capturedIo(one.dir), isTty: true, env: { NO_COLOR: '1' }, columns: 80 };
    const watching = runWatch(['-c', 'pinwarden.yaml', '--count', '2'], io);
    await eventually('two lines', async () => {
      await knock(one);
      return (io.stdout().match(/port\.denied/g) ?? []).length >= 2;
    });
    expect(await watching).toBe(0);
    expect(io.stdout()).toMatch(/^time \(UTC\)/);
    expect(io.stderr()).toBe('');
  });

  it('goes on with the file when the proxy goes', async () => {
    const one = await start();
    const io = capturedIo(one.dir);
    const watching = runWatch(['-c', 'pinwarden.yaml', '--count', '1', '--json'], io);
    await eventually('it watches', async () =>
      (await one.supervisor.metricsText()).includes('pinwarden_event_stream_subscribers 1'),
    );
    const { file } = one.supervisor.config.audit;
    const drained = one.supervisor.drain(100);
    await eventually('it follows', () => io.stderr().includes('the proxy has gone'));
    await eventually('it follows', () => io.stderr().includes('following'));
    const record = {
      '@timestamp': '2026-03-01T00:00:00Z',
      'event.id': 'e-9',
      'event.action': 'verdict',
      'pinwarden.verdict': 'block',
    };
    appendFileSync(file, `${JSON.stringify(record)}\n`);
    expect(await watching).toBe(0);
    expect(JSON.parse(io.stdout())).toEqual(record);
    await drained;
  });
});
