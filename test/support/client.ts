/**
 * Clients that speak to the proxy the way the outside does: bytes by hand, curl, openssl s_client.
 *
 * The raw client uses no HTTP library, so a case can send anything; the runners are the tools people have.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { dialLocal } from './sockets.ts';

export interface Reply {
  /** 0: the connection ended without a status line. */
  readonly status: number;
  readonly reason: string;
  /** Lower-case names; repeated fields are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Bytes of an HTTP/1 reply as far as they came. */
export function parseReply(text: string): Reply {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const match = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(first);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { status: Number(match?.[1] ?? 0), reason: match?.[2] ?? '', headers, body: rest.join('\r\n\r\n') };
}

/** Sends `bytes` to the proxy and reads until it closes, or a 2xx head is complete. The socket stays the caller's. */
export async function exchange(port: number, bytes: string | Buffer): Promise<{ reply: Reply; socket: Socket }> {
  const socket = dialLocal(port);
  socket.on('error', () => socket.destroy());
  socket.write(bytes);
  return { reply: await readReply(socket), socket };
}

export async function readReply(socket: Socket): Promise<Reply> {
  let text = '';
  const done = Promise.withResolvers<void>();
  const onData = (chunk: Buffer) => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0 || !/^HTTP\/1\.[01] 2/.test(text)) return;
    // What came behind the head of a 200 belongs to the tunnel.
    socket.pause();
    if (text.length > end + 4) socket.unshift(Buffer.from(text.slice(end + 4), 'latin1'));
    done.resolve();
  };
  socket.on('data', onData);
  socket.once('close', () => done.resolve());
  socket.once('end', () => done.resolve());
  await done.promise;
  socket.off('data', onData);
  return parseReply(text);
}

/** A CONNECT as a well-behaved client sends it. */
export function connectHead(authority: string, ...fields: readonly string[]): string {
  return [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, ...fields, '', ''].join('\r\n');
}

export async function connectTo(port: number, authority: string): Promise<{ reply: Reply; socket: Socket }> {
  return await exchange(port, connectHead(authority));
}

/** CONNECT, then TLS inside: resolves with the secured socket, rejects with the TLS error or the refusal. */
export async function tunnel(port: number, authority: string, options: ConnectionOptions): Promise<TLSSocket> {
  return (await openTunnel(port, authority, options)).secured;
}

/** The same, with the TCP socket below it. */
export async function openTunnel(
  port: number,
  authority: string,
  options: ConnectionOptions,
): Promise<{ secured: TLSSocket; raw: Socket }> {
  const { reply, socket } = await connectTo(port, authority);
  if (reply.status !== 200) {
    socket.destroy();
    throw new Error(`${reply.status} ${reply.reason} ${reply.headers['proxy-status'] ?? ''}`);
  }
  const secured = tlsConnect({ socket, servername: authority.slice(0, authority.lastIndexOf(':')), ...options });
  // A socket below it that is reset closes it without an error.
  const early = new Promise<never>((_resolve, reject) =>
    secured.once('close', () => reject(new Error('closed before the handshake ended'))),
  );
  await Promise.race([once(secured, 'secureConnect'), early]);
  return { secured, raw: socket };
}

export interface Run {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** Runs a program to its end with an environment that knows no proxies but those given. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = spawn(command, args, {
    env: options.env ?? plainEnv(),
    cwd: options.cwd,
    timeout: options.timeoutMs ?? 100_000,
    stdio: 'pipe',
  });
  return await collect(child, options.input);
}

async function collect(child: ChildProcess, input: string | undefined): Promise<Run> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  child.stdin?.on('error', () => undefined);
  if (input !== undefined) child.stdin?.write(input);
  if (input !== undefined) child.stdin?.end();
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout, stderr };
}

/** PATH and HOME only: no proxy, CA or option variables of the machine leak into a test. */
export function plainEnv(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: process.env['HOME'], LC_ALL: 'C', ...extra };
}

/** `curl` through the proxy, silent, with its exit code and the proxy's own headers on stdout by `-v` or `-w`. */
export async function curl(port: number, caFile: string, ...args: readonly string[]): Promise<Run> {
  const base = ['--silent', '--show-error', '--noproxy', '', '--proxy', `http://127.0.0.1:${port}`];
  // Ended by its own limit, which `args` may change.
  const options = { env: plainEnv(), timeoutMs: 200_000 };
  return await run('curl', [...base, '--cacert', caFile, '--max-time', '90', ...args], options);
}

/** `openssl s_client` through the proxy; sends `input` and reads until the peer closes. */
export async function sClient(
  port: number,
  authority: string,
  caFile: string,
  ...args: readonly string[]
): Promise<Run> {
  const host = authority.slice(0, authority.lastIndexOf(':'));
  const fixed = ['-proxy', `127.0.0.1:${port}`, '-connect', authority, '-servername', host, '-CAfile', caFile];
  const input = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  return await run('openssl', ['s_client', ...fixed, '-ign_eof', '-verify_return_error', ...args], { input });
}
