/** What people ask about: a host as they type it, and the client that it is asked for. Pure. */
import { type Authority, printAuthority } from '../model/authority.ts';
import { cidrHolds, parseCidr, parseIp } from '../model/ip.ts';
import { parseWithDefaultPort } from '../wire/authority.ts';
import type { Config } from './config.ts';
import { canonicalHost } from './hosts.ts';

export type Question =
  | {
      readonly ok: true;
      readonly authority: Authority;
      /** Names of client groups, each once. */
      readonly groups: readonly string[];
    }
  | { readonly ok: false; readonly why: string };

const DEFAULT_PORT = 443;
const HTTP_PORT = 80;
const MAX_SHOWN = 80;

/** `clients`: names of groups of the configuration, or addresses. */
export function readQuestion(host: string, clients: readonly string[], config: Pick<Config, 'clients'>): Question {
  const authority = readHost(host);
  if (typeof authority === 'string') return { ok: false, why: authority };
  const groups = new Set<string>();
  for (const client of clients) {
    const found = groupsOf(client, config);
    if (typeof found === 'string') return { ok: false, why: found };
    for (const name of found) groups.add(name);
  }
  return { ok: true, authority, groups: [...groups] };
}

/** The authority, or why there is none. */
function readHost(text: string): Authority | string {
  const read = parseWithDefaultPort(text, DEFAULT_PORT);
  if (read.ok) return read.value;
  // People may type what clients may not send: U-labels, and IPv6 without brackets.
  const host = canonicalHost(text);
  if (host !== null) return { ...host, port: DEFAULT_PORT };
  const shown = JSON.stringify(text.slice(0, MAX_SHOWN));
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return `${shown} is not HOST or HOST:PORT (${read.why})`;
  const meant = hostOfUrl(text);
  return `${shown} is a URL, expected HOST[:PORT]${meant === null ? '' : `: did you mean ${meant}?`}`;
}

/** `HOST[:PORT]` of an http or https URL; null: it is none, or has no host that we know how to ask for. */
function hostOfUrl(text: string): string | null {
  const [, scheme = '', rest = ''] = /^(https?):\/\/(?:[^/?#@]*@)?([^/?#]+)/i.exec(text) ?? [];
  const read = parseWithDefaultPort(rest, scheme.toLowerCase() === 'http' ? HTTP_PORT : DEFAULT_PORT);
  return read.ok ? printAuthority(read.value).replace(/:443$/, '') : null;
}

/** Groups of a client: a group's own name, or those whose ranges hold an address; else why there are none. */
function groupsOf(client: string, config: Pick<Config, 'clients'>): readonly string[] | string {
  const address = parseIp(client);
  if (address === null) {
    if (config.clients.some(({ name }) => name === client)) return [client];
    const known = config.clients.map(({ name }) => name).join(', ') || 'none';
    return `there is no client group ${JSON.stringify(client.slice(0, MAX_SHOWN))}; known: ${known}`;
  }
  const holds = (range: string): boolean => {
    const cidr = parseCidr(range);
    return cidr !== null && cidrHolds(cidr, address);
  };
  return config.clients.filter(({ ranges }) => ranges.some(holds)).map(({ name }) => name);
}
