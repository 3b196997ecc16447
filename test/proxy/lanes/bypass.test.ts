import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createServerNameGuard } from '../../../src/proxy/lanes/bypass.ts';
import { connectTo, tunnel } from '../../support/client.ts';
import { helloBytes } from '../../support/hello-bytes.ts';
import { closed } from '../../support/sockets.ts';
import {
  closeAfterEach,
  goodLeaf,
  HOST,
  handshakeIn,
  origin,
  pki,
  proxyFor,
  say,
  serve,
  soleVerdict,
} from '../stage.ts';

closeAfterEach();

describe('the guard over the first bytes', () => {
  const guard = () => createServerNameGuard({ host: HOST, kind: 'name', port: 443 });

  it.each([
    ['a hello for another host', helloBytes({ serverName: 'evil.test' }), 'cut', 'sni.mismatch'],
    ['a hello without a name', helloBytes({ serverName: null }), 'cut', 'sni.missing'],
    ['a malformed record', Buffer.from([0x16, 3, 1, 0, 0]), 'cut', 'hello.malformed'],
    ['a hello that is too large', Buffer.from([0x16, 3, 1, 0, 4, 1, 1, 0, 0]), 'cut', 'hello.too-large'],
    [
      'a hello for another host behind a warning that servers skip',
      Buffer.concat([Buffer.from([0x15, 3, 1, 0, 2, 1, 90]), helloBytes({ serverName: 'evil.test' })]),
      'cut',
      'hello.malformed',
    ],
    ['half a hello', helloBytes({ serverName: HOST }).subarray(0, 50), 'hold', null],
    ['a hello for the host', helloBytes({ serverName: HOST }), 'pass', null],
    ['bytes that are no TLS', Buffer.from('SSH-2.0-x'), 'pass', null],
  ])('%s', (_what, bytes, word, code) => {
    const one = guard();
    expect(one.push(bytes)).toBe(word);
    expect(one.code()).toBe(code);
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
    await closed(socket);
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]).toMatchObject({ reason: 'refused', code: 'sni.mismatch' });
  });
});
