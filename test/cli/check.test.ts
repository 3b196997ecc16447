import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCheck } from '../../src/cli/check.ts';
import type { Io } from '../../src/cli/io.ts';
import { capturedIo } from './captured-io.ts';

let directory = '';
const put = (name: string, text: string): void => writeFileSync(join(directory, name), text);

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pinwarden-check-'));
  mkdirSync(join(directory, 'policies'));
  put('good.yaml', 'version: 1\npolicies: [policies]\n');
  put('policies/a.yaml', 'version: 1\nrules: [{ name: a, match: [a.example] }]\n');
  put('bad.yaml', 'version: 1\nlisten: [{ address: x, port: 1 }]\npolicy: []\n');
  put('bad-policy.yaml', 'version: 1\npolicies: [b.yaml]\n');
  put('b.yaml', 'version: 1\nrules:\n  - name: b\n    match: [b.example]\n    onFailure: blok, 100%\n');
  put('unread.yaml', 'version: 1\npolicies: [gone.yaml]\n');
  put('lint.yaml', 'version: 1\npolicies: [lint-policy.yaml]\n');
  put('lint-policy.yaml', 'version: 1\nrules: [{ name: l, match: ["**.com"] }]\n');
});

afterAll(() => rmSync(directory, { recursive: true }));

async function check(...argv: string[]) {
  const io = capturedIo(directory);
  return { code: await runCheck(argv, io), out: io.stdout(), err: io.stderr() };
}

describe('check', () => {
  it.each([['--format', 'xml'], ['--json', '--format', 'github'], ['--unknown'], ['file.yaml']])(
    'wrong command line: %s',
    async (...argv) => {
      const { code, err } = await check(...argv.filter((arg) => typeof arg === 'string'));
      expect(code).toBe(2);
      expect(err).toContain('usage: pinwarden check');
    },
  );

  it('says every mistake at once, with line, caret and next step', async () => {
    const { code, out } = await check('-c', 'bad.yaml');
    expect(code).toBe(1);
    expect(out).toContain(
      'bad.yaml:2:21: error: `x` is not an IP address\n  2 | listen: [{ address: x, port: 1 }]\n    |                     ^\n',
    );
    expect(out).toContain('bad.yaml:3:1: error: unknown key `policy`');
    expect(out).toContain('invalid: 2 errors, 0 warnings\nnext: correct them');
  });

  it('finds mistakes of policies', async () => {
    const { code, out } = await check('-c', 'bad-policy.yaml');
    expect(code).toBe(1);
    expect(out).toContain('b.yaml:5:16: error:');
  });

  it('reports files that cannot be read', async () => {
    const missing = await check('-c', 'missing.yaml');
    expect(missing.code).toBe(1);
    expect(missing.out).toContain('missing.yaml:1:1: error:');
    const unread = await check('-c', 'unread.yaml');
    expect(unread.code).toBe(1);
    expect(unread.out).toContain('gone.yaml:1:1: error:');
  });

  it('fails for warnings only when strict', async () => {
    expect((await check('-c', 'lint.yaml')).code).toBe(0);
    const strict = await check('-c', 'lint.yaml', '--strict');
    expect(strict.code).toBe(1);
    expect(strict.out).toContain('warning: `**.com` covers a whole public suffix');
  });

  it('writes annotations that no text can break out of', async () => {
    const { out } = await check('-c', 'bad-policy.yaml', '--format', 'github');
    expect(out).toBe(
      '::error file=b.yaml,line=5,col=16::`onFailure` is `blok, 100%25`, expected `block` or `alert` → use `block` or `alert`\n',
    );
  });

  it('writes JSON', async () => {
    const bad = JSON.parse((await check('-c', 'bad.yaml', '--format', 'json')).out);
    expect(bad).toMatchObject({ ok: false, sha256: null, rules: null });
    expect(bad.mistakes[0]).toEqual({
      file: 'bad.yaml',
      line: 2,
      column: 21,
      severity: 'error',
      message: '`x` is not an IP address',
      hint: 'write an address such as 127.0.0.1 or ::1',
    });
    const good = JSON.parse((await check('-c', 'good.yaml', '--json')).out);
    expect(good).toMatchObject({ ok: true, rules: 1, mistakes: [] });
  });

  it('accepts good files', async () => {
    const { code, out } = await check('-c', 'good.yaml');
    expect(out).toMatch(/^ok: 1 rule in 1 policy file, 0 errors, 0 warnings, generation [0-9a-f]{12}\n$/);
    expect(code).toBe(0);
  });

  it('colours for people only', async () => {
    const painted = async (more: Partial<Io>): Promise<boolean> => {
      const io = { ...capturedIo(directory), ...more };
      await runCheck(['-c', 'good.yaml'], io);
      return io.stdout().includes('\u001b[');
    };
    const captured = capturedIo(directory);
    await runCheck(['-c', 'good.yaml'], { ...captured, isTty: true });
    expect(captured.stdout()).toContain('\u001b[32mok\u001b[39m');
    expect(await painted({ isTty: true, env: { NO_COLOR: '1' } })).toBe(false);
    expect(await painted({})).toBe(false);
  });

  it('accepts the files that ship, strictly', async () => {
    const io = capturedIo(fileURLToPath(new URL('../..', import.meta.url)));
    expect(await runCheck(['--strict'], io), io.stdout()).toBe(0);
  });
});
