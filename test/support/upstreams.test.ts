/** The honest upstreams and the readers of the suites, without the proxy: what they say must be beyond doubt. */
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { parseReply } from './client.ts';
import { helloBytes } from './hello-bytes.ts';
import { parseMetrics } from './house.ts';
import { socketBaseline } from './leaks.ts';
import { startNginx } from './nginx.ts';
import { bytesDigest, echoOrigin, type Origin, webOrigin } from './origins.ts';
import { closed, dialLocal } from './sockets.ts';
import { testPki } from './test-pki.ts';
import { describeWith } from './tools.ts';

const pki = testPki();
const leaf = pki.inter.issueLeaf({ dns: ['web.test'] });
const open: Origin[] = [];

afterEach(async () => {
  for (const origin of open.splice(0)) await origin.close();
});

async function get(port: number, path: string): Promise<string> {
  const asked = request({ host: '127.0.0.1', port, path, servername: 'web.test', ca: pki.root.pem, agent: false });
  asked.end();
  const [response] = (await once(asked, 'response')) as [AsyncIterable<Buffer>];
  let body = '';
  for await (const chunk of response) body += chunk.toString('latin1');
  return body;
}

describe('origins', () => {
  it('speak http/1.1 and h2', async () => {
    const origin = await webOrigin(leaf);
    open.push(origin);
    expect(await get(origin.port, '/')).toBe('hello http/1.1\n');
    expect(await get(origin.port, '/bytes/100000')).toHaveLength(100_000);
    const session = connectHttp2(`https://127.0.0.1:${origin.port}`, { ca: pki.root.pem, servername: 'web.test' });
    const stream = session.request({ ':path': '/' });
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    expect(body).toBe('hello h2\n');
    session.destroy();
    expect(bytesDigest(0)).toMatch(/^e3b0c442/);
  });

  it('echo, count and cut', async () => {
    const released = socketBaseline();
    const origin = await echoOrigin(leaf);
    const socket = connect({ host: '127.0.0.1', port: origin.port, servername: 'web.test', ca: pki.root.pem });
    socket.on('error', () => undefined);
    socket.write('four');
    await once(socket, 'data');
    expect(origin.applicationBytes()).toBe(4);
    expect(origin.open()).toBe(1);
    origin.resetAll();
    await closed(socket);
    await origin.close();
    await released();
  });

  it('answer a hello made by hand with a ServerHello', async () => {
    const origin = await echoOrigin(leaf);
    open.push(origin);
    const socket = dialLocal(origin.port);
    socket.write(helloBytes({ serverName: 'web.test', fragment: 7 }));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer[0]).toBe(0x16);
    socket.destroy();
  });
});

describeWith(['nginx'], 'nginx', () => {
  it('serves the chain it was given', async () => {
    const nginx = await startNginx(leaf, 1000);
    expect(await get(nginx.port, '/')).toBe('nginx HTTP/1.1\n');
    expect(await get(nginx.port, '/large')).toHaveLength(1000);
    await nginx.stop();
  });
});

describe('readers', () => {
  it('read replies', () => {
    const reply = parseReply('HTTP/1.1 502 pinwarden: pin.mismatch\r\nA: 1\r\na: 2\r\n\r\nbody\r\n\r\nmore');
    expect(reply).toEqual({
      status: 502,
      reason: 'pinwarden: pin.mismatch',
      headers: { a: '1, 2' },
      body: 'body\r\n\r\nmore',
    });
    expect(parseReply('').status).toBe(0);
    expect(parseReply('SSH-2.0').status).toBe(0);
  });

  it('read metrics', () => {
    const metrics = parseMetrics('# HELP a b\na{x="1",y="2"} 3\na{x="1",y="4"} 4\na_b 1\nb 7 1700000000\n');
    expect(metrics.value('a')).toBe(7);
    expect(metrics.value('a', { y: '4' })).toBe(4);
    expect(metrics.value('a', { x: '1', y: '2' })).toBe(3);
    expect(metrics.value('b')).toBe(7);
    expect(metrics.value('c')).toBe(0);
    expect(metrics.series).toHaveLength(4);
  });
});
