import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CODES, type Code } from '../../src/model/codes.ts';
import { Problem } from '../../src/model/problem.ts';
import type { Rule } from '../../src/policy/policy.ts';
import { alertFor, refusalOf, refuseByAlert, refuseByReply, verdictWord } from '../../src/proxy/refuse.ts';
import { connectTo, exchange, parseReply } from '../support/client.ts';
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

describe('what is told of a destination', () => {
  const rule = { name: 'bank' } as Rule;
  const told = (code: Code, host: string, kind: 'name' | 'ipv4', facts = {}) =>
    refusalOf(new Problem(code, 'client', facts), {
      eventId: 'event-1',
      authority: { host, kind, port: 22 },
      rule,
      report: null,
    });

  it('is what the client asked for, and the rule that was found', () => {
    expect(told('port.denied', 'good.test', 'name', { port: 22 })).toEqual({
      code: 'port.denied',
      rule: 'bank',
      eventId: 'event-1',
      detail: 'the port is not among the egress ports (good.test:22)',
      observed: ['good.test:22'],
    });
  });

  it('is the kind of address that a name leads to, and never the address', () => {
    const facts = { address: '10.1.2.3', range: 'private', mixed: false };
    const refusal = told('address.denied', 'inside.test', 'name', facts);
    expect(refusal.observed).toEqual(['inside.test:22: private']);
    expect(refusal.detail).toBe('the host resolves to an address that may not be dialled (inside.test:22: private)');
    expect(JSON.stringify(refusal)).not.toContain('10.1.2.3');
    expect(told('address.self', '127.0.0.1', 'ipv4', { range: 'the proxy itself' }).observed).toEqual([
      '127.0.0.1:22: the proxy itself',
    ]);
  });
});

it('answers https in the clear with how it is asked for', async () => {
  const proxy = await proxyFor({ port: 1 });
  const { reply } = await exchange(proxy.port, 'GET https://good.test/ HTTP/1.1\r\nHost: good.test\r\n\r\n');
  expect(reply).toMatchObject({ status: 400, reason: 'pinwarden: request.authority' });
  expect(reply.headers['proxy-status']).toMatch(/details="request.authority policy=_none event=[\w-]+"$/);
  expect(JSON.parse(reply.body)).toMatchObject({
    detail: 'https and wss go through a tunnel: ask with CONNECT host:port',
    policy: null,
  });
  await soleVerdict(proxy, 'error', 'request.authority');
});

it('says that an upstream speaks plain HTTP, and how it is asked for', async () => {
  let requests = 0;
  const port = await serve(
    createHttpServer(() => {
      requests += 1;
    }),
  );
  const proxy = await proxyFor({ port });
  const { reply } = await connectTo(proxy.port, `${HOST}:${port}`);
  expect(reply).toMatchObject({ status: 502, reason: 'pinwarden: tls.protocol' });
  expect(JSON.parse(reply.body)).toMatchObject({
    detail: 'the upstream does not speak acceptable TLS: it answered in plain HTTP; ask for http:// without CONNECT',
  });
  await soleVerdict(proxy, 'error', 'tls.protocol');
  expect(requests).toBe(0);
});

describe('what the client reads', () => {
  const refusal = refusalOf(new Problem('port.denied', 'client'), {
    eventId: 'event-1',
    authority: null,
    rule: null,
    report: null,
  });

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
