/**
 * Environment variables that change how Node verifies, loads or listens. Workers never inherit the environment; only
 * the names below pass. The supervisor, which reads the CA key, is a process of Node and cannot escape its own
 * environment: what would switch verification off, run code, open the inspector or change TLS there refuses the start,
 * and the rest is named with what it does.
 */
import { dangerIn } from './node-options.ts';

export interface EnvironmentReport {
  /** The start is refused when one is there. */
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
  /** What worker processes get. */
  readonly workerEnv: Readonly<Record<string, string>>;
}

const PASSED_ON: ReadonlySet<string> = new Set(['HOME', 'LANG', 'LC_ALL', 'PATH', 'TMPDIR', 'TZ']);

/** Node's switches for its TLS client; the only ones that exist turn verification off. */
const REFUSED_PREFIX = 'NODE_TLS_';

/** OpenSSL reads them in every process of Node, and loads the modules that they name. */
const RUNS_MODULES = 'OpenSSL loads what it names into the process that holds the CA key; unset it';
const REFUSED: Readonly<Record<string, string>> = {
  OPENSSL_CONF: RUNS_MODULES,
  OPENSSL_ENGINES: RUNS_MODULES,
  OPENSSL_MODULES: RUNS_MODULES,
};

/** Trust and routes that come from outside the configuration. Nothing that judges or carries traffic reads them. */
const IGNORED: Readonly<Record<string, string>> = {
  HTTPS_PROXY: 'use the configuration',
  HTTP_PROXY: 'use the configuration',
  NODE_EXTRA_CA_CERTS: 'name the file in anchors:',
  NODE_PATH: 'packages come from the installation',
  NODE_USE_ENV_PROXY: 'use the configuration',
  NODE_USE_SYSTEM_CA: 'say anchors: system',
  SSLKEYLOGFILE: 'no key of a connection is written',
  SSL_CERT_DIR: 'name the files in anchors:',
  SSL_CERT_FILE: 'name the file in anchors:',
};

/** Node obeys these in the supervisor. */
const OBEYED: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: 'reads and writes compiled code there; nobody else may be able to write to it',
  NODE_DEBUG: 'prints its internals to standard error',
  NODE_DEBUG_NATIVE: 'prints its internals to standard error',
  NODE_REDIRECT_WARNINGS: 'writes its warnings to that file',
  NODE_V8_COVERAGE: 'writes what code ran to that directory at its end',
};
const ONLY_SUPERVISOR = 'workers run without it; unset it unless that is what you want';

/** Pure: `env` is the environment of the supervisor. */
export function judgeEnvironment(env: Readonly<Record<string, string | undefined>>): EnvironmentReport {
  const names = Object.keys(env).filter((name) => env[name] !== undefined && env[name] !== '');
  const refusals = names.flatMap((name) => refusalOf(name, env[name] ?? ''));
  const warnings = names.flatMap((name) => (refusalOf(name, env[name] ?? '').length > 0 ? [] : warningOf(name)));
  const workerEnv = Object.fromEntries(
    names.filter((name) => PASSED_ON.has(name)).map((name) => [name, env[name] ?? '']),
  );
  return { refusals, warnings, workerEnv };
}

function refusalOf(name: string, value: string): readonly string[] {
  const upper = name.toUpperCase();
  if (upper.startsWith(REFUSED_PREFIX)) {
    return [`${name} is set: it can switch certificate verification off; unset it`];
  }
  const why = REFUSED[upper];
  if (why !== undefined) return [`${name} is set: ${why}`];
  const danger = upper === 'NODE_OPTIONS' ? dangerIn(value) : null;
  if (danger === null) return [];
  const { flag, why: does } = danger;
  return [`${name} holds ${flag}, which ${does} in the process that holds the CA key; take it out, or unset ${name}`];
}

function warningOf(name: string): readonly string[] {
  const upper = name.toUpperCase();
  if (upper === 'NODE_OPTIONS') {
    return [`${name} is set and holds for the supervisor, which carries no traffic; workers run without it`];
  }
  const ignored = IGNORED[upper];
  if (ignored !== undefined) return [`${name} is set and ignored: ${ignored}`];
  const obeyed = OBEYED[upper];
  return obeyed === undefined ? [] : [`${name} is set: the supervisor ${obeyed}; ${ONLY_SUPERVISOR}`];
}
