/**
 * The stage of the proxy's end-to-end tests: one honest PKI, servers and proxies that are closed after each test, and a
 * check that no socket is left.
 */
import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { afterEach, expect } from 'vitest';
import { socketBaseline } from '../support/leaks.ts';
import { echoOrigin, type Origin } from '../support/origins.ts';
import { closeServer, listen, track } from '../support/sockets.ts';
import type { Issued } from '../support/test-ca.ts';
import { testPki } from '../support/test-pki.ts';
import { type ProxyOptions, type RuleYaml, startProxy, type TestProxy } from './in-process.ts';

export const HOST = 'good.test';
/** Nobody holds these keys. */
export const PINS_OF_OTHERS = {
  anyOf: [{ any: `sha256/${'A'.repeat(43)}=` }, { any: `sha256/${'B'.repeat(42)}A=`, backup: true }],
};
export const pki = testPki();
export const goodLeaf = pki.inter.issueLeaf({ dns: [HOST] });

const closing: (() => Promise<void>)[] = [];

/** To be called once at the top of a test file. */
export function closeAfterEach(): void {
  const baseline = socketBaseline();
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await baseline();
  });
}

export function closeLater(close: () => Promise<void>): void {
  closing.push(close);
}

/** An upstream for HOST that sends back every byte. */
export async function origin(alpn: readonly string[] = [], leaf: Issued = goodLeaf): Promise<Origin> {
  const one = await echoOrigin(leaf, alpn);
  closeLater(() => one.close());
  return one;
}

/** A server of the test's own making. Answers its port. */
export async function serve(server: Server): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => track(open, socket));
  closeLater(() => closeServer(server, open));
  return await listen(server);
}

export interface Setup {
  readonly port: number;
  readonly rule?: Partial<RuleYaml>;
  readonly more?: Partial<ProxyOptions>;
}

/** A proxy with one rule for HOST. */
export async function proxyFor({ port, rule, more }: Setup): Promise<TestProxy> {
  const rules = [{ name: 'bank', match: [HOST], ...rule }];
  const proxy = await startProxy({ anchors: pki.root.pem, hosts: [HOST], ports: [port], rules, ...more });
  closeLater(() => proxy.close());
  return proxy;
}

/** TLS inside a tunnel; the error of the handshake when it fails. */
export function handshakeIn(socket: Socket, options: object): Promise<TLSSocket | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const secured = tlsConnect({ socket, servername: HOST, ...options });
    secured.once('secureConnect', () => resolve(secured));
    secured.on('error', resolve);
    secured.once('close', () => resolve(new Error('closed')));
  });
}

export async function say(socket: Socket, words: string): Promise<string> {
  socket.write(words);
  socket.resume();
  const [echo] = (await once(socket, 'data')) as [Buffer];
  return echo.toString();
}

/** One verdict, and it is this one. */
export async function soleVerdict(proxy: TestProxy, verdict: string, code: string | null): Promise<void> {
  await expect.poll(() => proxy.verdicts.length).toBe(1);
  expect(proxy.verdicts[0]).toMatchObject({ verdict, code });
}
