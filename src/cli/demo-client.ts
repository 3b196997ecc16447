/** The client of the demo: CONNECT through the proxy and, when that is allowed, one HTTPS request inside. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';

export interface Reply {
  /** Status of the answer to CONNECT. */
  readonly status: number;
  /** The Proxy-Status field; null: none. */
  readonly proxyStatus: string | null;
  /** Members of the problem object; null: none came. */
  readonly problem: Readonly<Record<string, unknown>> | null;
  /** First line of the upstream's body; null: nothing was relayed. */
  readonly body: string | null;
}

const TIMEOUT_MS = 10_000;
const MAX_BODY_BYTES = 64 * 1024;

export async function askThrough(ask: {
  /** Default: this machine. */
  readonly proxyHost?: string;
  readonly proxyPort: number;
  readonly host: string;
  readonly port: number;
  readonly caPem: string;
}): Promise<Reply> {
  const { proxyHost = '127.0.0.1', proxyPort, host, port, caPem } = ask;
  const { response, socket } = await connectThrough(proxyHost, proxyPort, `${host}:${port}`);
  const status = response.statusCode ?? 0;
  const field = response.headers['proxy-status'];
  const proxyStatus = field === undefined ? null : String(field);
  if (status !== 200) {
    const text = await bodyOf(response, socket);
    socket.destroy();
    return { status, proxyStatus, problem: parseProblem(text), body: null };
  }
  try {
    return { status, proxyStatus, problem: null, body: (await get(socket, host, caPem)).trim() };
  } finally {
    socket.destroy();
  }
}

interface Connected {
  readonly response: IncomingMessage;
  readonly socket: Socket;
}

async function connectThrough(proxyHost: string, proxyPort: number, authority: string): Promise<Connected> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: proxyHost,
      port: proxyPort,
      method: 'CONNECT',
      path: authority,
      headers: { host: authority },
      timeout: TIMEOUT_MS,
      agent: false,
    });
    request.once('connect', (response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      socket.on('error', () => undefined);
      resolve({ response, socket: socket as Socket });
    });
    request.once('timeout', () => request.destroy(new Error('the proxy did not answer')));
    request.once('error', reject);
    request.end();
  });
}

/** node:http hands over the socket of any answer to CONNECT, and leaves the body on it. */
async function bodyOf(response: IncomingMessage, socket: Socket): Promise<string> {
  const length = Number(response.headers['content-length'] ?? 0);
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const end = (): void => resolve(bytes.toString('utf8'));
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length >= length || bytes.length > MAX_BODY_BYTES) end();
    });
    socket.once('close', end);
    socket.setTimeout(TIMEOUT_MS, end);
    socket.resume();
  });
}

function parseProblem(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

async function get(socket: Socket, host: string, caPem: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // node:https hands `socket` on to the TLS client; its types do not say so.
    const options = { host, servername: host, path: '/', ca: caPem, agent: false, timeout: TIMEOUT_MS, socket };
    const request = httpsRequest(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < MAX_BODY_BYTES) text += chunk;
      });
      response.once('end', () => resolve(text));
      response.once('error', reject);
    });
    request.once('timeout', () => request.destroy(new Error('the upstream did not answer')));
    request.once('error', reject);
    request.end();
  });
}
