/**
 * What doctor asks of a running proxy, over its own addresses: whether it listens, is ready, what a reload refused, and
 * which clients refuse its CA. Nothing is sent through the proxy.
 */
import { get } from 'node:http';
import { connect } from 'node:net';
import { FileError, pathExists, readText } from '../host/files.ts';
import type { AdminConfig, Config, ListenAddress } from '../policy/config.ts';
import { printListen } from '../runtime/bind.ts';
import { askAdmin } from './admin-client.ts';
import { fail, type Item, ok, warn } from './doctor-items.ts';
import type { Io } from './io.ts';
import { evalOf, type Typed, typedFor } from './next-command.ts';
import { CommandError } from './usage.ts';

const TIMEOUT_MS = 2_000;
/** Metrics of 200 groups have some 500 KiB. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** More than a screen would not be read. */
const MAX_HELD = 10;

export async function runningItems(config: Config, io: Io): Promise<readonly Item[]> {
  const { listen, metrics, admin, ca } = config;
  const targets = listen.filter(({ port }) => port !== 0).map(reachable);
  const answers = await Promise.all(targets.map(async (target) => [target, await isOpen(target)] as const));
  const version = metrics === null || metrics.port === 0 ? null : await ask(reachable(metrics), '/version');
  const isOurs = version !== null && /"openssl":/.test(version.body);
  if (answers.every(([, open]) => !open)) {
    const where = targets.map(printListen).join(', ');
    return [
      ok(
        'listeners',
        `${where === '' ? 'ports are left to the system' : `nothing listens on ${where}`}: not running, or elsewhere`,
      ),
      ...(version === null || metrics === null
        ? []
        : [fail('metrics', `${printListen(metrics)} belongs to something else`, 'stop it, or choose another port')]),
    ];
  }
  const items = answers.map(([target, open]) => listenerItem(target, open, metrics === null ? null : isOurs));
  if (!isOurs || metrics === null) return items;
  const numbers = (await ask(reachable(metrics), '/metrics'))?.body ?? '';
  const ready = await readinessItems(reachable(metrics));
  const handed = await handedItems(targets, ca);
  return [
    ...items,
    ...handed,
    ...ready,
    ...(await reloadItems(numbers, admin)),
    ...clientItems(numbers, typedFor(config.file, io)),
  ];
}

/** `isOurs`: null when there is no metrics address to tell by. */
function listenerItem(target: ListenAddress, open: boolean, isOurs: boolean | null): Item {
  const where = printListen(target);
  if (!open)
    return fail('listeners', `nothing listens on ${where}`, 'restart the proxy: listeners are opened at a start');
  if (isOurs === null)
    return ok('listeners', `something listens on ${where}; metrics are off, so it cannot be told what`);
  return isOurs
    ? ok('listeners', `the proxy listens on ${where}`)
    : fail('listeners', `something else listens on ${where}`, 'stop it, or choose another port in listen:');
}

/** Bound to everything means reachable on loopback. */
function reachable({ address, port }: ListenAddress): ListenAddress {
  if (address === '0.0.0.0') return { address: '127.0.0.1', port };
  return address === '::' ? { address: '::1', port } : { address, port };
}

/**
 * What listens there may be the proxy of another installation: then all that follows is said of that one. A CA that was
 * replaced a moment ago looks the same until the proxy has taken it over.
 */
async function handedItems([target]: readonly ListenAddress[], ca: Config['ca']): Promise<readonly Item[]> {
  const own = target === undefined ? null : ownCa(ca.certificateFile);
  if (target === undefined || own === null) return [];
  const answer = await ask(target, '/ca.pem');
  if (answer?.status !== 200 || pemBlocks(answer.body).includes(own)) return [];
  return [
    warn(
      'listeners',
      `what listens on ${printListen(target)} hands out another CA than ${ca.certificateFile}`,
      'if it is the proxy of another installation, ask about that one: pinwarden doctor -c FILE',
    ),
  ];
}

/** Null: none that can be read, of which the item on the CA speaks. */
function ownCa(file: string): string | null {
  try {
    return pathExists(file) ? (pemBlocks(readText(file, MAX_BODY_BYTES))[0] ?? null) : null;
  } catch (thrown) {
    if (thrown instanceof FileError) return null;
    throw thrown;
  }
}

/** Without the line ends that one writes and the other does not. */
function pemBlocks(text: string): readonly string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => block.replaceAll(/\s/g, ''));
}

async function readinessItems(target: ListenAddress): Promise<readonly Item[]> {
  const answer = await ask(target, '/readyz');
  if (answer?.status === 200) return [ok('ready', 'the running proxy is ready')];
  return [
    fail(
      'ready',
      `the running proxy is not ready: ${answer?.body.slice(0, 200).trim() ?? 'no answer'}`,
      'look at its output',
    ),
  ];
}

const REFUSED = /^pinwarden_config_last_reload_successful 0$/m;
const HELD_NEXT = 'correct the file, or put back what runs; the proxy takes it over by itself';

/**
 * What runs may be older than the files: a weakening is a mistake to the running proxy alone, so `check` cannot find it.
 */
async function reloadItems(numbers: string, admin: Config['admin']): Promise<readonly Item[]> {
  if (!REFUSED.test(numbers)) return [];
  const held = admin === null ? [] : await heldMistakes(admin);
  if (held.length > 0) return held.map(({ says, hint }) => warn('reload', `refused: ${says}`, hint ?? HELD_NEXT));
  return [
    warn('reload', 'the last one was refused, or a part of it: what runs is older', 'read the output of the proxy'),
  ];
}

interface Held {
  readonly says: string;
  readonly hint: string | null;
}

/** The first mistake of each file that is held back; none when nobody answers. */
async function heldMistakes(admin: AdminConfig): Promise<readonly Held[]> {
  try {
    const { held } = await askAdmin(admin, '/v1/policies?limit=1');
    return Array.isArray(held) ? held.slice(0, MAX_HELD).flatMap(heldMistake) : [];
  } catch (thrown) {
    if (thrown instanceof CommandError) return [];
    throw thrown;
  }
}

function heldMistake(entry: unknown): readonly Held[] {
  const mistakes = isObject(entry) ? entry['mistakes'] : null;
  const first: unknown = Array.isArray(mistakes) ? mistakes[0] : null;
  if (!isObject(first)) return [];
  const { file, line, column, message, hint } = first;
  const says = `${[file, line, column].map(String).join(':')}: ${String(message)}`;
  return [{ says, hint: typeof hint === 'string' ? hint : null }];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

const ALERT = /^pinwarden_client_alerts_total\{([^}]*)\} ([0-9.e+]+)$/gm;
/** What TLS clients say of a certificate whose CA they do not know (RFC 8446 §6.2). */
const DISTRUST = ['unknown_ca', 'bad_certificate', 'certificate_unknown'];

function clientItems(numbers: string, typed: Typed): readonly Item[] {
  const refused = [...numbers.matchAll(ALERT)].flatMap(([, labels = '', count = '0']) => {
    const client = /client="([^"]*)"/.exec(labels)?.[1] ?? '?';
    const alert = /alert="([^"]*)"/.exec(labels)?.[1] ?? '?';
    return Number(count) > 0 && DISTRUST.includes(alert) ? [`${client} (${alert}, ${count})`] : [];
  });
  if (refused.length === 0) return [ok('refusals', 'no client has refused our CA since the start')];
  return [
    warn(
      'refusals',
      `client groups that refused our CA: ${refused.join(', ')}`,
      `give them the CA: ${evalOf(typed('env'))}, or ${typed('ca trust')}; bypass hosts that pin on their own`,
    ),
  ];
}

async function isOpen({ address, port }: ListenAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(TIMEOUT_MS, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function ask({ address, port }: ListenAddress, path: string): Promise<Answer | null> {
  return new Promise((resolve) => {
    const request = get({ host: address, port, path, timeout: TIMEOUT_MS, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > MAX_BODY_BYTES) request.destroy();
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.once('error', () => resolve(null));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(null));
    request.once('close', () => resolve(null));
  });
}
