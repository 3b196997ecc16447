/**
 * The command table: from it come `help`, `COMMAND --help`, shell completion and the dispatch of dispatch.ts.
 *
 * Does: names every command with its options and exit codes, and loads its file when it is asked for.
 * Does not: read argv; each command parses its own, and a test holds that it knows the options that are listed here.
 */
import type { Io } from './io.ts';
import { rememberSignals } from './signals.ts';

export type Command = (argv: readonly string[], io: Io) => Promise<number>;

/** What completion offers where a value is expected. */
export type Takes = 'file' | 'directory' | 'host' | 'text' | readonly string[] | Words;

export interface Words {
  readonly words: readonly string[];
  /** `list`: several, with commas between them; `or-file`: one of them, or a file. */
  readonly as: 'list' | 'or-file';
}

export interface Option {
  /** With its dashes. */
  readonly flag: string;
  readonly short?: string;
  /** Absent: a switch. */
  readonly takes?: Takes;
  /** Word for the value in help. */
  readonly value?: string;
  readonly does: string;
}

export interface Entry {
  readonly usage: readonly string[];
  readonly does: string;
  readonly options: readonly Option[];
  /** Variables of the environment that it reads, besides those of every command. */
  readonly environment?: readonly { readonly name: string; readonly does: string }[];
  /** What stands without dashes; absent: nothing. */
  readonly operand?: Takes;
  /** What each exit code means. */
  readonly exits: Readonly<Record<number, string>>;
  readonly load: () => Promise<Command>;
}

const config: Option = { flag: '--config', short: '-c', takes: 'file', value: 'FILE', does: 'pinwarden.yaml to use' };
const json: Option = { flag: '--json', does: 'JSON instead of text' };
const TRUST_STORES = { name: 'TRUST_STORES', does: 'only these trust stores: system, nss, java, with commas between' };
const USAGE_EXIT = { 2: 'wrong command line' };

const SERVE: Readonly<Record<string, Entry>> = {
  run: {
    usage: ['run [-c FILE] [--json]'],
    does: 'the proxy',
    options: [config, { flag: '--json', does: 'the first screen as one line of JSON' }],
    exits: { 0: 'ended by a signal', 1: 'the start was refused', ...USAGE_EXIT },
    load: async () => {
      rememberSignals();
      return (await import('./run.ts')).runRun;
    },
  },
  demo: {
    usage: ['demo [--keep] [--json]'],
    does: 'good, rotated and attacked upstreams on loopback, and what the proxy makes of them',
    options: [{ flag: '--keep', does: 'go on until Ctrl-C' }, json],
    exits: { 0: 'every verdict is as the story says', 1: 'one is not', ...USAGE_EXIT },
    load: async () => (await import('./demo.ts')).runDemo,
  },
  init: {
    usage: ['init [DIR] [--json]'],
    does: 'CA, commented configuration and a first policy; overwrites nothing',
    options: [json],
    operand: 'directory',
    exits: { 0: 'everything is there', 1: 'something cannot be made or used', ...USAGE_EXIT },
    load: async () => (await import('./init.ts')).runInit,
  },
  doctor: {
    usage: ['doctor [-c FILE] [--json]'],
    does: 'is this installation fit? A rogue endpoint is tried through the real pipeline',
    options: [config, json],
    environment: [TRUST_STORES],
    exits: { 0: 'fit, perhaps with warnings', 1: 'something failed', ...USAGE_EXIT },
    load: async () => (await import('./doctor.ts')).runDoctor,
  },
  healthcheck: {
    usage: ['healthcheck [--url URL] [--json]'],
    does: 'is the proxy on this machine ready? For container engines',
    options: [{ flag: '--url', takes: 'text', value: 'URL', does: 'what to ask: http://127.0.0.1:9464/readyz' }, json],
    exits: { 0: 'ready', 1: 'not ready, or no answer', ...USAGE_EXIT },
    load: async () => (await import('./healthcheck.ts')).runHealthcheck,
  },
};

const ANCHORS: Words = { words: ['public', 'system'], as: 'or-file' };

const JUDGE: Readonly<Record<string, Entry>> = {
  check: {
    usage: ['check [-c FILE] [--format text|json|github] [--json] [--strict]'],
    does: 'every mistake of configuration and policies at once',
    options: [
      config,
      { flag: '--format', takes: ['text', 'json', 'github'], value: 'FORMAT', does: 'how to print' },
      { flag: '--json', does: 'short for --format json' },
      { flag: '--strict', does: 'warnings count as errors' },
    ],
    exits: { 0: 'valid', 1: 'invalid', ...USAGE_EXIT },
    load: async () => (await import('./check.ts')).runCheck,
  },
  explain: {
    usage: ['explain HOST[:PORT] [--client GROUP|ADDRESS]… [--live] [-c FILE] [--json]'],
    does: 'which rule decides, why the others lost, where each value is written',
    options: [
      { flag: '--client', takes: 'text', value: 'GROUP|ADDRESS', does: 'as this client' },
      { flag: '--live', does: 'ask the running proxy' },
      config,
      json,
    ],
    operand: 'host',
    exits: { 0: 'explained', 1: 'the files are invalid', ...USAGE_EXIT },
    load: async () => (await import('./explain.ts')).runExplain,
  },
  probe: {
    usage: ['probe HOST[:PORT]… [--via PROXY] [--yaml] [--json] [-f FILE]'],
    does: 'dials, shows the chain with its pins; -c: as the proxy would judge it; --yaml prints a ready rule',
    options: [
      { flag: '--via', takes: 'host', value: 'PROXY', does: 'also through this HTTP proxy, and compare' },
      { flag: '--yaml', does: 'a ready rule; refused for a chain that must not be pinned' },
      json,
      { flag: '--file', short: '-f', takes: 'file', value: 'FILE', does: 'hosts, one a line' },
      { flag: '--anchors', takes: ANCHORS, value: 'public|system|FILE', does: 'what the path must end in' },
      { flag: '--resolve', takes: 'text', value: 'HOST:ADDRESS', does: 'dial this address instead of asking DNS' },
      config,
    ],
    operand: 'host',
    exits: { 0: 'every chain is good', 1: 'one is not, or was not reached', ...USAGE_EXIT },
    load: async () => (await import('./probe.ts')).runProbe,
  },
  verify: {
    usage: [
      'verify --host NAME --chain FILE.pem [--anchors FILE.pem] [--at TIME] [--staple FILE] [--crl FILE]… ' +
        '[--log-list FILE] [--rule FILE.yaml] [--json]',
      'verify --batch',
    ],
    does: 'judges a chain offline with the very code of the proxy',
    options: [
      { flag: '--host', takes: 'host', value: 'NAME', does: 'the name that the chain must be for' },
      { flag: '--chain', takes: 'file', value: 'FILE', does: 'the presented certificates, leaf first' },
      { flag: '--anchors', takes: 'file', value: 'FILE', does: 'trusted roots instead of the public set' },
      { flag: '--at', takes: 'text', value: 'TIME', does: 'judge at this time' },
      { flag: '--staple', takes: 'file', value: 'FILE', does: 'the stapled OCSP response' },
      { flag: '--crl', takes: 'file', value: 'FILE', does: 'a CRL' },
      { flag: '--log-list', takes: 'file', value: 'FILE', does: 'CT log list, JSON format v3' },
      {
        flag: '--rule',
        takes: 'file',
        value: 'FILE',
        does: 'a policy file, of which the rule for the host is taken, or one rule',
      },
      json,
      { flag: '--batch', does: 'JSON lines from standard input, alone' },
    ],
    exits: { 0: 'allowed or alerted', 1: 'blocked, or a file cannot be read or used', ...USAGE_EXIT },
    load: async () => (await import('./verify.ts')).runVerify,
  },
  pins: {
    usage: ['pins FILE.pem… [--json]'],
    does: 'the pin of each key in the files',
    options: [json],
    operand: 'file',
    exits: { 0: 'done', 1: 'a file, or something in it, cannot be read', ...USAGE_EXIT },
    load: async () => (await import('./pins.ts')).runPins,
  },
};

const CLIENTS: Readonly<Record<string, Entry>> = {
  ca: {
    usage: [
      'ca info [-c FILE] [--json]',
      'ca export [--out FILE] [--der] [-c FILE] [--json]',
      'ca rotate [--promote] [--dry-run] [-c FILE] [--json]',
      'ca trust|untrust [--dry-run] [-c FILE] [--json]',
    ],
    does: "the proxy's CA: look at it, hand it out, replace it, install it into trust stores",
    options: [
      { flag: '--out', takes: 'file', value: 'FILE', does: 'export: write here' },
      { flag: '--der', does: 'export: DER instead of PEM' },
      { flag: '--promote', does: 'rotate: the next CA becomes the CA' },
      { flag: '--dry-run', does: 'say what would be done' },
      config,
      json,
    ],
    environment: [TRUST_STORES],
    operand: ['info', 'export', 'rotate', 'trust', 'untrust'],
    exits: { 0: 'done', 1: 'not done, or not everywhere', ...USAGE_EXIT },
    load: async () => (await import('./ca.ts')).runCa,
  },
  env: {
    usage: ['env [--shell sh|bash|zsh|fish|powershell] [--proxy HOST:PORT] [-c FILE] [--json]'],
    does: 'the variables that make clients use proxy and CA: eval "$(pinwarden env)"',
    options: [
      { flag: '--shell', takes: ['sh', 'bash', 'zsh', 'fish', 'powershell'], value: 'SHELL', does: 'whose syntax' },
      { flag: '--proxy', takes: 'host', value: 'HOST:PORT', does: 'where clients reach the proxy' },
      config,
      json,
    ],
    exits: { 0: 'printed', 1: 'there is no usable CA or configuration', ...USAGE_EXIT },
    load: async () => (await import('./env.ts')).runEnv,
  },
  completion: {
    usage: ['completion bash|zsh|fish'],
    does: 'completion for a shell: source <(pinwarden completion bash)',
    options: [],
    operand: ['bash', 'zsh', 'fish'],
    exits: { 0: 'printed', ...USAGE_EXIT },
    load: async () => (await import('./completion.ts')).runCompletion,
  },
  version: {
    usage: ['version [--json]'],
    does: 'which build this is; also -V and --version',
    options: [json],
    exits: { 0: 'printed', ...USAGE_EXIT },
    load: async () => (await import('./version.ts')).runVersion,
  },
};

const VERDICT_WORDS: Words = { words: ['allow', 'alert', 'block', 'error'], as: 'list' };
const verdict: Option = {
  flag: '--verdict',
  takes: VERDICT_WORDS,
  value: 'WORDS',
  does: 'only allow, alert, block or error',
};
/** A test holds that these are the fields of event-groups.ts. */
const GROUP_WORDS: Words = {
  words: ['address', 'client', 'code', 'group', 'host', 'issuer', 'owner', 'policy', 'rule', 'verdict'],
  as: 'list',
};

const SIGHT: Readonly<Record<string, Entry>> = {
  why: {
    usage: ['why EVENT [-c FILE] [--json]'],
    does: 'one event: expected and observed keys, what changed, how often, what to do; the start of its id will do',
    options: [config, json],
    operand: 'text',
    exits: { 0: 'told', 1: 'no such event is on record', ...USAGE_EXIT },
    load: async () => (await import('./why.ts')).runWhy,
  },
  events: {
    usage: ['events [--since 1h] [--verdict WORDS] [--group-by FIELDS] [--limit N] [-c FILE] [--json]'],
    does: 'past verdicts from the audit files, one a line, or counted by issuer, address, policy, …',
    options: [
      { flag: '--since', takes: 'text', value: 'SPAN|TIME', does: '30m, 1h, 7d, or an ISO 8601 time' },
      verdict,
      { flag: '--group-by', takes: GROUP_WORDS, value: 'FIELDS', does: 'issuer,address,policy,host,client,code,…' },
      { flag: '--limit', takes: 'text', value: 'N', does: 'the newest N' },
      config,
      json,
    ],
    exits: { 0: 'printed', 1: 'the files cannot be read', ...USAGE_EXIT },
    load: async () => (await import('./events.ts')).runEvents,
  },
  watch: {
    usage: ['watch [--verdict WORDS] [--count N] [-c FILE] [--json]'],
    does: 'verdicts as they come, over the admin interface or from the audit files',
    options: [verdict, { flag: '--count', takes: 'text', value: 'N', does: 'end after N lines' }, config, json],
    exits: { 0: 'ended', 1: 'nothing can be watched', ...USAGE_EXIT },
    load: async () => (await import('./watch.ts')).runWatch,
  },
  evidence: {
    usage: ['evidence list|show EVENT|export EVENT [--out FILE] [-c FILE] [--json]'],
    does: 'unexpected chains that the proxy kept, ready for a ticket',
    options: [{ flag: '--out', takes: 'file', value: 'FILE', does: 'export: write here' }, config, json],
    operand: ['list', 'show', 'export'],
    exits: { 0: 'done', 1: 'there is no such chain', ...USAGE_EXIT },
    load: async () => (await import('./evidence.ts')).runEvidence,
  },
};

/** Every command, in the order of help. */
export const COMMANDS: Readonly<Record<string, Entry>> = { ...SERVE, ...JUDGE, ...SIGHT, ...CLIENTS };
