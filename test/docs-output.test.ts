/** What the README shows of `npm start` and `npm run demo` is what they print, apart from keys, dates, ids and ports. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { plainEnv, run } from './support/client.ts';
import { freePorts } from './support/house.ts';
import { eventually } from './support/sockets.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(ROOT, 'src/main.ts');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'pinwarden-output-'));
  for (const name of ['pinwarden.yaml', 'policies']) {
    cpSync(join(ROOT, 'config', name), join(copy, 'config', name), { recursive: true });
  }
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** npm says which of its commands runs; the README shows a terminal of 80 columns. */
const env = () => plainEnv({ npm_command: 'run-script', TMPDIR: copy, COLUMNS: '80' });

/** What the README shows under the command, without the command. */
function shown(command: string): string {
  const block = README.split('```').find((one) => one.trimStart().startsWith(`$ ${command}\n`)) ?? '';
  return plain(block.slice(block.indexOf('\n', 2) + 1));
}

/** Without what differs from run to run. */
function plain(text: string): string {
  return text
    .replaceAll(/sha256\/[A-Za-z0-9+/]{43}=/g, 'sha256/KEY')
    .replaceAll(/(?:[0-9A-F]{2}:){15}[0-9A-F]{2}/g, 'FINGERPRINT')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'EVENT')
    .replaceAll(/\d{4}-\d\d-\d\d/g, 'DATE')
    .replaceAll(/\d+ workers?/g, 'WORKERS')
    .trim();
}

it('npm start', { timeout: 60_000 }, async () => {
  const file = join(copy, 'config/pinwarden.yaml');
  const [port, metricsPort] = await freePorts(2);
  const text = readFileSync(file, 'utf8');
  expect(text).toMatch(/3128[\s\S]*9464/);
  writeFileSync(file, text.replace('3128', String(port)).replace('9464', String(metricsPort)));
  const child = spawn(process.execPath, [MAIN, 'run', '-c', 'config/pinwarden.yaml'], { cwd: copy, env: env() });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  // Not `exit`: what it printed last may still be on its way then.
  const ended = once(child, 'close');
  await eventually('the first screen', () => output.includes('npm run demo') || child.exitCode !== null, 30_000);
  child.kill('SIGTERM');
  await ended;
  const asShipped = output.replaceAll(`:${port}`, ':3128').replaceAll(`:${metricsPort}`, ':9464');
  expect(plain(asShipped)).toBe(shown('npm start'));
  expect(asShipped).toContain(`${availableParallelism()} worker`);
});

it('npm run demo', { timeout: 90_000 }, async () => {
  const done = await run(process.execPath, [MAIN, 'demo'], { cwd: copy, env: env(), timeoutMs: 80_000 });
  expect(done).toMatchObject({ exitCode: 0, stderr: '' });
  expect(plain(done.stdout)).toBe(shown('npm run demo'));
});
