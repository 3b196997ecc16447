/**
 * The self-test: a rogue endpoint on loopback, with a fresh chain of a CA that nobody trusts, asked for through the
 * real listener and the real straight line. It must be blocked.
 *
 * Does: build a house of its own with the trust snapshot of the running generation, and take it down again.
 * Does not: touch the running configuration, its audit file or its metrics; the house lives on a port of its own, so
 * that no client of the proxy can reach what the test is allowed to dial.
 */
import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, type Server as NetServer, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Clock } from '../host/clock.ts';
import { createCa, loadCa } from '../minting/ca.ts';
import { mintLeaf } from '../minting/leaf.ts';
import { createLeafKeys } from '../minting/leaf-key.ts';
import { TICKET_KEY_BYTES } from '../minting/shelf.ts';
import type { Authority } from '../model/authority.ts';
import type { Recorder, VerdictEntry } from '../observe/recorder.ts';
import { loadConfig, loadPolicy } from '../policy/load.ts';
import { createListener } from '../proxy/listener.ts';
import type { Trust } from '../verify/trust.ts';
import { buildHouse } from './build-house.ts';
import type { Compiled } from './compile.ts';

export type SelfTestResult =
  | { readonly ok: true; readonly code: string; readonly tookMs: number }
  /** `letThrough`: the rogue endpoint got a tunnel. Otherwise the test could not be made, and nothing was relayed. */
  | { readonly ok: false; readonly why: string; readonly letThrough: boolean };

const LOOPBACK = '127.0.0.1';
/** RFC 6761 §6.4: a name that nobody can register. */
const ROGUE_HOST = 'rogue.self-test.invalid';
/** The whole exchange is on loopback. */
const TIMEOUT_MS = 5000;
/** Longest answer that is read: ours have about 1 KiB. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Never throws: what goes wrong is the answer. */
export async function selfTest({
  clock,
  trust,
}: {
  readonly clock: Clock;
  readonly trust: Trust;
}): Promise<SelfTestResult> {
  const open: NetServer[] = [];
  try {
    return await run(clock, trust, open);
  } catch (thrown) {
    return { ok: false, why: thrown instanceof Error ? thrown.message : String(thrown), letThrough: false };
  } finally {
    for (const server of open) server.close();
  }
}

async function run(clock: Clock, trust: Trust, open: NetServer[]): Promise<SelfTestResult> {
  const startedMs = clock.monotonicMs();
  const nowMs = clock.nowMs();
  const sockets: Socket[] = [];
  let reachedBytes = 0;
  const rogue = rogueServer(clock, nowMs, (bytes) => {
    reachedBytes += bytes;
  });
  rogue.on('connection', (socket: Socket) => sockets.push(socket));
  open.push(rogue);
  const port = await listen(rogue);
  const entries: VerdictEntry[] = [];
  const built = buildHouse({
    clock,
    recorder: remember(entries),
    ticketKeys: randomBytes(TICKET_KEY_BYTES),
    own: [],
    first: compileFor(port, trust, nowMs),
  });
  const listener = createListener(built.house);
  open.push(listener);
  try {
    const status = await ask(await listen(listener), `${ROGUE_HOST}:${port}`);
    const entry = entries[0];
    const letThrough = status === 200 || reachedBytes > 0 || entry?.verdict === 'allow' || entry?.verdict === 'alert';
    if (letThrough) return { ok: false, why: 'a rogue endpoint was let through', letThrough };
    if (status !== 502 || entry?.verdict !== 'block' || entry.code?.startsWith('chain.') !== true) {
      const judged = `${entry?.verdict ?? 'no verdict'}, ${entry?.code ?? 'no code'}`;
      return { ok: false, why: `a rogue endpoint was answered with ${status} (${judged})`, letThrough };
    }
    return { ok: true, code: entry.code, tookMs: clock.monotonicMs() - startedMs };
  } finally {
    listener.closeAllConnections();
    for (const socket of sockets) socket.destroy();
    built.close();
  }
}

function rogueServer(clock: Clock, nowMs: number, got: (bytes: number) => void): NetServer {
  const pems = createCa({ commonName: 'Nobody Trusts This CA', nowMs, days: 1 });
  const ca = loadCa(pems.certificatePem, pems.keyPem, nowMs);
  const key = createLeafKeys(clock).current();
  const authority: Authority = { host: ROGUE_HOST, kind: 'name', port: 443 };
  const cert = mintLeaf(ca, key, authority, nowMs).certificatePem + pems.certificatePem;
  const server = createServer({ key: key.keyPem(), cert }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => got(chunk.length));
  });
  server.on('tlsClientError', () => undefined);
  return server;
}

function compileFor(port: number, trust: Trust, nowMs: number): Compiled {
  const config = loadConfig(
    JSON.stringify({ version: 1, egress: { ports: [port], hosts: { [ROGUE_HOST]: [LOOPBACK] } }, policies: [] }),
    '/self-test/pinwarden.yaml',
  );
  if (!config.ok) throw new Error(config.mistakes[0]?.message ?? 'the configuration of the self-test is refused');
  const rule = { name: 'self-test', match: [ROGUE_HOST], allowPrivate: [`${LOOPBACK}/32`], onFailure: 'block' };
  const text = JSON.stringify({ version: 1, rules: [rule] });
  const file = '/self-test/policy.yaml';
  const policy = loadPolicy([{ path: file, owner: null, mayMatch: null, mayNot: [], file, text }], config.value);
  if (!policy.ok) throw new Error(policy.mistakes[0]?.message ?? 'the policy of the self-test is refused');
  const generation = { number: 1, sha256: '', config: config.value, policy: policy.value };
  const own = createCa({ commonName: 'Self-test CA', nowMs, days: 1 });
  const ca = loadCa(own.certificatePem, own.keyPem, nowMs);
  return { generation, trust, intermediates: [], signers: { current: { ca, chainPem: '' }, next: null } };
}

function remember(entries: VerdictEntry[]): Recorder {
  const nothing = (): void => undefined;
  return {
    blocked: false,
    verdict: (entry) => {
      entries.push(entry);
    },
    close: nothing,
    connection: () => nothing,
    bytes: nothing,
    clientAlert: nothing,
    minted: nothing,
    judged: nothing,
    resolved: nothing,
  };
}

async function listen(server: NetServer): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, LOOPBACK, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Status of the answer to one CONNECT. */
async function ask(proxyPort: number, authority: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(proxyPort, LOOPBACK);
    let answer = '';
    const end = (): void => {
      socket.destroy();
      resolve(Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0));
    };
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer in time')));
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.includes('\r\n\r\n') || answer.length > MAX_ANSWER_BYTES) end();
    });
    socket.on('end', end);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  });
}
