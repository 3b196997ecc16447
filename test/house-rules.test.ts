/**
 * The rules of the house as a test: who may import whom, one door for each package, sizes, names, banned calls.
 * It reads source text by patterns that are right for code formatted by our formatter, and needs no parser.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CODES } from '../src/model/codes.ts';
import { codeOf, functionLengths, hasLogic, importsOf } from './support/source.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;

/** Arrows go down only. `.` is main.ts. */
const BELOW: Readonly<Record<string, readonly string[]>> = (() => {
  const verdict = ['model', 'pki', 'wire', 'policy', 'verify'];
  const shell = [...verdict, 'host'];
  const tunnels = [...shell, 'upstream', 'minting', 'ledger', 'observe'];
  return {
    model: [],
    host: ['model'],
    pki: ['model'],
    wire: ['model'],
    policy: ['model', 'pki', 'wire'],
    verify: ['model', 'pki', 'wire', 'policy'],
    upstream: shell,
    minting: shell,
    ledger: shell,
    observe: shell,
    proxy: tunnels,
    runtime: [...tunnels, 'proxy'],
    cli: [...tunnels, 'proxy', 'runtime'],
    '.': [...tunnels, 'proxy', 'runtime', 'cli'],
  };
})();

const PURE = ['model', 'pki', 'wire', 'policy', 'verify'];
const PURE_MAY_IMPORT = ['node:crypto', 'node:buffer', 'node:net', 'node:path', 'node:url', 'tldts', 'yaml', 'zod'];

/** Package (or module) → the files that may import it. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  'http-proxy': ['proxy/lanes/http.ts'],
  'lru-cache': ['host/lru.ts', 'minting/shelf.ts'],
  'node-forge': ['minting/certificate.ts', 'minting/leaf.ts'],
  'node:fs': ['host/files.ts'],
  'node:fs/promises': ['host/files.ts'],
  'node:sqlite': ['ledger/sqlite.ts'],
  'prom-client': ['observe/metrics.ts'],
  tldts: ['pki/x509/public-suffix.ts'],
  yaml: ['policy/yaml.ts'],
  zod: ['policy/schema.ts', 'policy/config-schema.ts'],
};

/** Files with logic that no file of their own tests, with the reason; an entry that is not needed any more fails. */
const UNTESTED: Readonly<Record<string, string>> = {
  'main.ts': 'argv and signals of the process: test/e2e starts it',
  'runtime/worker.ts': 'entry point of a process: test/e2e runs it',
};

/** Patterns over code without comments and strings. */
const BANNED: readonly (readonly [RegExp, string, (file: string) => boolean])[] = [
  [/\bDate\.now\(/, 'a clock: time is an argument', pure],
  [/\bnew Date\(\)/, 'a clock: time is an argument', pure],
  [/\bperformance\./, 'a clock: time is an argument', pure],
  [/\bprocess\./, 'the environment is an argument', pure],
  [/\bMath\.random\(|\brandom(Bytes|UUID|Int)\(/, 'randomness is an argument', pure],
  [/\bset(Timeout|Interval|Immediate)\(|\bqueueMicrotask\(/, 'pure functions answer at once', pure],
  [/\basync\b|\bawait\b/, 'pure functions answer at once', pure],
  [/\bgetPeerCertificate\b(?! = )/, 'its linked chain can be forged by the peer; use getPeerX509Certificate', all],
  [/\bMath\.random\(/, 'not unguessable; use node:crypto', all],
  [/\bconsole\./, 'output goes through Io or the audit', (file) => file !== 'cli/io.ts'],
  [/\brejectUnauthorized\b/, 'one place decides on upstream certificates', (file) => file !== 'upstream/handshake.ts'],
  [/\bcheckServerIdentity\b/, 'one place decides on upstream names', (file) => file !== 'upstream/handshake.ts'],
  [/\btls\.connect\(|\btlsConnect\(/, 'one place speaks TLS upstream', (file) => file !== 'upstream/handshake.ts'],
  [/\bcreateRequire\(/, 'packages are imported', (file) => file !== 'proxy/lanes/http.ts'],
  [/\beval\(|\bnew Function\(/, 'code is not data', all],
  [/\bextends EventEmitter\b/, 'functions, promises and AbortSignal say who waits for whom', all],
  [/^\s*(export )?(const )?enum |^\s*namespace /m, 'types are erased, not compiled', all],
  [/[:<,(] ?any\b(?!\.)|\bas any\b/, 'unknown, then parsed', all],
];

function all(): boolean {
  return true;
}

function pure(file: string): boolean {
  return PURE.includes(roomOf(file));
}

function roomOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : '.';
}

function filesIn(folder: string, pattern: RegExp): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => pattern.test(file) && !file.includes('node_modules/'))
    .sort();
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const sources = filesIn('src', /\.ts$/);
const tests = filesIn('test', /\.ts$/);

describe.each(sources)('src/%s', (file) => {
  const text = read(`src/${file}`);
  const code = codeOf(text);
  const imports = importsOf(text);

  it('imports only what lies below', () => {
    const room = roomOf(file);
    const relative = imports.filter((one) => one.startsWith('.'));
    const rooms = relative.map((one) => roomOf(normalize(join(dirname(file), one))));
    for (const other of rooms) expect([room, ...(BELOW[room] ?? [])], `${file} imports ${other}`).toContain(other);
    expect(
      relative.filter((one) => !/\.(ts|json)$/.test(one)),
      'imports carry .ts',
    ).toEqual([]);
  });

  it('uses each package through its door', () => {
    for (const name of imports.filter((one) => !one.startsWith('.'))) {
      const door = DOORS[name];
      if (door !== undefined) expect(door, `${name} has a door`).toContain(file);
      else expect(name, 'a package without a door').toMatch(/^node:/);
      if (pure(file)) expect(PURE_MAY_IMPORT, 'pure rooms').toContain(name);
    }
  });

  it('has the sizes and shapes of the house', () => {
    expect(text.split('\n').length - 1, 'lines').toBeLessThanOrEqual(MAX_FILE_LINES);
    const long = functionLengths(text).filter((one) => one.lines > MAX_FUNCTION_LINES);
    expect(long, `functions above ${MAX_FUNCTION_LINES} lines`).toEqual([]);
    expect(file, 'no drawers').not.toMatch(/(^|\/)(utils?|helpers?|misc|common|index)\.ts$/);
    expect(code, 'no default exports').not.toMatch(/^export default /m);
    expect(code, 'no barrels').not.toMatch(/^export (\*|\{[^}]*\}) from /m);
    expect(text.startsWith('/**') || text.startsWith('#!'), 'a header comment says does, does not, caller must').toBe(
      true,
    );
  });

  it('calls nothing that is banned', () => {
    for (const [pattern, why] of BANNED.filter(([, , applies]) => applies(file))) {
      expect(
        code.split('\n').filter((line) => pattern.test(line)),
        `${pattern.source}: ${why}`,
      ).toEqual([]);
    }
  });

  it('has a test file', () => {
    const own = existsSync(join(ROOT, 'test', file.replace(/\.ts$/, '.test.ts')));
    if (file in UNTESTED) expect(own, 'take it off the list of untested files').toBe(false);
    else expect(own || !hasLogic(text), 'a test file, or nothing but types and tables').toBe(true);
  });
});

it('the list of untested files names files that exist', () => {
  expect(Object.keys(UNTESTED).filter((file) => !sources.includes(file))).toEqual([]);
});

it('each package has one door in use', () => {
  const users = new Map<string, string[]>();
  for (const file of sources) {
    for (const name of importsOf(read(`src/${file}`)).filter((one) => !/^(\.|node:)/.test(one))) {
      users.set(name, [...new Set([...(users.get(name) ?? []), file])]);
    }
  }
  // The two schemas are one door with two leaves.
  users.delete('zod');
  expect([...users].filter(([, files]) => files.length > 1)).toEqual([]);
});

describe.each(tests)('test/%s', (file) => {
  const text = read(`test/${file}`);
  const code = codeOf(text);

  it('runs whole, and is as tidy as the rest', () => {
    expect(code, 'no .only').not.toMatch(/\b(describe|it|test)\.only\b/);
    if (file !== 'support/tools.ts') expect(code, 'skips come from support/').not.toMatch(/\b(it|test)\.skip\(/);
    expect(code).not.toMatch(/\bas any\b|[:<] ?any\b(?!\.)/);
    expect(text.split('\n').length - 1, 'lines').toBeLessThanOrEqual(MAX_FILE_LINES);
    if (!file.endsWith('.config.ts')) expect(code, 'no default exports').not.toMatch(/^export default /m);
  });
});

describe('words and files', () => {
  const shipped = [
    ...sources.map((file) => `src/${file}`),
    ...tests.map((file) => `test/${file}`),
    ...filesIn('config', /\.(ya?ml|md)$/).map((file) => `config/${file}`),
    ...filesIn('docker', /./).map((file) => `docker/${file}`),
    ...readdirSync(ROOT).filter((file) => /\.(md|json)$/.test(file) && file !== 'package-lock.json'),
  ].filter((file) => /\.(ts|md|ya?ml|json|conf|sh)$/.test(file) && file !== 'test/house-rules.test.ts');

  /** The variable that switches Node's certificate checks off, in parts so that this file does not contain it. */
  const switchOff = ['NODE', 'TLS', 'REJECT', 'UNAUTHORIZED'].join('_');

  it.each([
    [/\b(TODO|FIXME|XXX|HACK)\b/, 'unfinished work is no comment'],
    [/\/(root|home|Users)\/[a-z]/, 'paths of one machine'],
    [new RegExp(`${switchOff}['"]?\\]?\\s*[=:]\\s*['"]?0`), 'switches certificate checks off'],
  ])('nowhere %s: %s', (pattern) => {
    expect(shipped.filter((file) => pattern.test(read(file)))).toEqual([]);
  });

  it('the links of the documents lead somewhere', () => {
    const dead: string[] = [];
    for (const file of shipped.filter((one) => one.endsWith('.md'))) {
      for (const [, target = ''] of read(file).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)) {
        if (!existsSync(join(ROOT, dirname(file), target))) dead.push(`${file}: ${target}`);
      }
    }
    expect(dead).toEqual([]);
  });

  it('the scripts of package.json run files that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = Object.values(scripts).flatMap((line) => line.match(/(?:src|test|config|docker)\/[\w./-]+/g) ?? []);
    expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    expect(
      Object.keys(scripts).filter((name) => /^(pre|post)/.test(name)),
      'hooks never run here',
    ).toEqual([]);
  });

  it('the lock file names no host and no install script, and hashes every package', () => {
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Record<string, unknown>> };
    const packages = Object.entries(lock.packages).filter(([name]) => name !== '');
    expect(packages.filter(([, entry]) => 'resolved' in entry).map(([name]) => name)).toEqual([]);
    expect(packages.filter(([, entry]) => 'hasInstallScript' in entry).map(([name]) => name)).toEqual([]);
    expect(packages.filter(([, entry]) => !('integrity' in entry)).map(([name]) => name)).toEqual([]);
  });

  it('the table of codes in config/README.md is the catalogue', () => {
    const table = /^## Codes$[\s\S]*?(?=^## |$(?![\s\S]))/m.exec(read('config/README.md'))?.[0] ?? '';
    const rows = [...table.matchAll(/^\| `([a-z-]+\.[a-z-]+)` \|(.*)$/gm)];
    expect(rows).toHaveLength(Object.keys(CODES).length);
    expect(new Set(rows.map(([, code]) => code))).toEqual(new Set(Object.keys(CODES)));
    for (const [, code = '', rest = ''] of rows) {
      const entry = CODES[code as keyof typeof CODES];
      expect(rest, code).toContain(entry.says);
      expect(rest, code).toContain(entry.status === null ? '—' : String(entry.status));
    }
  });
});
