import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { runDemo } from '../../src/cli/demo.ts';
import { SCENES } from '../../src/cli/demo-stage.ts';
import type { Io } from '../../src/cli/io.ts';
import { openSockets } from '../support/leaks.ts';
import { eventually } from '../support/sockets.ts';

let text = '';
const io: Io = {
  out: (more) => {
    text += more;
  },
  err: (more) => {
    text += more;
  },
  stdin: Readable.from([]),
  isTty: false,
  cwd: tmpdir(),
  env: {},
};

// Other demos may play meanwhile: this one has a place of its own.
const own = mkdtempSync(join(tmpdir(), 'pinwarden-demos-'));
vi.stubEnv('TMPDIR', own);

afterEach(() => {
  text = '';
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(own, { recursive: true, force: true });
});

const directories = () => readdirSync(tmpdir()).filter((name) => name.startsWith('pinwarden-demo-'));

it('says what to do where it may write nothing', async () => {
  const before = openSockets();
  vi.stubEnv('TMPDIR', join(own, 'absent'));
  expect(await runDemo([], io)).toBe(1);
  expect(text).toMatch(/^pinwarden demo: .*\nnext: .*TMPDIR\n$/);
  vi.stubEnv('TMPDIR', own);
  // An open server would keep the process.
  expect(openSockets()).toBe(before);
});

it('refuses options it does not know', async () => {
  expect(await runDemo(['--fast'], io)).toBe(2);
  expect(text).toContain('usage: pinwarden demo');
});

describe('the demo', () => {
  it('shows allow, alert and block with their reasons, and leaves nothing behind', async () => {
    const before = { sockets: openSockets(), directories: directories() };
    expect(await runDemo([], { ...io, columns: 80 })).toBe(0);
    for (const { host, expected } of SCENES) {
      expect(text).toMatch(new RegExp(`${host} +${expected.toUpperCase()} +${expected === 'block' ? 502 : 200}\n`));
    }
    const flat = text.replaceAll(/\s+/g, ' ');
    expect(flat).toContain(
      'Proxy-Status pinwarden; error=tls_certificate_error; details="pin.mismatch policy=attacked',
    );
    expect(flat).toContain('Proxy-Status pinwarden; error=tls_certificate_error; details="chain.private-root');
    expect(text).toContain('expected      sha256/');
    const [scenes = ''] = text.split('metrics\n');
    for (const line of scenes.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(text).toContain('pinwarden_pin_failures_total{policy="attacked",reason="mismatch"} 1');
    expect(text).toContain('every verdict is as the story says');
    expect(directories()).toEqual(before.directories);
    await eventually('sockets are closed', () => openSockets() <= before.sockets);
  });

  it('is one object with --json, and where to find what is kept', async () => {
    const ran = runDemo(['--json', '--keep'], io);
    await eventually('it is kept', () => text.endsWith('}\n'), 60_000);
    const told = JSON.parse(text) as { readonly kept: { readonly statusPage: string }; readonly scenes: object[] };
    expect(told).toMatchObject({
      ok: true,
      metrics: expect.arrayContaining(['pinwarden_verdicts_total{policy="good",verdict="allow"} 1']) as string[],
    });
    expect(told.scenes).toHaveLength(SCENES.length);
    for (const [index, { host, expected }] of SCENES.entries()) {
      expect(told.scenes[index]).toMatchObject({
        host,
        expected,
        verdict: expected,
        status: expected === 'block' ? 502 : 200,
      });
    }
    expect(await (await fetch(told.kept.statusPage)).text()).toContain('attacked');
    process.emit('SIGINT', 'SIGINT');
    expect(await ran).toBe(0);
  });

  it('stays up with --keep until a signal, with lines to paste', async () => {
    const before = directories();
    const ran = runDemo(['--keep'], io);
    await eventually('it is kept', () => text.includes('kept running'), 60_000);
    expect(text).toMatch(/curl -i -x http:\/\/127\.0\.0\.1:\d+ --cacert \S+ca\.pem https:\/\/good\.demo\.test:\d+\//);
    process.emit('SIGINT', 'SIGINT');
    expect(await ran).toBe(0);
    expect(directories()).toEqual(before);
  });
});
