import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import { startBadServer } from '../support/bad-servers.ts';
import { connectHead, connectTo, exchange } from '../support/client.ts';
import { dialLocal } from '../support/sockets.ts';
import { type ProxyOptions, type RuleYaml, startProxy } from './in-process.ts';
import {
  closeAfterEach,
  closeLater,
  goodLeaf,
  HOST,
  handshakeIn,
  origin,
  PINS_OF_OTHERS,
  pki,
  proxyFor,
  serve,
  soleVerdict,
} from './stage.ts';

closeAfterEach();

describe('an upstream that answers every hello with handshake_failure', () => {
  it('is refused with a reason before the 200, and not by an alert after it', async () => {
    let dialled = 0;
    const port = await serve(
      createServer((socket) => {
        dialled += 1;
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 40])));
      }),
    );
    const proxy = await proxyFor({ port });
    const { reply } = await connectTo(proxy.port, `${HOST}:${port}`);
    expect(reply).toMatchObject({ status: 502, reason: 'pinwarden: tls.alert' });
    expect(reply.headers['proxy-status']).toContain('error=tls_alert_received');
    await soleVerdict(proxy, 'error', 'tls.alert');
    // With a protocol list and without one, and once more each at the lowest floor to tell the cause.
    expect(dialled).toBeLessThanOrEqual(4);
  });
});

describe('refused before anything is dialled', () => {
  it.each([
    ['CONNECT good.test HTTP/1.1\r\nHost: good.test\r\n\r\n', 400, 'request.authority', 'error', '_none'],
    ['CONNECT u:p@good.test:443 HTTP/1.1\r\nHost: good.test:443\r\n\r\n', 400, 'request.authority', 'error', '_none'],
    ['CONNECT good.test:443 HTTP/1.1\r\n\r\n', 400, 'request.malformed', 'error', '_none'],
    ['CONNECT good.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n', 400, 'request.malformed', 'error', '_none'],
    ['CONNECT good.test:4444 HTTP/1.1\r\nHost: good.test:4444\r\n\r\n', 403, 'port.denied', 'block', 'bank'],
  ])('%j is answered %i %s', async (bytes, status, code, verdict, policy) => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port });
    const { reply } = await exchange(proxy.port, bytes);
    expect(reply).toMatchObject({ status, reason: `pinwarden: ${code}` });
    expect(reply.headers['content-type']).toBe('application/problem+json');
    await soleVerdict(proxy, verdict, code);
    expect(reply.headers['proxy-status']).toContain(
      `details="${code} policy=${policy} event=${proxy.verdicts[0]?.eventId}"`,
    );
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

  it('while nothing can be recorded', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port });
    proxy.recorderBlocked = true;
    const { reply } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply).toMatchObject({ status: 503, reason: 'pinwarden: audit.full' });
    await soleVerdict(proxy, 'error', 'audit.full');
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
    const rogue = await origin([], leaf);
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
    await soleVerdict(proxy, 'allow', null);
    await expect.poll(() => upstream.open()).toBe(0);
    expect(proxy.closes).toMatchObject([{ bytesUp: 0, bytesDown: 0, reason: 'client', code: 'client.gone' }]);
    expect(proxy.closes[0]?.eventId).toBe(proxy.verdicts[0]?.eventId);
  });

  it('a client that goes after an alerted 200: the alert it was told, not a block', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port, rule: { pins: PINS_OF_OTHERS, onFailure: 'alert' } });
    const { reply, socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply.headers['proxy-status']).toMatch(/^pinwarden; details="pin.mismatch policy=bank /);
    socket.end();
    await soleVerdict(proxy, 'alert', 'pin.mismatch');
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes).toMatchObject([{ reason: 'client', code: 'client.gone' }]);
    await expect.poll(() => upstream.open()).toBe(0);
    expect(upstream.applicationBytes()).toBe(0);
    socket.destroy();
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
    const rogue = await origin([], pki.rogueInter.issueLeaf({ dns: [HOST] }));
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
    closeLater(() => bad.close());
    const proxy = await startProxy({
      anchors: pki.root.pem,
      hosts: [bad.host],
      ports: [bad.port],
      rules: [{ name: 'bank', match: [bad.host] }],
    });
    closeLater(() => proxy.close());
    const { reply, socket } = await connectTo(proxy.port, `${bad.host}:${bad.port}`);
    expect(reply.status).toBe(200);
    // No protocol list, unlike the guess: the choice could be another, so the upstream is asked again.
    const failed = await handshakeIn(socket, { servername: bad.host, ca: proxy.caPem });
    expect(failed).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED' });
    await expect.poll(() => proxy.verdicts.length).toBe(1);
    expect(proxy.verdicts[0]).toMatchObject({ verdict: 'block', code: expect.stringMatching(/^chain\./) });
  });

  it('a verdict whose trust has changed by the time of the hello', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port });
    const { reply, socket } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
    expect(reply.status).toBe(200);
    const trust = proxy.house.trust();
    Object.assign(proxy.house, { trust: () => ({ ...trust, anchorSets: new Map() }) });
    expect(await handshakeIn(socket, { ca: proxy.caPem, ALPNProtocols: ['h2', 'http/1.1'] })).toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
    });
    await soleVerdict(proxy, 'block', 'chain.incomplete');
    expect(upstream.applicationBytes()).toBe(0);
  });

  it('what one client offers is no guess for the others before an upstream has taken it', async () => {
    const tls = createTlsServer({ key: goodLeaf.keyPem, cert: goodLeaf.chainPem, ALPNProtocols: ['h2'] });
    // Closes on a list that it does not like, without an alert: nothing tells us that the guess was wrong.
    const port = await serve(
      createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', (hello: Buffer) => {
          if (!hello.includes('\u0002h2')) return socket.destroy();
          socket.pause();
          socket.unshift(hello);
          return tls.emit('connection', socket);
        });
      }),
    );
    const proxy = await proxyFor({ port });
    const strange = await connectTo(proxy.port, `${HOST}:${port}`);
    expect(strange.reply.status).toBe(200);
    await handshakeIn(strange.socket, { ALPNProtocols: ['strange'] });
    await soleVerdict(proxy, 'error', 'tls.closed');
    const ordinary = await connectTo(proxy.port, `${HOST}:${port}`);
    expect(ordinary.reply.status).toBe(200);
    ordinary.socket.destroy();
  });
});

it('records the trace of the client in both lines, and sends nothing of it to the upstream', async () => {
  const upstream = await origin();
  const proxy = await proxyFor({ port: upstream.port });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const field = `traceparent: 00-${traceId}-b7ad6b7169203331-01`;
  const { reply, socket } = await exchange(proxy.port, connectHead(`${HOST}:${upstream.port}`, field));
  expect(reply.status).toBe(200);
  socket.destroy();
  await soleVerdict(proxy, 'allow', null);
  await expect.poll(() => proxy.closes).toMatchObject([{ traceId }]);
  expect(proxy.verdicts).toMatchObject([{ traceId }]);
  expect(upstream.applicationBytes()).toBe(0);
});

it('ignores a trace that is not in its form', async () => {
  const upstream = await origin();
  const proxy = await proxyFor({ port: upstream.port });
  const field = 'traceparent: 00-what-ever-01';
  const { reply, socket } = await exchange(proxy.port, connectHead(`${HOST}:${upstream.port}`, field));
  expect(reply.status).toBe(200);
  socket.destroy();
  await soleVerdict(proxy, 'allow', null);
  expect(proxy.verdicts).toMatchObject([{ traceId: null }]);
});
