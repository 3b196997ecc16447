import { afterEach, describe, expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import { handshakeOver } from '../../src/upstream/handshake.ts';
import { dialVia, type ViaAsk } from '../../src/upstream/via.ts';
import { startBadServer } from '../support/bad-servers.ts';
import { type OtherProxy, otherProxy } from '../support/connect-proxy.ts';
import { socketBaseline } from '../support/leaks.ts';
import { testPki } from '../support/test-pki.ts';
import { anchorsOf, askFor, problemOf } from './support.ts';

const pki = testPki();
const quiet = socketBaseline();
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  while (closers.length > 0) await closers.pop()?.();
  await quiet();
});

async function proxy(to: number | string): Promise<OtherProxy> {
  const one = await otherProxy(to);
  closers.push(() => one.close());
  return one;
}

function asking(port: number, change: Partial<ViaAsk> = {}): ViaAsk {
  return {
    addresses: ['127.0.0.1'],
    port,
    destination: { host: 'good.test', kind: 'name', port: 443 },
    timeoutMs: 5_000,
    signal: new AbortController().signal,
    ...change,
  };
}

describe('dialVia', () => {
  it.each([
    ['HTTP/1.1 403 Forbidden\r\n\r\n', { status: 403, reason: 'Forbidden' }],
    ['HTTP/1.1 407 \u001b[31mAuth\r\n\r\n', { status: 407, reason: '\\u001b[31mAuth' }],
    ['HTTP/1.1 301 Moved\r\n\r\n', { status: 301 }],
    ['SSH-2.0-x\r\n', { reason: "the proxy's answer is not HTTP (status-line)" }],
    ['', { reason: 'the proxy closed without an answer' }],
  ])('says what a proxy answered: %j', async (answer, facts) => {
    const { port } = await proxy(answer);
    const problem = await problemOf(dialVia(asking(port)));
    expect(problem.code).toBe('dial.failed');
    expect(problem.facts).toMatchObject({ via: 'proxy', ...facts });
  });

  it('does not wait for ever, and not after an abort', async () => {
    const { port } = await proxy('HTTP/1.1 200 OK\r\n');
    expect((await problemOf(dialVia(asking(port, { timeoutMs: 50 })))).code).toBe('dial.timeout');
    const abort = new AbortController();
    const waiting = problemOf(dialVia(asking(port, { signal: abort.signal })));
    setImmediate(() => abort.abort(new Problem('client.gone', 'client')));
    expect((await waiting).code).toBe('client.gone');
  });

  it('opens a tunnel in which a handshake with the destination works', async () => {
    const good = await startBadServer('good', pki);
    closers.push(() => good.close());
    const { port, asked } = await proxy(good.port);
    const dialled = await dialVia(asking(port));
    const line = await handshakeOver(dialled, askFor('good.test', 443, anchorsOf(pki.root)));
    expect(asked).toEqual(['CONNECT good.test:443 HTTP/1.1']);
    expect(line.evidence).toMatchObject({ address: '127.0.0.1', openssl: 'accepted' });
    expect(line.evidence.chain).toHaveLength(2);
    line.socket.destroy();
  });

  it('destroys the connection when the handshake in the tunnel fails', async () => {
    const broken = await startBadServer('plaintext', pki);
    closers.push(() => broken.close());
    const { port } = await proxy(broken.port);
    const dialled = await dialVia(asking(port, { destination: { host: '::1', kind: 'ipv6', port: 8443 } }));
    const problem = await problemOf(handshakeOver(dialled, askFor('good.test', 443, anchorsOf(pki.root))));
    expect(problem.code).toBe('tls.protocol');
    expect(dialled.socket.destroyed).toBe(true);
  });

  it('hands bytes behind the answer to whoever reads next', async () => {
    const { port } = await proxy('HTTP/1.1 200 OK\r\n\r\nhello');
    const { socket } = await dialVia(asking(port));
    const first = new Promise((resolve) => socket.once('data', resolve));
    socket.resume();
    expect(String(await first)).toBe('hello');
    socket.destroy();
  });
});
