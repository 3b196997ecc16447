/**
 * `env [--shell SHELL] [--proxy HOST:PORT]`: the variables that make clients use the proxy and trust its CA, ready for
 * `eval`; the files they point to are written into the state directory (env-files.ts).
 *
 * The list says of each variable whether it adds to the client's roots or replaces them.
 */

import { printAuthority } from '../model/authority.ts';
import { clip } from '../model/text.ts';
import type { Config } from '../policy/config.ts';
import { printListen } from '../runtime/bind.ts';
import { parseAuthority } from '../wire/authority.ts';
import { type ClientFiles, writeClientFiles } from './env-files.ts';
import { readCaCertificates, readInstallation } from './installation.ts';
import type { Io } from './io.ts';
import { evalOf, type Typed, typedFor } from './next-command.ts';
import { createMachine } from './stores/machine.ts';
import { CommandError, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

type Effect = 'routes' | 'adds' | 'replaces';

export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly effect: Effect;
  readonly clients: string;
}

const SHELLS = { sh: 'sh', bash: 'sh', zsh: 'sh', fish: 'fish', powershell: 'powershell' } as const;
type Shell = (typeof SHELLS)[keyof typeof SHELLS];

const OPTIONS = {
  shell: { type: 'string', default: 'sh' },
  proxy: { type: 'string' },
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
} as const;

const NO_PROXY = 'localhost,127.0.0.1,::1';

/** @throws UsageError */
function shellOf(word: string): Shell {
  if (Object.hasOwn(SHELLS, word)) return SHELLS[word as keyof typeof SHELLS];
  throw new UsageError(`--shell: there is no syntax for "${clip(word)}": ${Object.keys(SHELLS).join(', ')}`);
}

/** @returns 0 printed, 1 there is no usable CA or configuration, 2 usage. */
export async function runEnv(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('env', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    if (positionals.length > 0) throw new UsageError('takes no names');
    const shell = shellOf(values.shell);
    const config = readInstallation(values.config, io);
    const proxy = values.proxy === undefined ? listenAddress(config) : readProxy(values.proxy);
    const cas = readCaCertificates(config, io).filter(({ slot }) => slot !== 'previous');
    const files = writeClientFiles(config.state, cas, createMachine(io.env));
    const variables = variablesOf(proxy, files);
    const typed = typedFor(config.file, io);
    io.out(values.json ? `${JSON.stringify({ proxy, files, variables })}\n` : script(variables, files, shell, typed));
    return EXIT_OK;
  });
}

function readProxy(text: string): string {
  const read = parseAuthority(text.replace(/^http:\/\//i, '').replace(/\/$/, ''));
  if (!read.ok) throw new UsageError(`--proxy: ${JSON.stringify(clip(text, 80))} is not HOST:PORT (${read.why})`);
  return printAuthority(read.value);
}

/** Where clients of this machine reach the proxy. */
function listenAddress(config: Config): string {
  const listen = config.listen.find(({ port }) => port !== 0);
  if (listen === undefined) {
    throw new CommandError(
      'the configuration leaves the port to the system',
      'say where the proxy is: --proxy HOST:PORT',
    );
  }
  const loopback = { '0.0.0.0': '127.0.0.1', '::': '::1' }[listen.address];
  return printListen({ address: loopback ?? listen.address, port: listen.port });
}

/** Every variable that a common client reads. */
export function variablesOf(proxy: string, files: Pick<ClientFiles, 'bundle' | 'only' | 'java'>): readonly Variable[] {
  const url = `http://${proxy}`;
  const routes = (name: string, value: string, clients: string): Variable => ({
    name,
    value,
    effect: 'routes',
    clients,
  });
  const adds = (name: string, value: string, clients: string): Variable => ({ name, value, effect: 'adds', clients });
  const replaces = (name: string, clients: string): Variable => ({
    name,
    value: files.bundle,
    effect: 'replaces',
    clients,
  });
  return [
    routes('HTTPS_PROXY', url, 'most clients'),
    routes('https_proxy', url, 'clients that read small letters only'),
    routes('HTTP_PROXY', url, 'most clients'),
    routes('http_proxy', url, 'curl reads no other for plain HTTP'),
    routes('NO_PROXY', NO_PROXY, 'most clients'),
    routes('no_proxy', NO_PROXY, 'clients that read small letters only'),
    routes('NODE_USE_ENV_PROXY', '1', 'Node 24 and later: without it fetch ignores HTTPS_PROXY'),
    adds('NODE_EXTRA_CA_CERTS', files.only, 'Node'),
    adds('NODE_USE_SYSTEM_CA', '1', 'Node: the roots of the system as well, once they hold the CA'),
    adds('DENO_CERT', files.only, 'Deno'),
    replaces('SSL_CERT_FILE', 'OpenSSL, Python ssl, Go, Ruby'),
    replaces('REQUESTS_CA_BUNDLE', 'Python requests'),
    replaces('CURL_CA_BUNDLE', 'curl, Python requests'),
    replaces('PIP_CERT', 'pip'),
    replaces('GIT_SSL_CAINFO', 'git'),
    replaces('AWS_CA_BUNDLE', 'AWS tools'),
    replaces('CARGO_HTTP_CAINFO', 'cargo'),
    ...javaVariables(proxy, files.java),
  ];
}

function javaVariables(proxy: string, store: string | null): readonly Variable[] {
  if (store === null) return [];
  const colon = proxy.lastIndexOf(':');
  const host = proxy.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = proxy.slice(colon + 1);
  const options = [
    `-Djavax.net.ssl.trustStore=${/\s/.test(store) ? `"${store}"` : store}`,
    '-Djavax.net.ssl.trustStorePassword=changeit',
    ...['https', 'http'].flatMap((scheme) => [`-D${scheme}.proxyHost=${host}`, `-D${scheme}.proxyPort=${port}`]),
  ];
  return [{ name: 'JAVA_TOOL_OPTIONS', value: options.join(' '), effect: 'replaces', clients: 'Java' }];
}

const TITLES: Readonly<Record<Effect, string>> = {
  routes: 'through the proxy',
  adds: "adds our CA to the client's own roots",
  replaces: "replaces the client's roots: the file holds others and ours",
};

function script(variables: readonly Variable[], { roots, java }: ClientFiles, shell: Shell, typed: Typed): string {
  const load = {
    sh: evalOf(typed('env')),
    fish: `${typed('env --shell fish')} | source`,
    powershell: `${typed('env --shell powershell')} | Out-String | Invoke-Expression`,
  }[shell];
  const lines = [`# ${load}`];
  let effect: Effect | null = null;
  for (const variable of variables) {
    if (variable.effect !== effect) lines.push('', `# ${TITLES[variable.effect]}`);
    effect = variable.effect;
    lines.push(`${assignment(variable, shell)}  # ${variable.clients}`);
  }
  lines.push(
    '',
    `# the roots beside ours in these files: ${roots === 'system' ? "the system's" : 'the public set that ships'}`,
  );
  if (java === null)
    lines.push(`# Java: no keytool and key store were found; import the CA by hand: ${typed('ca export')}`);
  lines.push(`# other users of this machine cannot read these files; browsers: ${typed('ca trust')}`, '');
  return lines.join('\n');
}

function assignment({ name, value }: Variable, shell: Shell): string {
  switch (shell) {
    case 'sh':
      return `export ${name}='${value.replaceAll("'", "'\\''")}'`;
    case 'fish':
      return `set -gx ${name} '${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
    case 'powershell':
      return `$env:${name} = '${value.replaceAll("'", "''")}'`;
  }
}
