/**
 * The walk of docker/README.md without an engine: the demo goes on, Prometheus and Alertmanager of the machine watch it
 * with the shipped files, an attack is blocked, and it is on the panel, in the pager, and told by the runbook's commands.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { plainEnv, run } from '../support/client.ts';
import { freePorts } from '../support/house.ts';
import { RUNBOOKS } from '../support/mixin.ts';
import { eventually } from '../support/sockets.ts';
import { describeWith } from '../support/tools.ts';
import { ROOT } from './dockerfile.ts';

const children: ChildProcess[] = [];
const MAIN = join(ROOT, 'src/main.ts');

function start(...words: readonly string[]): () => string {
  const child = spawn(process.execPath, words, { cwd: ROOT, env: plainEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

afterEach(async () => {
  for (const child of children.splice(0).toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGINT');
    await exited;
  }
});

describeWith(['prometheus', 'alertmanager', 'curl'], 'from an attack to its runbook', () => {
  it('finds the block on the panel, in the pager and by the commands of the page', async () => {
    const demo = start(MAIN, 'demo', '--keep');
    await eventually('the demo goes on', () => demo().includes('/metrics'), 60_000);
    const [, metrics = ''] = /http:\/\/([\d.:]+)\/metrics/.exec(demo()) ?? [];
    expect(metrics, demo()).not.toBe('');
    const ports = await freePorts(3);
    const watch = start(join(ROOT, 'docker/demo/watch.ts'), metrics, ...ports.map(String));
    await eventually('the panels', () => watch().includes('panel "Hosts that look intercepted"'), 60_000);

    const [line = ''] = /curl .*attacked\.demo\.test.*/.exec(demo()) ?? [];
    const asked = await run('bash', ['-c', `${line} -sS`]);
    expect(asked.stdout + asked.stderr).toMatch(/502 pinwarden: pin\.mismatch/);
    const event = /event=([0-9a-f-]+)/.exec(asked.stdout)?.[1] ?? '';

    await eventually('the panel', () => /panel "Hosts that look intercepted": [1-9]/.test(watch()), 60_000);
    const paged = /\/pager firing critical PinwardenInterceptionBlocked: .*\n.*open (docker\/runbooks\/\w+\.md)\n/;
    await eventually('the page', () => paged.test(watch()), 120_000);
    const [, page = ''] = paged.exec(watch()) ?? [];
    expect(existsSync(join(ROOT, page)), page).toBe(true);

    const config = /(\S+)\/ca\.pem/.exec(line)?.[1] ?? '';
    const commands = RUNBOOKS.find(({ name }) => page.endsWith(name))?.commands ?? [];
    expect(commands.length).toBeGreaterThan(2);
    for (const command of [...commands, `pinwarden why ${event} -c pinwarden.yaml`]) {
      const [, ...words] = command.split(' ');
      const result = await run(process.execPath, [MAIN, ...words], { cwd: config });
      expect(result, command).toMatchObject({ exitCode: 0, stderr: '' });
      expect(result.stdout, command).toMatch(/attacked/);
    }
  }, 400_000);

  it('says what it needs', async () => {
    const { exitCode, stderr } = await run(process.execPath, [join(ROOT, 'docker/demo/watch.ts')]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('ADDRESS:PORT')]);
  });
});
