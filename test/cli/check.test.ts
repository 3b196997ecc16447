import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCheck } from '../../src/cli/check.ts';
import type { Io } from '../../src/cli/io.ts';
import { loadConfig } from '../../src/policy/load.ts';
import { type LoadedCas, lookAtCas as lookAt, makeMissingCa, openCas } from '../../src/runtime/ca-files.ts';
import { Generations } from '../../src/runtime/generations.ts';
import { saveLastGood } from '../../src/runtime/last-good.ts';
import { shippedGroups } from '../../src/runtime/supervisor-start.ts';
import { testClock } from '../support/clock.ts';
import { makeCrl } from '../support/crl-maker.ts';
import { unwrap } from '../support/policies.ts';
import { authority } from '../support/test-ca.ts';
import { capturedIo } from './captured-io.ts';

let directory = '';
const put = (name: string, text: string): void => writeFileSync(join(directory, name), text);

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pinwarden-check-'));
  mkdirSync(join(directory, 'policies'));
  put('good.yaml', 'version: 1\npolicies: [policies]\n');
  put('policies/a.yaml', 'version: 1\nrules: [{ name: a, match: [a.example] }]\n');
  const root = authority({ cn: 'Root' });
  put('roots.pem', root.pem);
  put('inter.pem', root.issueCa({ cn: 'Inter' }).pem);
  writeFileSync(join(directory, 'root.crl'), makeCrl(root, { atMs: Date.UTC(2026, 10, 27) }));
  mkdirSync(join(directory, 'more'));
  put('more/z.yaml', 'version: 1\nrules: [{ name: z, match: [z.example], anchors: public }]\n');
  put('more/b.yaml', 'version: 1\nrules: [{ name: y, match: [y.example], anchors: [../inter.pem] }]\n');
  put(
    'rich.yaml',
    'version: 1\nanchors: [roots.pem]\nintermediates: [inter.pem]\ncrl: { files: [root.crl] }\npolicies: [more, policies]\n',
  );
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
    const init = 'name a configuration with -c FILE, or make one: pinwarden init';
    expect(missing.out).toContain(`missing.yaml: error: no such file\n  → ${init}\n`);
    const unread = await check('-c', 'unread.yaml');
    expect(unread.code).toBe(1);
    const make = 'make it, or correct `policies:` in unread.yaml';
    expect(unread.out, 'the path once, and no line').toContain(`gone.yaml: error: no such file\n  → ${make}\n`);
    const [mistake] = JSON.parse((await check('-c', 'unread.yaml', '--json')).out).mistakes;
    expect(mistake, 'machines have a number').toMatchObject({ file: 'gone.yaml', line: 1, column: 1 });
    expect(mistake).not.toHaveProperty('isWholeFile');
    put('no-yaml.yaml', 'version: 1\npolicies: [policies, many]\n');
    mkdirSync(join(directory, 'many', 'one.yaml'), { recursive: true });
    const other = (await check('-c', 'no-yaml.yaml')).out;
    expect(other).toContain('many/one.yaml: error: not a regular file\n  → correct the file, or correct `policies:`');
  });

  it('refuses files of trust that a start would refuse, where they are named', async () => {
    put('empty.pem', '');
    put(
      'trust.yaml',
      `version: 1
policies: [trust-policy.yaml]
anchors: [gone.pem, empty.pem]
publicAnchors: [gone-public.pem]
intermediates: [empty.pem, gone-intermediate.pem]
ct: { logList: empty.pem, signatureKeyFile: gone-key.pem }
crl: { files: [gone.crl, empty.pem] }
`,
    );
    put(
      'trust-policy.yaml',
      'version: 1\nrules:\n  - { name: a, match: [a.example], anchors: [gone.pem, gone-rule.pem] }\n  - { name: b, match: [b.example] }\n',
    );
    const { code, out } = await check('-c', 'trust.yaml');
    expect(code).toBe(1);
    for (const [place, file] of [
      ['trust.yaml:3:11', 'gone.pem'],
      ['trust.yaml:3:21', 'empty.pem'],
      ['trust.yaml:4:17', 'gone-public.pem'],
      ['trust.yaml:5:28', 'gone-intermediate.pem'],
      ['trust.yaml:6:45', 'gone-key.pem'],
      ['trust.yaml:6:45', 'empty.pem.sig'],
      ['trust.yaml:7:16', 'gone.crl'],
      ['trust-policy.yaml:3:56', 'gone-rule.pem'],
    ]) {
      expect(out).toMatch(new RegExp(`^${place}: error: .*/${file}: `, 'm'));
    }
    expect(out).toContain('invalid: 8 errors');
    put('empty-list.yaml', 'version: 1\nct: { logList: empty.pem }\n');
    expect((await check('-c', 'empty-list.yaml')).out).toContain('empty-list.yaml:2:16: error: the CT log list:');
  });

  it('looks into the policies although the configuration is wrong', async () => {
    put(
      'both.yaml',
      'version: 1\nlisten_on: x\nclients: { ci: 10.0.0.0/8 }\npolicies: [b.yaml, { path: c.yaml, ownr: me }, gone.yaml]\n',
    );
    put(
      'b.yaml',
      'version: 1\nrules:\n  - name: b\n    match: [b.example]\n    clients: [ci]\n    onFailure: blok, 100%\n',
    );
    const { code, out } = await check('-c', 'both.yaml');
    expect(code).toBe(1);
    for (const place of ['both.yaml:2:1', 'both.yaml:3:16', 'both.yaml:4:36', 'b.yaml:6:16', 'gone.yaml']) {
      expect(out).toContain(`${place}: error:`);
    }
    expect(out, 'the groups are not known').not.toContain('no client group');
    put('clash.yaml', 'version: 1\nlisten_on: x\npolicies: [c.yaml]\n');
    put(
      'c.yaml',
      'version: 1\nrules: [{ name: c, match: [c.example], clients: [ci] }, { name: c, match: [d.example] }]\n',
    );
    const clash = await check('-c', 'clash.yaml');
    expect(clash.out).toContain('there is no client group `ci`');
    expect(clash.out).toContain('the name `c` is taken');
    put('b.yaml', 'version: 1\nrules:\n  - name: b\n    match: [b.example]\n    onFailure: blok, 100%\n');
  });

  it('lets no mistake of a policy hide another one, up to its files of anchors', async () => {
    put('hidden.yaml', 'version: 1\npolicies: [h.yaml]\nlisten_on: x\nanchors: [gone.pem]\n');
    put(
      'h.yaml',
      `version: 1
rules:
  - { name: one, match: ["https://one.example/"], pins: { anyOf: [{ leaf: sha1/AAAA }] }, anchors: [gone-one.pem] }
  - { name: one, match: [two.example], foo: 1, anchors: [gone-two.pem] }
  - { name: three, match: ["**.com"], clients: [cii] }
`,
    );
    const { code, out } = await check('-c', 'hidden.yaml');
    expect(code).toBe(1);
    const lines = out.split('\n').filter((line) => /: (error|warning): /.test(line));
    expect(lines.map((line) => line.replaceAll(`${directory}/`, ''))).toEqual([
      'h.yaml:3:26: error: this is a URL, not a host',
      expect.stringContaining('h.yaml:3:75: error: `sha1/AAAA` is not a pin'),
      'h.yaml:3:101: error: gone-one.pem: no such file',
      'h.yaml:4:7: error: the name `one` is taken by h.yaml:3:5',
      'h.yaml:4:40: error: unknown key `foo`',
      'h.yaml:4:58: error: gone-two.pem: no such file',
      'h.yaml:5:28: warning: `**.com` covers a whole public suffix',
      'h.yaml:5:39: error: there is no client group `cii`',
      'hidden.yaml:3:1: error: unknown key `listen_on`',
      'hidden.yaml:4:11: error: gone.pem: no such file',
    ]);
    put('hidden.yaml', 'version: 1\npolicies: [h.yaml]\nanchors: [gone.pem]\n');
    const whole = await check('-c', 'hidden.yaml');
    expect(whole.out).toContain('invalid: 8 errors, 1 warning\n');
  });

  it('fails for warnings only when strict', async () => {
    expect((await check('-c', 'lint.yaml')).code).toBe(0);
    const strict = await check('-c', 'lint.yaml', '--strict');
    expect(strict.code).toBe(1);
    expect(strict.out).toContain('warning: `**.com` covers a whole public suffix');
    expect(strict.out).toContain('not ok: 1 warning counts under --strict\nnext: ');
    expect(strict.out).not.toMatch(/^ok/m);
    expect(JSON.parse((await check('-c', 'lint.yaml', '--strict', '--json')).out)).toMatchObject({ ok: false });
  });

  it('warns of what a proxy with this state would refuse, and counts it when strict', async () => {
    put('weaker.yaml', 'version: 1\nstate: weaker-state\npolicies: [weaker-policy.yaml]\n');
    put('weaker-policy.yaml', 'version: 1\nrules: [{ name: w, match: [w.example], onFailure: alert }]\n');
    const silent = await check('-c', 'weaker.yaml', '--strict');
    expect(silent.code, silent.out).toBe(0);
    const config = { file: join(directory, 'weaker.yaml'), text: readFileSync(join(directory, 'weaker.yaml'), 'utf8') };
    const text = 'version: 1\nrules: [{ name: w, match: [w.example] }]\n';
    const sources = [{ file: join(directory, 'weaker-policy.yaml'), text }];
    saveLastGood(join(directory, 'weaker-state'), { number: 1, config, sources });
    const { code, out } = await check('-c', 'weaker.yaml');
    expect(code).toBe(0);
    expect(out).toContain(
      'weaker-policy.yaml:2:40: warning: the proxy would refuse this beside its last good generation',
    );
    expect(out).toContain('weakens: [{ rule: w, reason: …, until: … }]');
    expect((await check('-c', 'weaker.yaml', '--strict')).code).toBe(1);
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

  it.each(['good.yaml', 'rich.yaml'])('names the generation as the proxy that runs %s does', async (name) => {
    const file = join(directory, name);
    const config = unwrap(loadConfig(readFileSync(file, 'utf8'), file));
    const clock = testClock();
    makeMissingCa(config.ca, clock.nowMs());
    const lookAtCas = (ca: typeof config.ca, before: LoadedCas) => lookAt(ca, before, clock.nowMs(), null);
    const pause = async (): Promise<void> => undefined;
    const generations = new Generations({ configPath: file, clock, pause, shippedGroups, lookAtCas });
    const cas = openCas(config.ca, clock.nowMs(), null);
    generations.start(config, { file, text: readFileSync(file, 'utf8') }, null, cas);
    const sha256 = generations.current?.sha256;
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.parse((await check('-c', name, '--json')).out)).toMatchObject({ sha256 });
    expect((await check('-c', name)).out).toContain(`generation ${sha256?.slice(0, 12)}\n`);
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
