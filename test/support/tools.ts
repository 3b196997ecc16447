/**
 * Which outside tools a machine has. A suite that needs an absent one is skipped with a line that names the tool;
 * with PINWARDEN_REQUIRE=all (continuous integration) the absence is a failure instead.
 */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

export type Tool =
  | 'curl'
  | 'openssl'
  | 'nginx'
  | 'python3'
  | 'squid'
  | 'promtool'
  | 'prometheus'
  | 'amtool'
  | 'chromium'
  | 'certutil'
  | 'keytool'
  | 'bash'
  | 'zsh'
  | 'fish'
  | 'git'
  | 'wget'
  | 'pip'
  | 'java'
  | 'kubectl'
  | 'kustomize'
  | 'systemd-analyze'
  | 'podman'
  | 'runc'
  | 'busybox'
  | 'alertmanager'
  | 'prlimit';

const VERSION: Readonly<Record<Tool, readonly string[]>> = {
  curl: ['curl', '--version'],
  openssl: ['openssl', 'version'],
  nginx: ['nginx', '-v'],
  python3: ['python3', '--version'],
  squid: ['squid', '--version'],
  promtool: ['promtool', '--version'],
  prometheus: ['prometheus', '--version'],
  amtool: ['amtool', '--version'],
  chromium: ['chromium', '--version'],
  // It has no option that ends well.
  certutil: ['sh', '-c', 'command -v certutil'],
  keytool: ['keytool', '-help'],
  bash: ['bash', '--version'],
  zsh: ['zsh', '--version'],
  fish: ['fish', '--version'],
  git: ['git', '--version'],
  wget: ['wget', '--version'],
  pip: ['python3', '-m', 'pip', '--version'],
  // The compiler: with it, java runs a source file.
  java: ['javac', '-version'],
  // One that names the kustomize in it, which takes directories as resources; that of Debian 12 is older.
  kubectl: ['sh', '-c', 'kubectl version --client | grep -q Kustomize'],
  kustomize: ['kubectl', 'version', '--client'],
  'systemd-analyze': ['systemd-analyze', '--version'],
  podman: ['podman', '--version'],
  runc: ['runc', '--version'],
  busybox: ['busybox', 'true'],
  alertmanager: ['prometheus-alertmanager', '--version'],
  prlimit: ['prlimit', '--version'],
};

const known = new Map<Tool, boolean>();

export function hasTool(tool: Tool): boolean {
  let found = known.get(tool);
  if (found === undefined) {
    found = answers(VERSION[tool]);
    known.set(tool, found);
  }
  return found;
}

function answers([command = '', ...args]: readonly string[]): boolean {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;
  try {
    execFileSync(command, args, { stdio: 'ignore', timeout: 60_000, env: { ...process.env, PATH: path } });
    return true;
  } catch {
    return false;
  }
}

const requireAll = process.env['PINWARDEN_REQUIRE'] === 'all';

/** `describe`, but skipped (or failed) when one of the tools is absent. */
export function describeWith(tools: readonly Tool[], name: string, body: () => void): void {
  const absent = tools.filter((tool) => !hasTool(tool));
  if (absent.length === 0) {
    describe(name, body);
    return;
  }
  const line = `${name}: needs ${absent.join(', ')}`;
  const isPresent = () => expect(absent, 'PINWARDEN_REQUIRE=all, but tools are absent').toEqual([]);
  if (requireAll) it(line, isPresent);
  else describe.skipIf(absent.length > 0)(`${line} (skipped: not installed)`, () => it('is installed', isPresent));
}
