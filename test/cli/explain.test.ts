import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runExplain } from '../../src/cli/explain.ts';
import { runSupervisor } from '../support/runtime-material.ts';
import { capturedIo } from './captured-io.ts';

let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pinwarden-explain-'));
  const put = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  put('pw.yaml', 'version: 1\nclients: { ci: [10.4.0.0/16], all: [10.0.0.0/8] }\npolicies: [p.yaml]\n');
  put(
    'p.yaml',
    `version: 1
rules:
  - { name: host, match: [api.bank.example, "[2001:db8::1]", münchen.example] }
  - { name: for-ci, match: [api.bank.example], clients: [ci] }
  - { name: wide, match: ["**.bank.example"] }
`,
  );
  put('ports.yaml', 'version: 1\npolicies: [r.yaml]\n');
  put('r.yaml', 'version: 1\nrules: [{ name: named, match: ["named.example:8443"] }]\n');
  put('bad.yaml', 'version: 1\npolicies: [q.yaml]\n');
  put('q.yaml', 'version: 1\nrules: [{ name: q }]\n');
});

afterAll(() => rmSync(directory, { recursive: true }));

async function explain(...argv: string[]) {
  const io = capturedIo(directory);
  return { code: await runExplain(argv, io), out: io.stdout(), err: io.stderr() };
}

describe('explain', () => {
  it.each([
    [[]],
    [['a.example', 'b.example']],
    [['a b']],
    [['a.example:0']],
    [['a.example', '--unknown']],
    [['a.example', '-c', 'pw.yaml', '--client', 'nobody']],
  ])('wrong command line: %j', async (argv) => {
    const { code, err } = await explain(...argv);
    expect(code).toBe(2);
    expect(err).toContain('usage: pinwarden explain');
  });

  it('does not explain files that are invalid', async () => {
    const { code, err } = await explain('a.example', '-c', 'bad.yaml');
    expect(code).toBe(1);
    expect(err).toContain('q.yaml:2:9: error: `match` is missing');
  });

  it('names the rule, the losers and where each value is written', async () => {
    const { code, out } = await explain('API.bank.example.', '-c', 'pw.yaml');
    expect(code).toBe(0);
    expect(out).toContain('api.bank.example:443: rule host\n');
    expect(out).toContain('for-ci (api.bank.example): only for clients ci\n    p.yaml:4:');
    expect(out).toContain('wide (**.bank.example): api.bank.example is more specific');
    expect(out).toMatch(/onFailure +block +default/);
  });

  it.each([['ci'], ['10.4.1.1']])('knows clients by group and address: %s', async (client) => {
    expect((await explain('api.bank.example', '-c', 'pw.yaml', '--client', client)).out).toContain('rule for-ci');
  });

  it.each([
    ['10.5.0.1', 'host'],
    ['192.0.2.1', 'host'],
  ])('client %s is for rule %s', async (client, rule) => {
    expect((await explain('api.bank.example', '-c', 'pw.yaml', '--client', client)).out).toContain(`rule ${rule}\n`);
  });

  it.each(['münchen.example', '2001:db8::1', '[2001:db8::1]:443'])('takes %s', async (host) => {
    expect((await explain(host, '-c', 'pw.yaml')).out).toContain(': rule host\n');
  });

  it('says when the port is refused', async () => {
    const { out } = await explain('api.bank.example:8443', '-c', 'pw.yaml');
    expect(out).toContain('port 8443 is refused (port.denied)');
  });

  it('does not take the port of another host for its own', async () => {
    const port = async (host: string) => (await explain(host, '-c', 'ports.yaml')).out.includes('port.denied');
    expect(await port('named.example:8443')).toBe(false);
    expect(await port('other.example:8443')).toBe(true);
  });

  it('is data too', async () => {
    const { out } = await explain('other.example:81', '-c', 'pw.yaml', '--json');
    expect(JSON.parse(out)).toMatchObject({
      authority: 'other.example:81',
      decision: 'rule',
      rule: { name: 'unmatched' },
      lost: [],
      portAllowed: false,
    });
  });
});

describe('explain --live', () => {
  it('asks the generation that runs, not the files', async () => {
    const one = await runSupervisor(
      { admin: { unix: 'admin.sock' }, policies: ['p.yaml'], workers: 1 },
      { 'p.yaml': 'version: 1\nrules:\n  - { name: before, match: [a.example] }\n' },
    );
    try {
      writeFileSync(join(one.dir, 'p.yaml'), 'rules: [');
      const ask = async (...argv: string[]) => {
        const io = capturedIo(one.dir);
        return {
          code: await runExplain([...argv, '--live', '-c', 'pinwarden.yaml'], io),
          out: io.stdout(),
          err: io.stderr(),
        };
      };
      const text = await ask('a.example:8443');
      expect(text.code).toBe(0);
      expect(text.out).toContain('running: generation 1\na.example:8443: rule before\n');
      expect(text.out).toContain('\n  p.yaml:3:5\n');
      expect(text.out).toContain('port 8443 is refused');
      expect(JSON.parse((await ask('a.example', '--json')).out)).toMatchObject({
        generation: 1,
        rule: { name: 'before' },
      });
      expect(await ask('a.example', '--client', 'nobody')).toMatchObject({
        code: 1,
        err: expect.stringContaining('no client group'),
      });
      expect((await ask('a b')).code).toBe(2);
    } finally {
      await one.stop();
    }
  });

  it('says what to do when nothing runs, or when there is no admin interface', async () => {
    const { code, err } = await explain('a.example', '--live', '-c', 'pw.yaml');
    expect(code).toBe(1);
    expect(err).toContain('admin: { unix: ./state/admin.sock }');
  });
});
