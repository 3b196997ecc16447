import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CODES, type Code } from '../../src/model/codes.ts';
import { Problem } from '../../src/model/problem.ts';
import { alertFor, refusalOf, refuseByAlert, refuseByReply, verdictWord } from '../../src/proxy/refuse.ts';
import { connectTo, parseReply } from '../support/client.ts';
import { dialLocal } from '../support/sockets.ts';
import { closeAfterEach, HOST, origin, pki, proxyFor, serve, soleVerdict } from './stage.ts';

closeAfterEach();

describe('the word of a refusal', () => {
  it('is block for everything of the floor and every check', () => {
    for (const [code, entry] of Object.entries(CODES) as [Code, (typeof CODES)[Code]][]) {
      if (entry.floor || entry.proxyStatus === 'tls_certificate_error')
        expect([code, verdictWord(code)]).toEqual([code, 'block']);
    }
  });

  it.each([
    ['request.malformed', 'error'],
    ['client.denied', 'block'],
    ['client.gone', 'error'],
    ['limit.client', 'error'],
    ['dns.not-found', 'error'],
    ['address.denied', 'block'],
    ['address.self', 'block'],
    ['dial.timeout', 'error'],
    ['tls.alert', 'error'],
    ['tls.resumed', 'block'],
    ['hello.timeout', 'error'],
    ['sni.mismatch', 'block'],
    ['audit.full', 'error'],
  ] as const)('%s is %s', (code, word) => {
    expect(verdictWord(code)).toBe(word);
  });
});

describe('the alert of a refusal', () => {
  it.each([
    ['hello.not-tls', {}, null],
    ['hello.timeout', {}, null],
    ['client.gone', {}, null],
    ['hello.malformed', {}, 50],
    ['hello.too-large', {}, 50],
    ['alpn.none', {}, 120],
    ['tls.alert', { alert: 112 }, 112],
    ['tls.alert', {}, 80],
    ['dial.refused', {}, 80],
    ['audit.full', {}, 80],
    ['sni.mismatch', {}, 49],
    ['pin.mismatch', {}, 49],
  ] as const)('%s %j: %j', (code, facts, alert) => {
    expect(alertFor(new Problem(code, 'client', facts))).toBe(alert);
  });
});

it('the answer compares policies where it is policies that differ', async () => {
  const leaf = pki.inter.issueLeaf({ dns: [HOST], policies: ['2.23.140.1.2.1'] });
  const upstream = await origin([], leaf);
  const proxy = await proxyFor({ port: upstream.port, rule: { certificatePolicies: ['2.23.140.1.2.2'] } });
  const { reply } = await connectTo(proxy.port, `${HOST}:${upstream.port}`);
  expect(reply).toMatchObject({ status: 502, reason: 'pinwarden: certificate-policy.missing' });
  expect(reply.headers['proxy-status']).toContain('error=tls_certificate_error');
  const body: unknown = JSON.parse(reply.body);
  expect(body).toMatchObject({
    check: 'certificatePolicies',
    expected: ['2.23.140.1.2.2'],
    observed: ['2.23.140.1.2.1'],
    detail: expect.stringContaining('expected=2.23.140.1.2.2; asserted=2.23.140.1.2.1'),
  });
  await soleVerdict(proxy, 'block', 'certificate-policy.missing');
  expect(upstream.applicationBytes()).toBe(0);
});

describe('what the client reads', () => {
  const refusal = refusalOf(new Problem('port.denied', 'client'), 'event-1', null, null);

  it('is the whole answer, although it keeps sending', async () => {
    const port = await serve(createServer({ allowHalfOpen: true }, (socket) => refuseByReply(socket, refusal, 5_000)));
    const client = dialLocal(port);
    client.on('error', () => undefined);
    client.write(Buffer.alloc(1024 * 1024));
    let text = '';
    client.on('data', (chunk) => {
      text += chunk.toString();
    });
    await new Promise((resolve) => client.once('close', resolve));
    const reply = parseReply(text);
    expect(reply.status).toBe(403);
    expect(JSON.parse(reply.body)).toMatchObject({ code: 'port.denied', instance: 'event-1', policy: null });
  });

  it('is not waited for longer than the linger', async () => {
    const closed = Promise.withResolvers<void>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.once('close', () => closed.resolve());
      refuseByReply(socket, refusal, 20);
    });
    const client = dialLocal(await serve(server));
    client.on('error', () => undefined);
    await closed.promise;
    client.destroy();
  });

  it('is nothing on a socket that is gone', async () => {
    const server = createServer((socket) => {
      socket.destroy();
      refuseByReply(socket, refusal, 1_000);
      refuseByAlert(socket, new Problem('sni.missing', 'client'), 1_000);
    });
    const client = dialLocal(await serve(server));
    client.resume();
    await once(client, 'close');
    expect(client.bytesRead).toBe(0);
  });

  it('is seven bytes of alert after the 200', async () => {
    const problem = new Problem('sni.missing', 'client');
    const client = dialLocal(await serve(createServer((socket) => refuseByAlert(socket, problem, 1_000))));
    const [alert] = (await once(client, 'data')) as [Buffer];
    expect(alert.toString('hex')).toBe('15030300020231');
    client.destroy();
  });
});
