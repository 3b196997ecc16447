import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions, connect as tlsConnect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import { startBadServer } from '../support/bad-servers.ts';
import { connectHead, connectTo, exchange, tunnel } from '../support/client.ts';
import { helloBytes } from '../support/hello-bytes.ts';
import { socketBaseline } from '../support/leaks.ts';
import { echoOrigin, type Origin } from '../support/origins.ts';
import { closeServer, dialLocal, listen, track } from '../support/sockets.ts';
import { testPki } from '../support/test-pki.ts';
import { type ProxyOptions, type RuleYaml, startProxy, type TestProxy } from './in-process.ts';

const HOST = 'good.test';
const PINS_OF_OTHERS = {
  anyOf: [{ any: `sha256/${'A'.repeat(43)}=` }, { any: `sha256/${'B'.repeat(42)}A=`, backup: true }],
};
const pki = testPki();
const goodLeaf = pki.inter.issueLeaf({ dns: [HOST] });
const baseline = socketBaseline();
const closing: (() => Promise<void>)[] = [];

async function origin(alpn: readonly string[] = []): Promise<Origin> {
  const one = await echoOrigin(goodLeaf, alpn);
  closing.push(() => one.close());
  return one;
}

/** A server of the test's own making, closed with everything else. Answers its port. */
async function serve(server: Server): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => track(open, socket));
  closing.push(() => closeServer(server, open));
  return await listen(server);
}

interface Setup {
  readonly port: number;
  readonly rule?: Partial<RuleYaml>;
  readonly more?: Partial<ProxyOptions>;
}

/** A proxy with one rule for HOST. */
async function proxyFor({ port, rule, more }: Setup): Promise<TestProxy> {
  const rules = [{ name: 'bank', match: [HOST], ...rule }];
  const proxy = await startProxy({ anchors: pki.root.pem, hosts: [HOST], ports: [port], rules, ...more });
  closing.push(() => proxy.close());
  return proxy;
}

/** TLS inside a tunnel; the error of the handshake when it fails. */
function handshakeIn(socket: Socket, options: object): Promise<TLSSocket | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const secured = tlsConnect({ socket, servername: HOST, ...options });
    secured.once('secureConnect', () => resolve(secured));
    secured.on('error', resolve);
    secured.once('close', () => resolve(new Error('closed')));
  });
}

async function say(socket: Socket, words: string): Promise<string> {
  socket.write(words);
  socket.resume();
  const [echo] = (await once(socket, 'data')) as [Buffer];
  return echo.toString();
}

/** One verdict, and it is this one. */
async function soleVerdict(proxy: TestProxy, verdict: string, code: string | null): Promise<void> {
  await expect.poll(() => proxy.verdicts.length).toBe(1);
  expect(proxy.verdicts[0]).toMatchObject({ verdict, code });
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await baseline(2_000);
});

describe('refused before anything is dialled', () => {
  it.each([
    ['CONNECT good.test HTTP/1.1\r\nHost: good.test\r\n\r\n', 400, 'request.authority', 'error'],
    ['CONNECT u:p@good.test:443 HTTP/1.1\r\nHost: good.test:443\r\n\r\n', 400, 'request.authority', 'error'],
    ['CONNECT good.test:443 HTTP/1.1\r\n\r\n', 400, 'request.malformed', 'error'],
    ['CONNECT good.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n', 400, 'request.malformed', 'error'],
    ['CONNECT good.test:4444 HTTP/1.1\r\nHost: good.test:4444\r\n\r\n', 403, 'port.denied', 'block'],
  ])('%j is answered %i %s', async (bytes, status, code, verdict) => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port });
    const { reply } = await exchange(proxy.port, bytes);
    expect(reply).toMatchObject({ status, reason: `pinwarden: ${code}` });
    expect(reply.headers['content-type']).toBe('application/problem+json');
    await soleVerdict(proxy, verdict, code);
    expect(upstream.connections()).toBe(0);
  });

  it('a host that no rule allows', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port, more: { config: { unmatched: { action: 'deny' } } } });
    const { reply } = await connectTo(proxy.port, `other.test:${upstream.port}`);
    expect(reply.status).toBe(403);
    await soleVerdict(proxy, 'block', 'host.denied');
  });

  it('an address that the rule does not allow', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port, rule: { allowPrivate: [] } });
    const { reply } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(403);
    expect(reply.headers['proxy-status']).toContain('error=destination_ip_prohibited');
    await soleVerdict(proxy, 'block', 'address.denied');
    expect(upstream.connections()).toBe(0);
  });

  it('while draining', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port });
    proxy.built.startDraining();
    expect((await connectTo(proxy.port, `${HOST}:${upstream.port}`)).reply.status).toBe(503);
    await soleVerdict(proxy, 'error', 'proxy.draining');
  });

  it('a client above its limit of connections, until one has gone', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port, more: { limits: { connectionsPerClient: 1 } } });
    const first = dialLocal(proxy.port);
    await once(first, 'connect');
    await expect.poll(() => proxy.house.gate.connections).toBe(1);
    expect((await connectTo(proxy.port, `${HOST}:${upstream.port}`)).reply.status).toBe(429);
    await soleVerdict(proxy, 'error', 'limit.client');
    first.destroy();
    await expect.poll(() => proxy.house.gate.connections).toBe(0);
    const { reply, socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(200);
    socket.destroy();
  });

  it('a client with too many lines waiting for a hello', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port, more: { limits: { handshakesPerClient: 1 } } });
    const waiting = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(waiting.reply.status).toBe(200);
    expect((await connectTo(proxy.port, `${HOST}:${upstream.port}`)).reply.status).toBe(429);
    waiting.socket.destroy();
    await expect.poll(() => proxy.house.gate.openings).toBe(0);
  });
});

describe('refused after the upstream was asked, before the 200', () => {
  it('an upstream that is not there', async () => {
    const upstream = await origin();
    await upstream.close();
    const proxy = await proxyFor({ port: upstream.port });
    const { reply } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(502);
    await soleVerdict(proxy, 'error', 'dial.refused');
  });

  it('an upstream that speaks no TLS', async () => {
    const port = await serve(createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    const proxy = await proxyFor({ port });
    const { reply } = await connectTo(proxy.port, `${HOST}:${port}`);
    expect(reply.status).toBe(502);
    await soleVerdict(proxy, 'error', 'tls.protocol');
  });

  it('an upstream that never answers the hello', async () => {
    const port = await serve(createServer(() => undefined));
    const proxy = await proxyFor({ port, more: { limits: { handshakeTimeoutMs: 50 } } });
    expect((await connectTo(proxy.port, `${HOST}:${port}`)).reply.status).toBe(504);
    await soleVerdict(proxy, 'error', 'tls.timeout');
  });

  it('a certificate of a CA that we do not trust, with its chain in the record and in the answer', async () => {
    const leaf = pki.rogueInter.issueLeaf({ dns: [HOST] });
    const rogue = await echoOrigin(leaf);
    closing.push(() => rogue.close());
    const proxy = await proxyFor({ port: rogue.port });
    const { reply } = await connectTo(proxy.port, `${HOST}:${rogue.port}`);
    expect(reply.status).toBe(502);
    const body = JSON.parse(reply.body) as { code: string; policy: string; instance: string };
    expect(body).toMatchObject({ code: expect.stringMatching(/^chain\./), policy: 'bank' });
    await soleVerdict(proxy, 'block', body.code);
    const [entry] = proxy.verdicts;
    expect(entry?.eventId).toBe(body.instance);
    expect(entry?.evidence?.chain[0]?.bytes.equals(leaf.der)).toBe(true);
    expect(entry?.report?.headline).toBe(body.code);
    expect(rogue.applicationBytes()).toBe(0);
    expect(proxy.closes).toEqual([]);
  });

  it('a pin that does not match', async () => {
    const upstream = await origin();
    const pins = PINS_OF_OTHERS;
    const proxy = await proxyFor({ port: upstream.port, rule: { pins } });
    const { reply } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply).toMatchObject({ status: 502, reason: 'pinwarden: pin.mismatch' });
    const body = JSON.parse(reply.body) as { expected: string[]; observed: string[] };
    expect(body.expected).toHaveLength(2);
    expect(body.observed[0]).toContain('sha256/');
    await soleVerdict(proxy, 'block', 'pin.mismatch');
    expect(upstream.applicationBytes()).toBe(0);
  });

  it.each(['end', 'reset'] as const)('a client that goes while we dial (%s): the upstream is let go', async (how) => {
    const accepted = Promise.withResolvers<Socket>();
    const port = await serve(createServer((socket) => accepted.resolve(socket)));
    const proxy = await proxyFor({ port });
    const client = dialLocal(proxy.port);
    client.write(connectHead(`${HOST}:${port}`));
    const upstream = await accepted.promise;
    upstream.resume();
    if (how === 'end') client.end();
    else client.resetAndDestroy();
    await once(upstream, 'close');
    await soleVerdict(proxy, 'error', 'client.gone');
    await expect.poll(() => proxy.house.gate.openings).toBe(0);
    client.destroy();
  });
});

describe('refused after the 200, in the language of TLS', () => {
  async function opened(more: Partial<ProxyOptions> = {}, rule: Partial<RuleYaml> = {}) {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port, more, rule });
    const { reply, socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(200);
    return { upstream, proxy, socket };
  }

  it.each([
    ['another name', { servername: 'evil.test' }, 'sni.mismatch'],
    ['no name', { servername: '' }, 'sni.missing'],
  ])('a hello with %s', async (_what, options, code) => {
    const { upstream, proxy, socket } = await opened();
    expect(await handshakeIn(socket, { ...options, ca: proxy.caPem })).toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
    });
    await soleVerdict(proxy, 'block', code);
    await expect.poll(() => upstream.open()).toBe(0);
    expect(upstream.applicationBytes()).toBe(0);
  });

  it('bytes that are no TLS', async () => {
    const { upstream, proxy, socket } = await opened();
    socket.write('GET / HTTP/1.1\r\nHost: good.test\r\n\r\n');
    socket.resume();
    await once(socket, 'end');
    socket.destroy();
    await soleVerdict(proxy, 'block', 'hello.not-tls');
    expect(upstream.applicationBytes()).toBe(0);
  });

  it('a malformed hello', async () => {
    const { proxy, socket } = await opened();
    socket.write(Buffer.from([0x16, 3, 1, 0, 4, 2, 0, 0, 0]));
    socket.resume();
    const [alert] = (await once(socket, 'data')) as [Buffer];
    expect(alert).toEqual(Buffer.from([0x15, 3, 3, 0, 2, 2, 50]));
    socket.destroy();
    await soleVerdict(proxy, 'block', 'hello.malformed');
  });

  it('no hello in time', async () => {
    const { upstream, proxy, socket } = await opened({ limits: { helloTimeoutMs: 30 } });
    socket.write(Buffer.from([0x16, 3, 1]));
    socket.resume();
    await once(socket, 'end');
    socket.destroy();
    await soleVerdict(proxy, 'error', 'hello.timeout');
    await expect.poll(() => upstream.open()).toBe(0);
  });

  it('a client that resets straight after the 200', async () => {
    const { upstream, proxy, socket } = await opened();
    socket.resetAndDestroy();
    await soleVerdict(proxy, 'error', 'client.gone');
    await expect.poll(() => upstream.open()).toBe(0);
  });

  it('an audit file that is full: nothing is relayed', async () => {
    const { upstream, proxy, socket } = await opened();
    proxy.recorderFails = new Problem('audit.full', 'self');
    expect(await handshakeIn(socket, { ca: proxy.caPem })).toMatchObject({
      code: expect.stringMatching(/ALERT_INTERNAL_ERROR$/),
    });
    await expect.poll(() => upstream.open()).toBe(0);
    expect(upstream.applicationBytes()).toBe(0);
    expect(proxy.closes).toEqual([]);
  });

  it('`answer: after-hello`: nothing is dialled before the hello, and a block is an alert', async () => {
    const rogue = await echoOrigin(pki.rogueInter.issueLeaf({ dns: [HOST] }));
    closing.push(() => rogue.close());
    const proxy = await proxyFor({ port: rogue.port, rule: { answer: 'after-hello' } });
    const { reply, socket } = await connectTo(proxy.port, `${HOST}:${rogue.port}`);
    expect(reply.status).toBe(200);
    expect(rogue.connections()).toBe(0);
    expect(await handshakeIn(socket, { ca: proxy.caPem })).toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
    });
    await expect.poll(() => proxy.verdicts.length).toBe(1);
    expect(proxy.verdicts[0]).toMatchObject({ verdict: 'block', code: expect.stringMatching(/^chain\./) });
    expect(rogue.applicationBytes()).toBe(0);
  });

  it('an upstream that is good when we guess and rogue when we dial again', async () => {
    const bad = await startBadServer('good-then-rogue', pki);
    closing.push(() => bad.close());
    const proxy = await startProxy({
      anchors: pki.root.pem,
      hosts: [bad.host],
      ports: [bad.port],
      rules: [{ name: 'bank', match: [bad.host] }],
    });
    closing.push(() => proxy.close());
    const { reply, socket } = await connectTo(proxy.port, `${bad.host}:${bad.port}`);
    expect(reply.status).toBe(200);
    // No protocol list, unlike the guess: the choice could be another, so the upstream is asked again.
    const failed = await handshakeIn(socket, { servername: bad.host, ca: proxy.caPem });
    expect(failed).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED' });
    await expect.poll(() => proxy.verdicts.length).toBe(1);
    expect(proxy.verdicts[0]).toMatchObject({ verdict: 'block', code: expect.stringMatching(/^chain\./) });
  });
});

describe('the client and our certificate', () => {
  it('a client that does not trust our CA is named', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port });
    const { socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    const failed = await handshakeIn(socket, { ca: pki.root.pem });
    expect(failed).toBeInstanceOf(Error);
    await expect.poll(() => proxy.clientAlerts.length).toBe(1);
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(upstream.applicationBytes()).toBe(0);
  });

  it('garbage after the handshake ends the tunnel on both sides', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port });
    const { socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    const secured = await handshakeIn(socket, { ca: proxy.caPem });
    if (secured instanceof Error) throw secured;
    expect(await say(secured, 'ping')).toBe('ping');
    // Below our own TLS: a record that no key can open.
    socket.write(Buffer.concat([Buffer.from([0x17, 3, 3, 0, 32]), Buffer.alloc(32)]));
    await new Promise((resolve) => secured.once('close', resolve));
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]).toMatchObject({ reason: 'error' });
    await expect.poll(() => upstream.open()).toBe(0);
  });

  it('a second tunnel resumes the TLS session of the first; another host does not', async () => {
    const leaf = pki.inter.issueLeaf({ dns: [HOST, 'two.test'] });
    const upstream = await echoOrigin(leaf);
    closing.push(() => upstream.close());
    const proxy = await startProxy({
      anchors: pki.root.pem,
      hosts: [HOST, 'two.test'],
      ports: [upstream.port],
      rules: [{ name: 'bank', match: [HOST, 'two.test'] }],
    });
    closing.push(() => proxy.close());
    const first = await tunnel(proxy.port, `${HOST}:${upstream.port}`, { ca: proxy.caPem });
    const session = Promise.withResolvers<Buffer>();
    first.on('session', session.resolve);
    await say(first, 'one');
    const ticket = await session.promise;
    first.destroy();
    const second = await tunnel(proxy.port, `${HOST}:${upstream.port}`, { ca: proxy.caPem, session: ticket });
    expect(second.isSessionReused()).toBe(true);
    expect(await say(second, 'two')).toBe('two');
    second.destroy();
    const other = await tunnel(proxy.port, `two.test:${upstream.port}`, { ca: proxy.caPem, session: ticket }).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    // Node's client refuses by itself to take a session to another name; a reused one would be the failure.
    if (typeof other === 'object') {
      expect(other.isSessionReused()).toBe(false);
      other.destroy();
    }
    await expect.poll(() => proxy.closes.length).toBeGreaterThanOrEqual(2);
  });
});

describe('protocols are mirrored', () => {
  it.each([
    [['h2', 'http/1.1'], ['h2', 'http/1.1'], 'h2', 1],
    [['h2', 'http/1.1'], ['http/1.1'], 'http/1.1', 2],
    [['http/1.1'], ['h2', 'http/1.1'], 'http/1.1', 1],
    [['h2', 'http/1.1'], [], false, 2],
    [[], ['h2', 'http/1.1'], false, 1],
    [['grpc-exp'], ['grpc-exp'], 'grpc-exp', 2],
  ] as const)('upstream %j, client %j: %s, after %i upstream connections', async (offered, wanted, chosen, dials) => {
    const upstream = await origin(offered);
    const proxy = await proxyFor({ port: upstream.port });
    const options = { ca: proxy.caPem, ...(wanted.length === 0 ? {} : { ALPNProtocols: [...wanted] }) };
    const client = await tunnel(proxy.port, `${HOST}:${upstream.port}`, options);
    expect(client.alpnProtocol).toBe(chosen);
    expect(await say(client, 'hello')).toBe('hello');
    expect(upstream.connections()).toBe(dials);
    await soleVerdict(proxy, 'allow', null);
    expect(proxy.verdicts[0]?.evidence?.alpn).toBe(chosen === false ? null : chosen);
    client.destroy();
    // What the client offered is remembered: the next tunnel needs one connection.
    const again = await tunnel(proxy.port, `${HOST}:${upstream.port}`, options);
    expect(upstream.connections()).toBe(dials + 1);
    again.destroy();
    await expect.poll(() => proxy.closes.length).toBe(2);
  });

  it('no protocol in common: the upstream’s own alert reaches the client', async () => {
    const upstream = await origin(['grpc-exp']);
    const proxy = await proxyFor({ port: upstream.port });
    const { reply, socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(200);
    expect(await handshakeIn(socket, { ca: proxy.caPem, ALPNProtocols: ['h2'] })).toMatchObject({
      code: expect.stringMatching(/NO_APPLICATION_PROTOCOL$/),
    });
    await soleVerdict(proxy, 'block', 'alpn.none');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('an upstream with %s at most is shown as that', async (version) => {
    const options: TlsOptions = { key: goodLeaf.keyPem, cert: goodLeaf.chainPem, maxVersion: version };
    const port = await serve(createTlsServer(options, (socket) => socket.pipe(socket).on('error', () => undefined)));
    const proxy = await proxyFor({ port });
    const client = await tunnel(proxy.port, `${HOST}:${port}`, { ca: proxy.caPem });
    expect(client.getProtocol()).toBe(version);
    expect(await say(client, 'hello')).toBe('hello');
    client.destroy();
  });

  it('a hello that came with the CONNECT is used, once', async () => {
    const upstream = await origin(['http/1.1']);
    const proxy = await proxyFor({ port: upstream.port });
    const hello = helloBytes({ serverName: HOST, alpn: ['http/1.1'] });
    const socket = dialLocal(proxy.port);
    socket.write(Buffer.concat([Buffer.from(connectHead(`${HOST}:${upstream.port}`)), hello]));
    await once(socket, 'data');
    await soleVerdict(proxy, 'allow', null);
    expect(proxy.verdicts[0]?.evidence?.alpnOffered).toEqual(['http/1.1']);
    expect(upstream.connections()).toBe(1);
    expect(upstream.applicationBytes()).toBe(0);
    socket.destroy();
    await expect.poll(() => proxy.closes.length).toBe(1);
  });
});

describe('open tunnels', () => {
  it('an alert opens the tunnel and says what is wrong', async () => {
    const upstream = await origin();
    const pins = PINS_OF_OTHERS;
    const proxy = await proxyFor({ port: upstream.port, rule: { pins, onFailure: 'alert' } });
    const { reply, socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(200);
    expect(reply.headers['proxy-status']).toMatch(/^pinwarden; details="pin\.mismatch policy=bank event=/);
    const secured = await handshakeIn(socket, { ca: proxy.caPem });
    if (secured instanceof Error) throw secured;
    expect(await say(secured, 'hello')).toBe('hello');
    await soleVerdict(proxy, 'alert', 'pin.mismatch');
    secured.destroy();
  });

  it('record the verdict before a byte and the close after the last', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port });
    const client = await tunnel(proxy.port, `${HOST}:${upstream.port}`, { ca: proxy.caPem });
    await soleVerdict(proxy, 'allow', null);
    expect(upstream.applicationBytes()).toBe(0);
    expect(await say(client, 'hello')).toBe('hello');
    expect(proxy.house.tunnels.size).toBe(1);
    expect(proxy.house.gate.openings).toBe(0);
    client.end();
    await once(client, 'close');
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]).toMatchObject({ bytesUp: 5, bytesDown: 5, reason: 'client', code: null });
    expect(proxy.closes[0]?.eventId).toBe(proxy.verdicts[0]?.eventId);
    expect(proxy.house.tunnels.size).toBe(0);
    await expect.poll(() => proxy.openConnections()).toBe(0);
  });

  it('an upstream that resets ends the client', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port });
    const client = await tunnel(proxy.port, `${HOST}:${upstream.port}`, { ca: proxy.caPem });
    client.on('error', () => undefined);
    expect(await say(client, 'hello')).toBe('hello');
    upstream.resetAll();
    await once(client, 'close');
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]?.reason).toBe('error');
  });
});

describe('bypass', () => {
  const rule = { mode: 'bypass', reason: 'pinned by the app itself' } as const;

  it('a hello for another host is cut before it is sent', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port, rule });
    const { reply, socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(200);
    expect(await handshakeIn(socket, { servername: 'evil.test' })).toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
    });
    await soleVerdict(proxy, 'block', 'sni.mismatch');
    await expect.poll(() => upstream.open()).toBe(0);
  });

  it('passes TLS unread: the client sees the certificate of the upstream', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port, rule });
    const client = await tunnel(proxy.port, `${HOST}:${upstream.port}`, { ca: pki.root.pem });
    expect(client.getPeerX509Certificate()?.raw.equals(goodLeaf.der)).toBe(true);
    expect(await say(client, 'hello')).toBe('hello');
    await soleVerdict(proxy, 'allow', null);
    expect(proxy.verdicts[0]).toMatchObject({ mode: 'bypass', evidence: { assurance: 'none', chain: [] } });
    expect(proxy.verdicts[0]?.report?.outcomes.chain).toEqual({ is: 'skipped', why: 'mode-bypass' });
    client.destroy();
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]?.mode).toBe('bypass');
  });

  it('passes what is not TLS', async () => {
    const port = await serve(createServer((socket) => socket.pipe(socket)));
    const proxy = await proxyFor({ port, rule });
    const { socket } = await connectTo(proxy.port, `${HOST}:${port}`);
    expect(await say(socket, 'SSH-2.0-client\r\n')).toBe('SSH-2.0-client\r\n');
    await soleVerdict(proxy, 'allow', null);
    socket.destroy();
  });

  it('does not wait for the client where the server speaks first, and still holds it to the host then', async () => {
    const port = await serve(createServer((socket) => socket.write('220 ready\r\n')));
    const proxy = await proxyFor({ port, rule });
    const { socket } = await connectTo(proxy.port, `${HOST}:${port}`);
    socket.resume();
    const [banner] = (await once(socket, 'data')) as [Buffer];
    expect(banner.toString()).toBe('220 ready\r\n');
    await soleVerdict(proxy, 'allow', null);
    socket.on('error', () => undefined);
    socket.write(helloBytes({ serverName: 'evil.test' }));
    await once(socket, 'close');
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]).toMatchObject({ reason: 'refused', code: 'sni.mismatch' });
  });
});
