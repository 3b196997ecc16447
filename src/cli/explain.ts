/** `explain HOST[:PORT] [--client X] [-c FILE] [--json]`: which rule decides, why the others lost, where it is written. */
import { parseArgs } from 'node:util';
import type { Authority } from '../model/authority.ts';
import { cidrHolds, parseCidr, parseIp } from '../model/ip.ts';
import type { Config } from '../policy/config.ts';
import { explain, printExplanation } from '../policy/explain.ts';
import { canonicalHost } from '../policy/hosts.ts';
import { printMistake, printPlace } from '../policy/mistakes.ts';
import { parseWithDefaultPort } from '../wire/authority.ts';
import type { Io } from './io.ts';
import { DEFAULT_CONFIG, loadFiles, shortPlace } from './policy-files.ts';

const EXIT_INVALID = 1;
const EXIT_USAGE = 2;
const DEFAULT_PORT = 443;
const USAGE = 'usage: pinwarden explain HOST[:PORT] [--client GROUP|ADDRESS]… [-c FILE] [--json]\n';

interface Options {
  readonly authority: Authority;
  readonly clients: readonly string[];
  readonly config: string;
  readonly json: boolean;
}

/** @returns 0 explained (denied too), 1 when the files are invalid, 2 for a wrong command line. */
export async function runExplain(argv: readonly string[], io: Io): Promise<number> {
  try {
    const options = readOptions(argv);
    const files = loadFiles(options.config, io);
    if (files.config === null || files.policy === null) {
      for (const mistake of files.mistakes.filter(({ severity }) => severity === 'error')) {
        const text = files.texts.get(mistake.place.file) ?? null;
        io.err(`${printMistake({ ...mistake, place: shortPlace(mistake.place, io.cwd) }, text)}\n`);
      }
      io.err('pinwarden: the files are invalid; correct them, then run explain again\n');
      return EXIT_INVALID;
    }
    const { config, policy } = files;
    const clients = options.clients.flatMap((client) => groupsOf(client, config));
    const explanation = explain(policy, options.authority, [...new Set(clients)]);
    const { port } = options.authority;
    const portAllowed = config.egress.ports.includes(port) || policy.ports.has(port);
    if (options.json) {
      io.out(`${JSON.stringify({ ...explanation, portAllowed })}\n`);
    } else {
      io.out(printExplanation(explanation, (place) => printPlace(shortPlace(place, io.cwd))));
      io.out(portAllowed ? '' : `\nport ${port} is refused (port.denied): add it to egress.ports, or to a pattern\n`);
    }
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    io.err(`pinwarden: ${thrown.message}\n${USAGE}`);
    return EXIT_USAGE;
  }
}

class UsageError extends Error {}

function readOptions(argv: readonly string[]): Options {
  const { values, positionals } = parse(argv);
  const [text, second] = positionals;
  if (text === undefined || second !== undefined) throw new UsageError('name one host');
  return { authority: readAuthority(text), clients: values.client, config: values.config, json: values.json };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        client: { type: 'string', multiple: true, default: [] },
        config: { type: 'string', short: 'c', default: DEFAULT_CONFIG },
        json: { type: 'boolean', default: false },
      },
      strict: true,
      allowPositionals: true,
    });
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function readAuthority(text: string): Authority {
  const read = parseWithDefaultPort(text, DEFAULT_PORT);
  if (read.ok) return read.value;
  // People may type what clients may not send: U-labels, and IPv6 without brackets.
  const host = canonicalHost(text);
  if (host === null)
    throw new UsageError(`${JSON.stringify(text.slice(0, 80))} is not HOST or HOST:PORT (${read.why})`);
  return { ...host, port: DEFAULT_PORT };
}

/** Groups of a client: a group's own name, or those whose ranges hold an address. */
function groupsOf(client: string, config: Config): readonly string[] {
  const address = parseIp(client);
  if (address === null) {
    if (config.clients.some(({ name }) => name === client)) return [client];
    const known = config.clients.map(({ name }) => name).join(', ') || 'none';
    throw new UsageError(`there is no client group ${JSON.stringify(client.slice(0, 80))}; known: ${known}`);
  }
  const holds = (range: string): boolean => {
    const cidr = parseCidr(range);
    return cidr !== null && cidrHolds(cidr, address);
  };
  return config.clients.filter(({ ranges }) => ranges.some(holds)).map(({ name }) => name);
}
