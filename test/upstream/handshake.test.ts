import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { Der } from '../../src/model/der.ts';
import { Problem } from '../../src/model/problem.ts';
import { LOWEST_TLS_FLOOR } from '../../src/model/tls.ts';
import { handshake } from '../../src/upstream/handshake.ts';
import type { Line } from '../../src/upstream/line.ts';
import { type BadServer, type BadServerName, startBadServer } from '../support/bad-servers.ts';
import { freePorts } from '../support/house.ts';
import { socketBaseline } from '../support/leaks.ts';
import { closeServer, dialLocal, listen, track } from '../support/sockets.ts';
import { authority, type Issued, pem, selfSigned } from '../support/test-ca.ts';
import { testPki } from '../support/test-pki.ts';
import { describeWith } from '../support/tools.ts';
import { anchorsOf, askFor, problemOf } from './support.ts';

const pki = testPki();
const anchors = anchorsOf(pki.root);
const leaf = pki.inter.issueLeaf({ dns: ['pin.test'], ip: ['127.0.0.1'] });

const closers: (() => Promise<void>)[] = [];
const quiet = socketBaseline();

afterEach(async () => {
  while (closers.length > 0) await closers.pop()?.();
  await quiet();
});

async function serve(options: TlsOptions, onSocket: (socket: TLSSocket) => void = () => undefined): Promise<number> {
  const open = new Set<Socket>();
  const server = createTlsServer({ key: leaf.keyPem, cert: leaf.chainPem, ...options }, onSocket);
  server.on('connection', (socket) => track(open, socket));
  server.on('secureConnection', (socket) => track(open, socket));
  server.on('tlsClientError', () => undefined);
  closers.push(() => closeServer(server, open));
  return await listen(server);
}

async function bad(name: BadServerName): Promise<BadServer> {
  const server = await startBadServer(name, pki);
  closers.push(() => server.close());
  return server;
}

function keep(line: Line): Line {
  closers.push(async () => {
    line.socket.destroy();
  });
  return line;
}

async function shake(port: number, change: Parameters<typeof askFor>[3] = {}, host = 'pin.test'): Promise<Line> {
  return keep(await handshake(askFor(host, port, anchors, change)));
}

function digests(chain: readonly Der[]): string[] {
  return chain.map((der) => der.sha256);
}

describe('upstreams that fail', () => {
  it.each([
    ['tls11-only', 'tls.version'],
    ['client-cert-required', 'tls.client-certificate-required'],
    ['reset-mid-handshake', 'tls.closed'],
    ['early-close', 'tls.closed'],
    ['plaintext', 'tls.protocol'],
    ['reset-after-certificate', 'tls.closed'],
  ] as const)('%s is %s', async (name, code) => {
    const server = await bad(name);
    const problem = await problemOf(handshake(askFor(server.host, server.port, anchors)));
    expect(problem.code, JSON.stringify(problem.facts)).toBe(code);
    expect(problem.side).toBe('upstream');
  });

  it.each(['silent', 'drip'] as const)('%s times out', async (name) => {
    const server = await bad(name);
    const ask = askFor(server.host, server.port, anchors, { handshakeTimeoutMs: 300 });
    expect((await problemOf(handshake(ask))).code).toBe('tls.timeout');
  });

  it('a client certificate demanded by TLS 1.2 is told apart from any other handshake failure', async () => {
    const asking = { requestCert: true, rejectUnauthorized: true, ca: pki.root.pem };
    const demands = await serve({ ...asking, maxVersion: 'TLSv1.2' });
    expect((await problemOf(shake(demands))).code).toBe('tls.client-certificate-required');
    const null12 = await serve({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0' });
    const refused = await problemOf(shake(null12));
    expect(refused.code).toBe('tls.alert');
    expect(refused.facts).toMatchObject({ alert: 40, alertName: 'handshake_failure' });
  });

  it('a version or cipher below the floor is told from other failures, with what is allowed and what was spoken', async () => {
    const cbc = await serve({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' });
    const refused = await problemOf(shake(cbc));
    expect(refused.code).toBe('tls.version');
    expect(refused.facts).toMatchObject({
      alert: 40,
      allowed: 'TLS 1.2 and later, ECDHE with AEAD',
      spoken: 'TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
    });
    const tls12 = await serve({ maxVersion: 'TLSv1.2' });
    const old = await problemOf(shake(tls12, { tls: { minVersion: '1.3', ciphers: 'default' } }));
    expect(old.code).toBe('tls.version');
    expect(old.facts).toMatchObject({ alert: 70, allowed: 'TLS 1.3, ECDHE with AEAD' });
  });

  it('an alert that has another cause than the floor stays one', async () => {
    // Refuses whatever it is asked, so that a lower floor would not help.
    let asked = 0;
    const server = createTcpServer((socket) => {
      asked += 1;
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 40])));
    });
    closers.push(() => closeServer(server));
    const port = await listen(server);
    expect(await problemOf(shake(port))).toMatchObject({ code: 'tls.alert', facts: { alert: 40 } });
    expect(asked).toBe(2);
    // Nothing is left to find out where the lowest floor holds already.
    expect(await problemOf(shake(port, { tls: LOWEST_TLS_FLOOR }))).toMatchObject({ code: 'tls.alert' });
    expect(asked).toBe(3);
  });

  it('a refused protocol list is an alert with its number', async () => {
    const port = await serve({ ALPNProtocols: ['h2'] });
    const problem = await problemOf(shake(port, { alpn: ['foo'] }));
    expect(problem.code).toBe('tls.alert');
    expect(problem.facts).toMatchObject({ alert: 120, alertName: 'no_application_protocol' });
  });

  it('a presented list above the limits is too large', async () => {
    const many = Array.from({ length: 300 }, () => leaf.der);
    const port = await serve({ cert: [leaf.pem, ...many.map((der) => pem('CERTIFICATE', der))].join('') });
    expect((await problemOf(shake(port))).code).toBe('chain.too-large');
    const some = await serve({ cert: [leaf.pem, ...many.slice(0, 64).map((der) => pem('CERTIFICATE', der))].join('') });
    expect((await problemOf(shake(some))).code).toBe('chain.too-large');
  });

  it('a refused port is the dial that failed', async () => {
    const [port = 0] = await freePorts(1);
    expect((await problemOf(shake(port))).code).toBe('dial.refused');
  });

  it('an abort ends it with the reason of the signal', async () => {
    const server = await bad('silent');
    const abort = new AbortController();
    const pending = problemOf(handshake(askFor(server.host, server.port, anchors, { signal: abort.signal })));
    setTimeout(() => abort.abort(new Problem('proxy.draining', 'self')), 50);
    expect((await pending).code).toBe('proxy.draining');
    const plain = new AbortController();
    plain.abort();
    const early = handshake(askFor(server.host, server.port, anchors, { signal: plain.signal }));
    expect((await problemOf(early)).code).toBe('client.gone');
  });

  it('a protocol id that no list can hold is our own mistake', async () => {
    const port = await serve({});
    expect((await problemOf(shake(port, { alpn: [''] }))).code).toBe('internal.failure');
  });
});

describe('evidence', () => {
  it('holds what a TLS 1.3 handshake brought, frozen', async () => {
    const port = await serve({ ALPNProtocols: ['h2', 'http/1.1'] });
    const { evidence } = await shake(port, { alpn: ['foo', 'http/1.1'], completing: () => [Der.of(pki.inter.der)] });
    expect(evidence).toMatchObject({
      authority: { host: 'pin.test', port },
      assurance: 'connection',
      address: '127.0.0.1',
      serverName: 'pin.test',
      alpnOffered: ['foo', 'http/1.1'],
      alpn: 'http/1.1',
      tlsVersion: 'TLSv1.3',
      group: 'x25519mlkem768',
      staple: null,
      openssl: 'accepted',
      resumed: false,
      seenAtMs: Date.parse('2026-03-01T00:00:00Z'),
    });
    expect(evidence.cipher).toMatch(/^TLS_/);
    expect(digests(evidence.chain)).toEqual([leaf, pki.inter].map((one) => Der.of(one.der).sha256));
    expect(digests(evidence.completing)).toEqual([Der.of(pki.inter.der).sha256]);
    expect(Object.isFrozen(evidence) && Object.isFrozen(evidence.chain) && Object.isFrozen(evidence.alpnOffered)).toBe(
      true,
    );
  });

  it('holds what a TLS 1.2 handshake brought', async () => {
    const port = await serve({ maxVersion: 'TLSv1.2' });
    const { evidence } = await shake(port);
    expect(evidence).toMatchObject({ tlsVersion: 'TLSv1.2', alpn: null, alpnOffered: [], group: 'x25519' });
    expect(evidence.cipher).toMatch(/^TLS_ECDHE_ECDSA_WITH_.*(GCM|POLY1305)/);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: the chain is exactly the presented list', async (version) => {
    const junk = selfSigned({ dns: ['junk.test'] });
    const presented = [leaf, junk, pki.inter, pki.root, junk, leaf, pki.inter];
    const cert = presented.map((one) => one.pem).join('');
    const port = await serve({ cert, minVersion: version, maxVersion: version });
    const { evidence } = await shake(port);
    expect(digests(evidence.chain)).toEqual(presented.map((one) => Der.of(one.der).sha256));
    expect(evidence.chain.every((der, index) => der.bytes.equals(presented[index]?.der ?? Buffer.alloc(0)))).toBe(true);
  });

  it('keeps the forged issuer in its place instead of believing it', async () => {
    const server = await bad('forged-issuer');
    const { evidence } = await shake(server.port, { anchors: anchorsOf(pki.otherRoot) }, server.host);
    expect(evidence.openssl).toBe('accepted');
    expect(evidence.chain).toHaveLength(3);
  });

  it.each([
    ['expired-leaf', 'CERT_HAS_EXPIRED'],
    ['private-root', 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['missing-intermediate', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
    // Names are ours: OpenSSL is not asked.
    ['wrong-host', 'accepted'],
  ] as const)('%s: OpenSSL says %s, and that is evidence, not a failure', async (name, verdict) => {
    const server = await bad(name);
    const { evidence } = await shake(server.port, {}, server.host);
    expect(evidence.openssl).toBe(verdict);
  });

  it('an anchor need not be self-signed', async () => {
    const port = await serve({});
    const { evidence } = await shake(port, { anchors: anchorsOf(pki.inter) });
    expect(evidence.openssl).toBe('accepted');
  });

  it('no anchors trust nothing, not even roots of the runtime', async () => {
    const port = await serve({});
    const { evidence } = await shake(port, { anchors: anchorsOf() });
    expect(evidence.openssl).not.toBe('accepted');
  });

  it('sends no server name to an IP literal', async () => {
    let seen: unknown;
    const port = await serve({}, (socket) => {
      seen = (socket as TLSSocket & { servername?: unknown }).servername;
    });
    const asked = { authority: { host: '127.0.0.1', kind: 'ipv4', port } } as const;
    const { evidence, socket } = await shake(port, asked);
    socket.write('x');
    expect(evidence.serverName).toBeNull();
    await expect.poll(() => seen).toBe(false);
  });

  it('holds the staple that was sent', async () => {
    const staple = Buffer.from('30030a0106', 'hex');
    const port = await serveWithStaple(staple);
    expect((await shake(port)).evidence.staple?.bytes).toEqual(staple);
  });

  it('carries protocol ids byte for byte', async () => {
    const grease = '\x0a\x0a';
    const binary = '\xfe\x80';
    const port = await serve({ ALPNProtocols: Buffer.from(`\x02${binary}`, 'latin1') });
    const { evidence } = await shake(port, { alpn: [grease, binary] });
    expect(evidence.alpn).toBe(binary);
  });

  it('is never of a resumed session, however many tickets were offered', async () => {
    const port = await serve({});
    for (let round = 0; round < 3; round++) {
      const { evidence, socket } = await shake(port);
      expect(evidence.resumed).toBe(false);
      expect(evidence.chain).toHaveLength(2);
      socket.destroy();
    }
  });
});

async function serveWithStaple(staple: Buffer): Promise<number> {
  const open = new Set<Socket>();
  const server: Server = createTlsServer({ key: leaf.keyPem, cert: leaf.chainPem });
  server.on('OCSPRequest', (_cert: Buffer, _issuer: Buffer, answer: (error: Error | null, bytes: Buffer) => void) =>
    answer(null, staple),
  );
  server.on('connection', (socket) => track(open, socket));
  closers.push(() => closeServer(server, open));
  return await listen(server);
}

describe('the line', () => {
  it('loses nothing that the upstream sent before a lane took it', async () => {
    const port = await serve({}, (socket) => socket.end('early words'));
    const { socket } = await shake(port);
    await new Promise((done) => setTimeout(done, 50));
    expect(socket.isPaused()).toBe(true);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.resume();
    await once(socket, 'end');
    expect(Buffer.concat(chunks).toString()).toBe('early words');
  });

  it('stays writable after the upstream ended its side', async () => {
    let received = '';
    const port = await serve({ allowHalfOpen: true } as TlsOptions, (socket) => {
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString();
      });
      socket.end('bye');
    });
    const { socket } = await shake(port);
    socket.resume();
    await once(socket, 'end');
    socket.end('still here');
    await expect.poll(() => received).toBe('still here');
  });

  it('goes on without a certificate when the upstream only asked for one', async () => {
    const asks = { requestCert: true, rejectUnauthorized: false };
    const port = await serve(asks, (socket) => socket.write('welcome'));
    const { socket } = await shake(port);
    socket.resume();
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('welcome');
  });

  it('survives an error that comes before anybody listens', async () => {
    let greeted = false;
    const inner = await serve({}, () => {
      greeted = true;
    });
    const open = new Set<Socket>();
    const front = createTcpServer((client) => {
      const server = track(open, dialLocal(inner));
      track(open, client).pipe(server).pipe(client);
    });
    closers.push(() => closeServer(front, open));
    const { socket } = await shake(await listen(front));
    await expect.poll(() => greeted).toBe(true);
    for (const one of open) one.resetAndDestroy();
    await expect.poll(() => socket.destroyed).toBe(true);
  });
});

describe('what Node does behind us', () => {
  it('names a certificate request by the signature algorithms, and only then', async () => {
    const plain = await serve({});
    expect((await shake(plain)).socket.getSharedSigalgs()).toEqual([]);
    const asks = await serve({ requestCert: true, rejectUnauthorized: false });
    expect((await shake(asks)).socket.getSharedSigalgs()).not.toEqual([]);
  });

  it('uses one context for equal anchor sets, and another for others', async () => {
    const other: Issued = authority({ cn: 'Unrelated' });
    const port = await serve({});
    expect((await shake(port, { anchors: anchorsOf(pki.root) })).evidence.openssl).toBe('accepted');
    expect((await shake(port, { anchors: anchorsOf(other) })).evidence.openssl).not.toBe('accepted');
    expect((await shake(port, { anchors: anchorsOf(pki.root) })).evidence.openssl).toBe('accepted');
  });
});

describeWith(['openssl'], 'a server that renegotiates', () => {
  it('gets no second handshake', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pinwarden-'));
    closers.push(async () => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'key.pem'), leaf.keyPem);
    writeFileSync(join(folder, 'cert.pem'), leaf.chainPem);
    const [port = 0] = await freePorts(1);
    const files = ['-key', join(folder, 'key.pem'), '-cert', join(folder, 'cert.pem')];
    const server = spawn('openssl', ['s_server', '-accept', `127.0.0.1:${port}`, '-tls1_2', '-msg', ...files]);
    closers.push(async () => {
      server.kill();
      await once(server, 'exit');
    });
    let log = '';
    server.stdout.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    await expect.poll(() => log).toContain('ACCEPT');
    const { socket, evidence } = await shake(port);
    expect(evidence.tlsVersion).toBe('TLSv1.2');
    // `R` asks the client to renegotiate; ours refuses, and the server gives up.
    server.stdin.write('R\n');
    await once(socket, 'error');
    await expect.poll(() => log).toMatch(/no_renegotiation/);
    expect(log.match(/ClientHello/g)).toHaveLength(1);
  });
});
