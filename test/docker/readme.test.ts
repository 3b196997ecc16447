/** Every command of docker/README.md that can run here is run, in a clone of links; the others say what they need. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { plainEnv, run } from '../support/client.ts';
import { hasTool, type Tool } from '../support/tools.ts';
import { ROOT } from './dockerfile.ts';

const text = readFileSync(join(ROOT, 'docker/README.md'), 'utf8');
const blocks = [...text.matchAll(/^```sh ?(.*)\n([\s\S]*?)^```/gm)].map(([, mark = '', body = '']) => ({
  mark,
  body,
  first: body.split('\n', 1)[0],
}));
const runnable = blocks.filter(({ mark }) => mark === 'run' || mark.startsWith('run '));

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'readme-'));
  for (const name of readdirSync(ROOT)) if (name !== '.git') symlinkSync(join(ROOT, name), join(dir, name));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('marks every block', () => {
  expect(blocks.length).toBeGreaterThan(0);
  for (const { mark, body } of blocks) expect(mark, body).toMatch(/^run( [a-z-]+)?$|^norun .+$/);
  expect(runnable.length).toBeGreaterThanOrEqual(3);
});

describe.each(runnable)('$mark: $first', ({ mark, body }) => {
  const [, tool] = mark.split(' ');
  it.skipIf(tool !== undefined && !hasTool(tool as Tool))(
    'runs',
    async () => {
      const env = plainEnv({
        PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}`,
        KUBECONFIG: '/dev/null',
      });
      const options = { cwd: dir, env, timeoutMs: 110_000 };
      const { exitCode, stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', body], options);
      expect(exitCode, stdout + stderr).toBe(0);
    },
    120_000,
  );
});

it('names files that exist, in links and in commands', () => {
  const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, link]) => join('docker', link ?? ''));
  const named = [...text.matchAll(/(?<![\w/.-])docker\/[\w./-]+/g)].map(([path]) => path.replace(/\.$/, ''));
  for (const path of [...links, ...named]) expect(existsSync(join(ROOT, path)), path).toBe(true);
});

it('says what the files say about stopping', () => {
  const compose = readFileSync(join(ROOT, 'docker/compose.yaml'), 'utf8');
  const unit = readFileSync(join(ROOT, 'docker/systemd/pinwarden.service'), 'utf8');
  const deployment = readFileSync(join(ROOT, 'docker/kubernetes/base/deployment.yaml'), 'utf8');
  expect(text).toContain(`40 s, ${/stop_grace_period: (\d+)s/.exec(compose)?.[1]} s`);
  expect(text).toContain(`| ${/terminationGracePeriodSeconds: (\d+)/.exec(deployment)?.[1]} s |`);
  expect(text).toContain(`| ${/^TimeoutStopSec=(\d+)/m.exec(unit)?.[1]} s |`);
});

it('sizes the Kubernetes base as it says', () => {
  const read = (name: string): unknown => parse(readFileSync(join(ROOT, 'docker/kubernetes/base', name), 'utf8'));
  const { workers, limits } = read('pinwarden.yaml') as { workers: number; limits: { connections: number } };
  expect(text).toContain('120 MiB + for each worker 115 MiB + 140 KiB for each open tunnel');
  const mib = 120 + workers * (115 + (limits.connections * 140) / 1024);
  const { spec } = read('deployment.yaml') as {
    spec: { template: { spec: { containers: { resources: { limits: { memory: string } } }[] } } };
  };
  expect(mib).toBeLessThan(Number.parseInt(spec.template.spec.containers[0]?.resources.limits.memory ?? '', 10) * 1024);
});
