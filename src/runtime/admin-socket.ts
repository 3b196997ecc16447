/**
 * Where the admin interface listens: a socket in the file system that only its owner reaches, or an address with a
 * token.
 *
 * Does: refuse a place where others could put a socket of theirs; remove a socket that nobody answers on; never remove
 * anything else.
 * Does not: serve (observe/admin-api.ts).
 */
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { dirname, relative } from 'node:path';
import { fileFacts, makeDirectory, pathFacts, readText, remove, setMode } from '../host/files.ts';
import { createAdminApi, type Route } from '../observe/admin-api.ts';
import type { AdminConfig, ListenAddress } from '../policy/config.ts';
import { BindError } from './bind.ts';

/** The admin interface cannot be opened; `message` is for the operator. */
export class AdminSocketError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AdminSocketError';
  }
}

export interface OpenedSocket {
  readonly server: Server;
  /** The address as bound; null: a socket in the file system. */
  readonly address: ListenAddress | null;
}

/** `sun_path` holds 108 bytes on Linux and 104 elsewhere, with a zero at the end. */
const MAX_PATH_BYTES = 103;
const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;
const SHARED_BITS = 0o077;
const ANSWER_TIMEOUT_MS = 1000;
const MAX_TOKEN_FILE_BYTES = 4096;
/** 128 bits in base64. */
const MIN_TOKEN = 22;

/** @throws AdminSocketError, BindError, FileError. `ownUid`: null where the system has no user ids. */
export async function openAdminSocket(
  config: AdminConfig,
  routes: readonly Route[],
  ownUid: number | null,
): Promise<OpenedSocket> {
  if ('unix' in config) {
    await clearPath(config.unix, ownUid);
    const server = createAdminApi(routes, { kind: 'unix' });
    await listenForOwner(server, config.unix);
    return { server, address: null };
  }
  const { address } = config;
  const server = createAdminApi(routes, { kind: 'token', token: readToken(config.tokenFile, ownUid), address });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new BindError(config, error)));
    server.listen(config.port, address, resolve);
  });
  return { server, address: { address, port: (server.address() as AddressInfo).port } };
}

/** The token of a file that only its owner reads. @throws AdminSocketError, FileError */
export function readToken(file: string, ownUid: number | null): string {
  const { mode, uid } = fileFacts(file);
  // Root may hand it over through a group: Secrets of Kubernetes and credentials of systemd come so.
  const isHanded = uid === 0 && ownUid !== null && ownUid !== 0;
  if ((mode & (isHanded ? SHARED_BITS & ~0o040 : SHARED_BITS)) !== 0) {
    throw new AdminSocketError(
      `${file} may be read or written by others (mode ${mode.toString(8)}); run: chmod 600 ${file}`,
    );
  }
  if (ownUid !== null && uid !== ownUid && uid !== 0) {
    throw new AdminSocketError(`${file} belongs to user ${uid}, not to the user that runs the proxy (${ownUid})`);
  }
  const token = readText(file, MAX_TOKEN_FILE_BYTES).trim();
  if (!/^[\x21-\x7e]+$/.test(token) || token.length < MIN_TOKEN) {
    throw new AdminSocketError(
      `${file} must hold one line of at least ${MIN_TOKEN} printable characters; make one: openssl rand -base64 32`,
    );
  }
  return token;
}

/** The shorter of the absolute path and that from here: a socket's name is short, and clones lie deep. */
export function socketName(path: string): string {
  const near = relative(process.cwd(), path);
  return near !== '' && near.length < path.length ? near : path;
}

/** Makes the path free, or says why it is not. */
async function clearPath(path: string, ownUid: number | null): Promise<void> {
  if (Buffer.byteLength(socketName(path)) > MAX_PATH_BYTES) {
    throw new AdminSocketError(
      `admin.unix: ${path} is longer than the ${MAX_PATH_BYTES} bytes that a socket's name may have`,
    );
  }
  const directory = dirname(path);
  makeDirectory(directory);
  const above = pathFacts(directory);
  const isOpen = above === null || ((above.mode & OTHERS_MAY_WRITE) !== 0 && (above.mode & STICKY) === 0);
  if (isOpen) {
    throw new AdminSocketError(
      `admin.unix: others may write to ${directory} and put a socket of theirs there; ` +
        'run: chmod 700 on it, or name a directory in it that is not there yet: it is made for the owner alone',
    );
  }
  const there = pathFacts(path);
  if (there === null) return;
  if (there.kind !== 'socket' || (ownUid !== null && there.uid !== ownUid)) {
    throw new AdminSocketError(`admin.unix: ${path} is there and is no socket of ours; move it away`);
  }
  if (await answers(path)) {
    throw new AdminSocketError(`admin.unix: another instance answers on ${path}; stop it, or name another path`);
  }
  remove(path);
}

/** Whether somebody accepts: the socket of a process that was killed stays behind and refuses. */
async function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketName(path));
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    // Somebody holds it, however slow: it is not ours to remove.
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(true));
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

async function listenForOwner(server: Server, path: string): Promise<void> {
  // The name appears with the permissions of the mask: there is no moment in which others could connect.
  const before = process.umask(0o177);
  try {
    const listening = new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketName(path), resolve);
    });
    process.umask(before);
    await listening;
    setMode(path, 0o600);
  } catch (thrown) {
    throw new AdminSocketError(
      `admin.unix: cannot listen on ${path}: ${thrown instanceof Error ? thrown.message : ''}`,
      thrown,
    );
  } finally {
    process.umask(before);
  }
}
