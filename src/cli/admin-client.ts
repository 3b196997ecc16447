/**
 * Asks a running proxy through its admin interface, over the socket in the file system or the address with its token.
 *
 * Does: bound what it reads, and say what to do when nothing answers.
 * Does not: trust an answer's shape; whoever asks reads it.
 */
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { FileError } from '../host/files.ts';
import { clip } from '../model/text.ts';
import { CHANGE_HEADER } from '../observe/admin-api.ts';
import type { AdminConfig, Config } from '../policy/config.ts';
import { AdminSocketError, readToken, socketName } from '../runtime/admin-socket.ts';
import { printListen } from '../runtime/bind.ts';
import type { Io } from './io.ts';
import { typedFor } from './next-command.ts';
import { CommandError } from './usage.ts';

/** A reload waits up to 10 s for its workers. */
const TIMEOUT_MS = 30_000;
/** 10,000 events of some 2 KiB. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** One event with room to spare. */
const MAX_EVENT_CHARACTERS = 1024 * 1024;
/** The proxy sends a sign of life every 15 s. */
const SILENCE_MS = 60_000;

type Raw = Readonly<Record<string, unknown>>;

/** Where to ask, and how the proxy that should answer is started. */
export type AdminDoor = AdminConfig & { readonly start?: string };

/** @throws CommandError when the configuration has none */
export function adminOf(config: Config, io: Pick<Io, 'cwd'>): AdminDoor {
  if (config.admin !== null) return { ...config.admin, start: typedFor(config.file, io)('run') };
  throw new CommandError(
    `${config.file} opens no admin interface`,
    'add `admin: { unix: ./state/admin.sock }` to it, and start the proxy again',
  );
}

/** The JSON object of an answer. @throws CommandError */
export async function askAdmin(admin: AdminDoor, path: string, method: 'GET' | 'POST' = 'GET'): Promise<Raw> {
  const response = await send(admin, path, method, { timeout: TIMEOUT_MS });
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MAX_BODY_BYTES) throw new CommandError('the answer is too long', 'ask for less');
  }
  const body = parseObject(text);
  if (body === null) throw new CommandError(`${nameOf(admin)} does not answer like pinwarden`, 'check `admin:`');
  if (response.statusCode === 200 || response.statusCode === 202) return body;
  const detail = typeof body['detail'] === 'string' ? clip(body['detail']) : `status ${response.statusCode}`;
  throw new CommandError(`the running proxy refuses: ${detail}`, 'correct the question');
}

/**
 * Hands over every live event (`verdict`, `close`, `gap`, `dropped`) as it comes, until the proxy goes or `signal` is
 * aborted. @throws CommandError when nothing answers at the start
 */
export async function followEvents(
  admin: AdminDoor,
  onEvent: (kind: string, data: Raw) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await send(admin, '/v1/events', 'GET', { timeout: SILENCE_MS, signal });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new CommandError(`the running proxy gives no live events: status ${response.statusCode}`, 'try again later');
  }
  response.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      if (rest.length > MAX_EVENT_CHARACTERS) return;
      for (const block of blocks) {
        const kind = /^event: (\w{1,32})$/m.exec(block)?.[1];
        const data = parseObject(/^data: (.*)$/m.exec(block)?.[1] ?? '');
        if (kind !== undefined && data !== null) onEvent(kind, data);
      }
    }
  } catch {
    // The proxy has gone, or the reader has had enough: both end the stream, and neither is news.
  } finally {
    response.destroy();
  }
}

async function send(
  admin: AdminDoor,
  path: string,
  method: 'GET' | 'POST',
  more: RequestOptions,
): Promise<IncomingMessage> {
  const target = targetOf(admin);
  const headers = { ...target.headers, ...(method === 'POST' ? { [CHANGE_HEADER]: '1' } : {}) };
  return new Promise((resolve, reject) => {
    const asked = request({ ...target.where, ...more, headers, method, path, agent: false }, resolve);
    asked.once('timeout', () => asked.destroy());
    asked.once('error', (error: NodeJS.ErrnoException) => reject(unreachable(admin, error)));
    asked.end();
  });
}

interface Target {
  readonly where: Pick<RequestOptions, 'host' | 'port' | 'socketPath'>;
  readonly headers: Readonly<Record<string, string>>;
}

function targetOf(admin: AdminConfig): Target {
  if ('unix' in admin) return { where: { socketPath: socketName(admin.unix) }, headers: { host: 'pinwarden' } };
  try {
    const token = readToken(admin.tokenFile, process.getuid?.() ?? null);
    return { where: { host: admin.address, port: admin.port }, headers: { authorization: `Bearer ${token}` } };
  } catch (thrown) {
    if (!(thrown instanceof FileError) && !(thrown instanceof AdminSocketError)) throw thrown;
    throw new CommandError(thrown.message, 'ask as the user that runs the proxy');
  }
}

function unreachable(admin: AdminDoor, error: NodeJS.ErrnoException): CommandError {
  const where = nameOf(admin);
  if (error.code === 'EACCES') {
    return new CommandError(`${where}: permission denied`, 'ask as the user that runs the proxy');
  }
  return new CommandError(
    `nothing answers on ${where} (${error.code ?? 'no answer'})`,
    `start the proxy: ${admin.start ?? 'pinwarden run'}`,
  );
}

function nameOf(admin: AdminConfig): string {
  return 'unix' in admin ? admin.unix : printListen(admin);
}

function parseObject(text: string): Raw | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : null;
  } catch {
    return null;
  }
}
