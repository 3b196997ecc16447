/** The command line of `probe`. */
import { resolve } from 'node:path';
import { FileError, readText } from '../host/files.ts';
import type { Authority } from '../model/authority.ts';
import { parseIp, printIp } from '../model/ip.ts';
import { clip } from '../model/text.ts';
import type { AnchorsChoice } from '../policy/policy.ts';
import { parseHost, parseWithDefaultPort } from '../wire/authority.ts';
import type { Io } from './io.ts';
import { CommandError, readArguments, UsageError } from './usage.ts';

export const PROBE_OPTIONS = {
  via: { type: 'string' },
  yaml: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  file: { type: 'string', short: 'f' },
  anchors: { type: 'string' },
  resolve: { type: 'string', multiple: true },
  config: { type: 'string', short: 'c' },
} as const;

export interface ProbeOptions {
  /** Each host once, in the order given. */
  readonly hosts: readonly [Authority, ...Authority[]];
  /** null: no second view. */
  readonly via: Authority | null;
  readonly print: 'screen' | 'yaml' | 'json';
  /** Null: not said. */
  readonly anchors: AnchorsChoice | null;
  /** Canonical host → addresses. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly config: string | undefined;
}

const HTTPS_PORT = 443;
const PROXY_PORT = 3128;
/** A list of hosts; 100,000 names of 40 characters. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/** @throws UsageError, CommandError */
export function readProbeOptions(argv: readonly string[], io: Io): ProbeOptions {
  const { values, positionals } = readArguments(argv, PROBE_OPTIONS);
  if (values.yaml && values.json) throw new UsageError('--yaml and --json exclude each other');
  const listed = values.file === undefined ? [] : readList(values.file, io);
  const hosts = new Map<string, Authority>();
  for (const text of [...positionals, ...listed]) {
    const authority = readTarget(text);
    hosts.set(`${authority.host}:${authority.port}`, authority);
  }
  const [first, ...others] = hosts.values();
  if (first === undefined) throw new UsageError('name a host, or a list of hosts with -f FILE');
  return {
    hosts: [first, ...others],
    via: values.via === undefined ? null : readProxy(values.via),
    print: values.yaml ? 'yaml' : values.json ? 'json' : 'screen',
    anchors: readAnchorsChoice(values.anchors, io.cwd),
    addresses: readAddresses(values.resolve ?? []),
    config: values.config,
  };
}

/** One host a line; empty lines and what follows `#` are left out. */
function readList(file: string, io: Io): readonly string[] {
  try {
    const text = readText(resolve(io.cwd, file), MAX_LIST_BYTES);
    return text.split('\n').flatMap((line) => line.replace(/#.*/, '').trim() || []);
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    throw new CommandError(thrown.message, 'name a file with one host a line');
  }
}

/** A host as people paste it: with or without port, also as an https URL. */
function readTarget(text: string): Authority {
  const bare = text.replace(/^https:\/\//i, '').replace(/[/?#].*$/, '');
  const read = parseWithDefaultPort(bare, HTTPS_PORT);
  if (!read.ok)
    throw new UsageError(`${JSON.stringify(clip(text, 80))} is no host, host:port or [IPv6]:port (${read.why})`);
  return read.value;
}

function readProxy(text: string): Authority {
  if (/^https:\/\//i.test(text))
    throw new UsageError('--via: TLS to the proxy is not supported; name an http:// proxy');
  const read = parseWithDefaultPort(text.replace(/^http:\/\//i, '').replace(/\/$/, ''), PROXY_PORT);
  if (!read.ok)
    throw new UsageError(`--via: ${JSON.stringify(clip(text, 80))} is no proxy such as 10.0.0.1:3128 (${read.why})`);
  return read.value;
}

function readAnchorsChoice(text: string | undefined, cwd: string): AnchorsChoice | null {
  if (text === undefined) return null;
  return text === 'public' || text === 'system' ? text : { files: [resolve(cwd, text)] };
}

function readAddresses(entries: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const addresses = new Map<string, readonly string[]>();
  for (const entry of entries) {
    const colon = entry.indexOf(':');
    const host = colon === -1 ? null : parseHost(entry.slice(0, colon));
    const bytes = parseIp(entry.slice(colon + 1).replace(/^\[(.*)\]$/, '$1'));
    if (host === null || !host.ok || bytes === null) {
      throw new UsageError(`--resolve: ${JSON.stringify(clip(entry, 80))} is not HOST:ADDRESS`);
    }
    addresses.set(host.value.host, [...(addresses.get(host.value.host) ?? []), printIp(bytes)]);
  }
  return addresses;
}
