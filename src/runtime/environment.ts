/**
 * Environment variables that change how Node verifies, loads or listens. Workers never inherit the environment; only
 * the names below pass. What would switch verification off refuses the start, the rest is named and ignored.
 */

export interface EnvironmentReport {
  /** The start is refused when one is there. */
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
  /** What worker processes get. */
  readonly workerEnv: Readonly<Record<string, string>>;
}

const PASSED_ON: ReadonlySet<string> = new Set(['HOME', 'LANG', 'LC_ALL', 'PATH', 'TMPDIR', 'TZ']);
/** Trust and code that come from outside the configuration. They reach no process that judges or carries traffic. */
const IGNORED = [
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'NODE_EXTRA_CA_CERTS',
  'NODE_OPTIONS',
  'NODE_PATH',
  'NODE_USE_ENV_PROXY',
  'NODE_USE_SYSTEM_CA',
  'OPENSSL_CONF',
  'SSLKEYLOGFILE',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
];
/** Node's switches for its TLS client; the only ones that exist turn verification off. */
const REFUSED_PREFIX = 'NODE_TLS_';

/** Pure: `env` is the environment of the supervisor. */
export function judgeEnvironment(env: Readonly<Record<string, string | undefined>>): EnvironmentReport {
  const names = Object.keys(env).filter((name) => env[name] !== undefined && env[name] !== '');
  const refusals = names
    .filter((name) => name.toUpperCase().startsWith(REFUSED_PREFIX))
    .map((name) => `${name} is set: it can switch certificate verification off; unset it`);
  const warnings = names
    .filter((name) => IGNORED.includes(name.toUpperCase()))
    .map((name) => `${name} is set and ignored: ${NEXT[name.toUpperCase()] ?? 'use the configuration'}`);
  const workerEnv = Object.fromEntries(
    names.filter((name) => PASSED_ON.has(name)).map((name) => [name, env[name] ?? '']),
  );
  return { refusals, warnings, workerEnv };
}

const NEXT: Readonly<Record<string, string>> = {
  NODE_EXTRA_CA_CERTS: 'name the file in anchors:',
  SSL_CERT_DIR: 'name the files in anchors:',
  SSL_CERT_FILE: 'name the file in anchors:',
  NODE_OPTIONS: 'workers run without it',
};
