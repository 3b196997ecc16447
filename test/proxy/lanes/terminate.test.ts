import { once } from 'node:events';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { alertOf } from '../../../src/proxy/lanes/terminate.ts';
import { connectHead, connectTo, run, tunnel } from '../../support/client.ts';
import { helloBytes } from '../../support/hello-bytes.ts';
import { closed, dialLocal } from '../../support/sockets.ts';
import { describeWith } from '../../support/tools.ts';
import { startProxy } from '../in-process.ts';
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
  say,
  serve,
  soleVerdict,
} from '../stage.ts';

closeAfterEach();

describe('alertOf', () => {
  it.each([
    [undefined, null],
    ['ECONNRESET', null],
    ['ERR_SSL_BAD_KEY_SHARE', null],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'unknown_ca'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'bad_certificate'],
    ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN', 'certificate_unknown'],
  ])('%s: %s', (code, alert) => {
    expect(alertOf(code)).toBe(alert);
  });
});

describeWith(['openssl'], 'a client that refuses by alert', () => {
  it('is named with its alert', async () => {
    const upstream = await origin();
    const proxy = await proxyFor({ port: upstream.port });
    const args = ['-proxy', `127.0.0.1:${proxy.port}`, '-connect', `${HOST}:${upstream.port}`, '-servername', HOST];
    await run('openssl', ['s_client', ...args, '-verify_return_error'], { input: '' });
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.clientAlerts).toEqual([[null, 'unknown_ca']]);
    expect(proxy.closes[0]).toMatchObject({ reason: 'refused', bytesUp: 0 });
    expect(upstream.applicationBytes()).toBe(0);
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
    await closed(secured);
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]).toMatchObject({ reason: 'error' });
    await expect.poll(() => upstream.open()).toBe(0);
  });

  it('a second tunnel resumes the TLS session of the first; another host does not', async () => {
    const leaf = pki.inter.issueLeaf({ dns: [HOST, 'two.test'] });
    const upstream = await origin([], leaf);
    const proxy = await startProxy({
      anchors: pki.root.pem,
      hosts: [HOST, 'two.test'],
      ports: [upstream.port],
      rules: [{ name: 'bank', match: [HOST, 'two.test'] }],
    });
    closeLater(() => proxy.close());
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
    await closed(client);
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
    await closed(client);
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]?.reason).toBe('error');
  });
});
