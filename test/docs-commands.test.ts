/**
 * What the documents show is done: blocks tagged `sh run` are run in a clean copy, the others say why not, the examples
 * pass `check`, and the fixed limits are those of the code.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_METRICS_GROUPS, MAX_RULES } from '../src/policy/assemble.ts';
import { MAX_ALIASES, MAX_DEPTH, MAX_FILE_BYTES } from '../src/policy/yaml.ts';
import { ALPN_MEMORY_ENTRIES, DEFAULT_LIMITS, PIPELINE_MAX, RELAY_HIGH_WATER_BYTES } from '../src/proxy/limits.ts';
import { HELLO_BYTES_MAX } from '../src/wire/client-hello.ts';
import { HEAD_BYTES_MAX, HEAD_FIELDS_MAX } from '../src/wire/connect-head.ts';
import { plainEnv, run } from './support/client.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENTS = ['README.md', 'config/README.md', 'config/COMING-FROM.md', 'SECURITY.md'] as const;
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Block {
  readonly document: string;
  readonly tag: string;
  readonly lines: readonly string[];
}

const blocks: readonly Block[] = DOCUMENTS.flatMap((document) =>
  [...read(document).matchAll(/^```sh *(.*)\n([\s\S]*?)^```/gm)].map(([, tag = '', text = '']) => ({
    document,
    tag,
    lines: text.split('\n').filter((line) => line !== ''),
  })),
);
const commands = blocks.flatMap(({ document, tag, lines }) =>
  tag === 'run' ? lines.map((line) => [document, line.replace(/\s+#.*/, '')] as const) : [],
);

describe('commands', () => {
  let copy: string;
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'pinwarden-docs-'));
    // What would be committed, as it stands: no CA, state or audit file of whoever runs the proxy here.
    const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
    const files = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\0');
    for (const file of files.filter((one) => /^(src|config)\/|^package\.json$|^\.npmrc$/.test(one))) {
      if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(copy, file));
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  it('every block is run, or says why not', () => {
    expect(blocks.filter(({ tag }) => !/^(run|why: .+)$/.test(tag))).toEqual([]);
    expect(commands.length).toBeGreaterThan(0);
  });

  it.each(commands)('%s: %s', { timeout: 90_000 }, async (_document, line) => {
    const words = line.split(' ');
    expect(words.slice(0, 3)).toEqual(['npx', '--no', 'pinwarden']);
    // The file that npx would find for us, on the Node that it would find.
    const argv = [join(copy, 'src/main.ts'), ...words.slice(3)];
    const done = await run(process.execPath, argv, { cwd: copy, env: plainEnv() });
    expect(done).toMatchObject({ exitCode: 0, stderr: '' });
    expect(done.stdout).not.toBe('');
  });

  it.each(readdirSync(join(ROOT, 'config/examples')))(
    'the example for people from %s passes',
    {
      timeout: 90_000,
    },
    async (name) => {
      expect(read('config/COMING-FROM.md')).toContain(`examples/${name}/pinwarden.yaml`);
      const argv = [join(copy, 'src/main.ts'), 'check', '--strict', '-c', `config/examples/${name}/pinwarden.yaml`];
      const done = await run(process.execPath, argv, { cwd: copy, env: plainEnv() });
      expect(done).toMatchObject({ exitCode: 0, stderr: '' });
    },
  );
});

it('the fixed limits of the reference are those of the code', () => {
  const [section = ''] = /^## Fixed limits$[\s\S]*?(?=^## )/m.exec(read('config/README.md')) ?? [];
  const rows = [...section.matchAll(/^\| ([^|]+) \| ([\d,]+)[^|]* \|/gm)].map(([, name, value = '']) => [
    name,
    Number(value.replaceAll(',', '')),
  ]);
  expect(Object.fromEntries(rows)).toEqual({
    'a policy or configuration file': MAX_FILE_BYTES,
    'levels in a file': MAX_DEPTH,
    'aliases in a file': MAX_ALIASES,
    'rules in all': MAX_RULES,
    'metrics groups': MAX_METRICS_GROUPS,
    'request head': HEAD_BYTES_MAX,
    'header fields': HEAD_FIELDS_MAX,
    ClientHello: HELLO_BYTES_MAX,
    'upstream handshakes under way, a worker': DEFAULT_LIMITS.opening,
    'plain requests waiting on a connection': PIPELINE_MAX,
    'hosts whose ALPN lists are remembered, a worker': ALPN_MEMORY_ENTRIES,
    'bytes buffered for each direction of a tunnel': RELAY_HIGH_WATER_BYTES,
  });
});
