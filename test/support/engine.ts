/**
 * A container engine of the machine, shut in: podman with storage, networks and addresses of its own, in a network and
 * a mount namespace that end with the test. Nothing is pulled: the images that our Dockerfile and compose file name are
 * stood in for by what the machine has (node of the lock file, npm with its cache, busybox, Prometheus, Alertmanager).
 *
 * Does: build, run, exec, inspect, stop as `docker` on the PATH does. Does not: say anything about the real base images,
 * nor about Grafana, whose place a web server takes that answers the health check.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { type Run, run } from './client.ts';
import { hasTool } from './tools.ts';

export interface Engine {
  /** For `PATH`: holds `docker`. */
  readonly bin: string;
  /** `docker WORDS`; fails the test when that fails. */
  docker(...words: readonly string[]): Promise<string>;
  /** A command of the machine, in the network of the engine. */
  inside(command: string, ...words: readonly string[]): Promise<Run>;
  stop(): Promise<void>;
}

/** Why no engine can run here although podman is installed; null: it can. */
export function engineForbidden(): string | null {
  if (process.getuid?.() !== 0) return 'not root';
  if (!hasTool('podman')) return null;
  const dir = mkdtempSync(join(tmpdir(), 'overlay-'));
  const mounts = `cd '${dir}' && mkdir a b c d && mount -t overlay overlay -o lowerdir=a,upperdir=b,workdir=c d`;
  const { status, stderr } = spawnSync('unshare', ['--net', '--mount', 'sh', '-c', mounts], { encoding: 'utf8' });
  rmSync(dir, { recursive: true, force: true });
  return status === 0 ? null : `no rights to namespaces and mounts: ${stderr.trim()}`;
}

export async function startEngine(): Promise<Engine> {
  const dir = mkdtempSync(join(tmpdir(), 'engine-'));
  const holder = await holdNamespaces();
  const enter = [
    'nsenter',
    ...['net', 'mnt', 'pid'].map((name) => `--${name === 'mnt' ? 'mount' : name}=/proc/${holder.pid}/ns/${name}`),
  ];
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(dir, 'containers.conf'), configuration(dir));
  writeFileSync(join(bin, 'docker'), shim(dir, enter), { mode: 0o755 });
  const engine: Engine = {
    bin,
    docker: async (...words) => {
      const result = await run(join(bin, 'docker'), words, { timeoutMs: 300_000 });
      expect(result.exitCode, `docker ${words.join(' ')}\n${result.stdout}${result.stderr}`).toBe(0);
      return result.stdout;
    },
    inside: async (command, ...words) => await run(enter[0]!, [...enter.slice(1), command, ...words]),
    stop: async () => {
      // One whose network another one shares goes after it, so twice.
      for (let round = 0; round < 2; round += 1)
        await run(join(bin, 'docker'), ['rm', '--force', '--all', '--volumes', '--time', '1']);
      const ended = once(holder.child, 'exit');
      holder.child.stdin?.end();
      await ended;
      // Empty ones alone can be removed.
      await run('find', [
        '/sys/fs/cgroup',
        '-depth',
        '-type',
        'd',
        '-path',
        '*/libpod_parent*',
        '-exec',
        'rmdir',
        '{}',
        ';',
      ]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await importBases(engine, dir);
  } catch (cause) {
    await engine.stop();
    throw cause;
  }
  return engine;
}

interface Holder {
  readonly child: ChildProcess;
  /** Process 1 of the namespaces, as it is numbered here. */
  readonly pid: number;
}

/**
 * Addresses, routes, filters, mounts and processes of the engine are seen by itself alone. They end with the shell that
 * is process 1 of the namespaces: the kernel ends the rest with it, whatever a test left running.
 */
async function holdNamespaces(): Promise<Holder> {
  const steps = ['mount -t tmpfs run /run', 'mount -t tmpfs shm /dev/shm', 'ip link set lo up', 'echo ready'];
  // bash, since it also waits for those whom it did not start.
  const script = `${steps.join(' && ')} && read -r _`;
  const words = ['--net', '--mount', '--pid', '--fork', '--mount-proc', 'bash', '-c', script];
  const child = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  if (!chunk.toString().includes('ready')) throw new Error('no namespaces');
  const [inner = ''] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
  return { child, pid: Number(inner) };
}

/** A namespace of ours has no systemd; limits above those of the machine would have to be granted. */
function configuration(dir: string): string {
  return [
    '[containers]',
    'default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]',
    '[network]',
    `network_config_dir = "${join(dir, 'networks')}"`,
    '[engine]',
    'cgroup_manager = "cgroupfs"',
    `runtime = "${hasTool('runc') ? 'runc' : 'crun'}"`,
    'events_logger = "file"',
    'lock_type = "file"',
    '',
  ].join('\n');
}

/** What Docker does and podman does not: formats with a health check, no writable /tmp under a read-only root. */
function shim(dir: string, enter: readonly string[]): string {
  const podman = `podman --root ${dir}/store --runroot ${dir}/run --tmpdir ${dir}/tmp --storage-driver overlay`;
  return `#!/bin/sh
export CONTAINERS_CONF=${dir}/containers.conf
command="$1"
shift
case "$command" in
  build) set -- --format docker --pull-never --isolation chroot --volume ${npmSetting('cache')}:/var/cache/npm --ulimit nofile=4096:4096 "$@" ;;
  run) set -- --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 --read-only-tmpfs=false "$@" ;;
esac
exec ${enter.join(' ')} --wd="$PWD" ${podman} "$command" "$@"
`;
}

const NOBODY = 65_534;

/** Every image that is named and not ours. */
async function importBases(engine: Engine, dir: string): Promise<void> {
  const put = async (tree: string, name: string, ...changes: readonly string[]) =>
    await importTree(engine, tree, name, changes);
  await put(nodeImage(dir), 'docker.io/library/node:26-bookworm-slim');
  await put(
    distrolessImage(dir),
    'gcr.io/distroless/nodejs26-debian13:nonroot',
    'USER=65532',
    'ENV=SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
    'ENTRYPOINT=["/nodejs/bin/node"]',
  );
  await put(
    serverImage(dir, '/usr/bin/prometheus', 'prometheus', 'prometheus'),
    'docker.io/prom/prometheus:v3.5.0',
    'ENTRYPOINT=["/bin/prometheus"]',
    'CMD=["--config.file=/etc/prometheus/prometheus.yml","--storage.tsdb.path=/prometheus"]',
    'USER=65534',
  );
  await put(
    serverImage(dir, '/usr/bin/prometheus-alertmanager', 'alertmanager', 'alertmanager'),
    'docker.io/prom/alertmanager:v0.28.1',
    'ENTRYPOINT=["/bin/alertmanager"]',
    'CMD=["--config.file=/etc/alertmanager/alertmanager.yml","--storage.path=/alertmanager"]',
    'USER=65534',
  );
  await put(
    grafanaImage(dir),
    'docker.io/grafana/grafana:12.1.0',
    'ENTRYPOINT=["/bin/httpd","-f","-p","3000","-h","/www"]',
    'USER=472',
  );
}

function newTree(dir: string, name: string, ...directories: readonly string[]): string {
  const root = join(dir, name);
  for (const one of ['etc', 'proc', 'sys', 'dev', 'tmp', ...directories])
    mkdirSync(join(root, one), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  return root;
}

function nodeImage(dir: string): string {
  const root = newTree(dir, 'node', 'usr/bin', 'usr/local/bin', 'usr/local/etc', 'usr/local/lib/node_modules');
  addProgram(root, process.execPath, '/usr/local/bin/node');
  addBusybox(root, 'sh', 'mkdir', 'env');
  symlinkSync('/bin/busybox', join(root, 'usr/bin/env'));
  const npm = realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim());
  cpSync(dirname(dirname(npm)), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  const script = 'exec /usr/local/bin/node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"';
  writeFileSync(join(root, 'usr/local/bin/npm'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  // What the lock file names is in the cache of the machine since its own `npm ci`, under the address it came from.
  const settings = [
    'cache=/var/cache/npm',
    'offline=true',
    `registry=${npmSetting('registry')}`,
    'update-notifier=false',
  ];
  writeFileSync(join(root, 'usr/local/etc/npmrc'), `${settings.join('\n')}\naudit=false\nfund=false\n`);
  return root;
}

function npmSetting(name: 'cache' | 'registry'): string {
  return execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim();
}

/** No shell, as in the real one. */
function distrolessImage(dir: string): string {
  const root = newTree(dir, 'distroless', 'nodejs/bin');
  addProgram(root, process.execPath, '/nodejs/bin/node');
  return root;
}

function serverImage(dir: string, program: string, name: string, storage: string): string {
  const root = newTree(dir, name, 'bin', storage, `etc/${name}`);
  addProgram(root, program, `/bin/${name}`);
  addBusybox(root, 'wget');
  // Where Debian's look for their templates; those of the images have them inside.
  const templates = `/usr/share/prometheus/${name}`;
  if (existsSync(templates)) cpSync(templates, join(root, templates), { recursive: true });
  chownSync(join(root, storage), NOBODY, NOBODY);
  return root;
}

function grafanaImage(dir: string): string {
  const root = newTree(dir, 'grafana', 'bin', 'www/api', 'var/lib/grafana');
  addBusybox(root, 'httpd', 'wget');
  writeFileSync(join(root, 'www/api/health'), '{}');
  return root;
}

/** The program and the libraries that it is linked with, at the places where the loader looks. */
function addProgram(root: string, file: string, at: string): void {
  const put = (from: string, to: string) => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    copyFileSync(realpathSync(from), join(root, to));
    chmodSync(join(root, to), 0o755);
  };
  put(file, at);
  const { stdout } = spawnSync('ldd', [file], { encoding: 'utf8' });
  for (const [library] of stdout.matchAll(/(?<= )\/[\w./+-]+|(?<=^\t)\/[\w./+-]+/gm)) put(library, library);
}

function addBusybox(root: string, ...names: readonly string[]): void {
  addProgram(root, '/bin/busybox', '/bin/busybox');
  for (const name of names) symlinkSync('busybox', join(root, 'bin', name));
}

async function importTree(engine: Engine, root: string, name: string, changes: readonly string[]): Promise<void> {
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/tmp:/bin/sh\nnonroot:x:65532:65532::/tmp:/bin/false\n');
  const archive = `${root}.tar`;
  execFileSync('tar', ['-C', root, '-cf', archive, '.']);
  await engine.docker('import', ...changes.map((change) => `--change=${change}`), archive, name);
  rmSync(root, { recursive: true });
  rmSync(archive);
}
