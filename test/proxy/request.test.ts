import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/model/problem.ts';
import { rejudge } from '../../src/proxy/tunnels.ts';
import { RawClient } from '../support/raw-client.ts';
import { answers } from '../support/raw-origin.ts';
import { OK, plainStage } from './plain.ts';
import { closeAfterEach, HOST, PINS_OF_OTHERS, proxyFor } from './stage.ts';

closeAfterEach();

describe('refused, recorded once, and nothing is dialled', () => {
  it.each([
    ['a host with pins', { pins: PINS_OF_OTHERS }, 403, 'plaintext.denied', 'block'],
    ['plaintext: block', { plaintext: 'block' }, 403, 'plaintext.denied', 'block'],
    ['and an alert does not soften it', { plaintext: 'block', onFailure: 'alert' }, 403, 'plaintext.denied', 'block'],
    ['for bypass too', { plaintext: 'block', mode: 'bypass', reason: 'x' }, 403, 'plaintext.denied', 'block'],
    ['an address inside', { allowPrivate: [] }, 403, 'address.denied', 'block'],
  ])('%s', async (_what, rule, status, code, verdict) => {
    const { proxy, upstream, client, head } = await plainStage(answers(OK), rule);
    const one = client().send(head('GET /'));
    await one.until(`HTTP/1.1 ${status} pinwarden: ${code}`);
    expect(one.text).toMatch(new RegExp(`details="${code} policy=bank event=`));
    expect(JSON.parse(one.text.slice(one.text.indexOf('{')))).toMatchObject({ code, policy: 'bank', status });
    expect(await one.end()).toBe('fin');
    expect(proxy.verdicts).toMatchObject([{ verdict, code, mode: 'plaintext', authority: { host: HOST } }]);
    expect(proxy.closes).toEqual([]);
    expect(upstream.connections()).toBe(0);
  });

  it.each([
    ['POST /', 'Content-Length: 100000'],
    ['POST /', 'Transfer-Encoding: chunked'],
  ])('%s with %s: the answer is not lost to the content that still comes', async (line, field) => {
    const { client, head } = await plainStage(answers(OK), { plaintext: 'block' });
    const one = client().send(head(line, field));
    for (let part = 0; part < 100; part += 1) one.send(`3e8\r\n${'x'.repeat(1000)}\r\n`);
    await one.until('HTTP/1.1 403 pinwarden: plaintext.denied');
    await one.until('"instance"');
  });

  it('HEAD gets no content', async () => {
    const { client, head } = await plainStage(answers(OK), { plaintext: 'block' });
    const one = client().send(head('HEAD /'));
    expect(await one.end()).toBe('fin');
    expect(one.text).toMatch(/403[\s\S]*Content-Length: \d{3}\r\n[\s\S]*\r\n\r\n$/);
  });

  it('what is pipelined behind it is never served', async () => {
    const { proxy, upstream, client, head } = await plainStage(answers(OK));
    const bad = head('GET /1').replace(/Host: [^\r]+/, 'Host: other.test');
    const one = client().send(bad + head('GET /2'));
    expect(await one.end()).toBe('fin');
    expect(one.statuses()).toEqual([400]);
    expect(one.text).toContain('(host-differs)');
    expect(proxy.verdicts).toHaveLength(1);
    expect(upstream.connections()).toBe(0);
  });

  it('nor when it comes behind a good one', async () => {
    const { proxy, upstream, client, head } = await plainStage(answers(OK));
    const bad = head('GET /2').replace(/Host: [^\r]+/, 'Host: other.test');
    const one = client().send(head('GET /1') + bad + head('GET /3'));
    expect(await one.end()).toBe('fin');
    expect(one.statuses()).toEqual([200, 400]);
    expect(proxy.verdicts).toHaveLength(2);
    expect(upstream.connections()).toBe(1);
  });

  it('an upstream that is not there', async () => {
    const { proxy, upstream, client, head } = await plainStage(answers(OK));
    await upstream.close();
    const one = client().send(head('GET /'));
    await one.until('HTTP/1.1 502 pinwarden: dial.refused');
    expect(proxy.verdicts).toMatchObject([{ verdict: 'error', code: 'dial.refused' }]);
    expect(await one.end()).toBe('fin');
  });

  it('while draining', async () => {
    const { proxy, client, head } = await plainStage(answers(OK));
    proxy.built.startDraining();
    await client().send(head('GET /')).until('HTTP/1.1 503 pinwarden: proxy.draining');
    expect(proxy.verdicts).toHaveLength(1);
  });

  it('above the limit of openings', async () => {
    const { proxy, client, head } = await plainStage(answers(OK), {}, { limits: { handshakesPerClient: 1 } });
    const entry = proxy.house.gate.enterOpening('127.0.0.1');
    await client().send(head('GET /')).until('HTTP/1.1 429 pinwarden: limit.client');
    entry.leave();
    expect(proxy.house.gate.openings).toBe(0);
  });

  it('without a place in the audit', async () => {
    const { proxy, upstream, client, head } = await plainStage(answers(OK));
    proxy.recorderFails = new Problem('audit.full', 'self');
    await client().send(head('GET /')).until('HTTP/1.1 503 pinwarden: audit.full');
    await expect.poll(() => upstream.open()).toBe(0);
    expect(upstream.received.join('')).toBe('');
  });

  it('a plain request behind a CONNECT of the same head is none', async () => {
    const { client, upstream, head } = await plainStage(answers(OK));
    const one = client().send(`${head('GET /1')}CONNECT ${HOST}:1 HTTP/1.1\r\nHost: ${HOST}:1\r\n\r\n`);
    await one.end();
    expect(one.text).not.toContain('pinwarden: port.denied');
    await expect.poll(() => upstream.open()).toBe(0);
  });

  it('more requests at once than may wait', async () => {
    const { client, proxy, head } = await plainStage(() => undefined);
    const one = client().send(head('GET /').repeat(60));
    expect(await one.end()).not.toBe('open');
    expect(one.statuses()).toEqual([]);
    expect(proxy.verdicts.map((entry) => entry.facts)).toContainEqual({ why: 'out-of-turn' });
  });
});

describe('carried', () => {
  it('with one verdict and one close, as plaintext without assurance', async () => {
    const { proxy, upstream, client, head } = await plainStage(answers(OK));
    await client().send(head('GET /')).until('\r\n\r\nhi');
    expect(proxy.verdicts).toMatchObject([
      {
        verdict: 'allow',
        code: null,
        mode: 'plaintext',
        authority: { host: HOST, port: upstream.port },
        evidence: { assurance: 'none', protocol: 'http', address: '127.0.0.1', chain: [] },
        report: { outcomes: { chain: { is: 'skipped', why: 'plaintext' } } },
      },
    ]);
    await expect.poll(() => proxy.closes).toMatchObject([{ reason: 'upstream', code: null, mode: 'plaintext' }]);
    expect(proxy.closes[0]?.eventId).toBe(proxy.verdicts[0]?.eventId);
    expect(proxy.closes[0]?.bytesDown).toBe(OK.length);
    expect(proxy.house.gate.openings).toBe(0);
  });

  it('to a host with pins whose rule allows it', async () => {
    const { client, head } = await plainStage(answers(OK), { pins: PINS_OF_OTHERS, plaintext: 'allow' });
    await client().send(head('GET /')).until('\r\n\r\nhi');
  });

  it('and closes the connection of a client that says so, or speaks HTTP/1.0', async () => {
    const { client, head, upstream } = await plainStage(answers(OK));
    const one = client().send(head('GET /', 'Connection: close'));
    expect(await one.end()).toBe('fin');
    expect(one.text).toContain('Connection: close\r\n');
    const old = client().send(`GET http://${HOST}:${upstream.port}/ HTTP/1.0\r\n\r\n`);
    expect(await old.end()).toBe('fin');
    expect(old.text).toMatch(/\r\n\r\nhi$/);
  });

  it('then a tunnel over the same connection', async () => {
    const { client, head } = await plainStage(answers(OK));
    const one = client().send(head('GET /'));
    await one.until('\r\n\r\nhi');
    one.send(`CONNECT ${HOST}:1 HTTP/1.1\r\nHost: ${HOST}:1\r\n\r\n`);
    await one.until('403 pinwarden: port.denied');
  });

  it('until a reload forbids it: the client is reset', async () => {
    const { proxy, client, head, upstream } = await plainStage(
      answers('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
    );
    const one = client().send(head('GET /'));
    await one.until('abc');
    proxy.reload([{ name: 'bank', match: [HOST], plaintext: 'allow' }]);
    expect(await rejudge(proxy.house)).toEqual({ kept: 1, cut: 0 });
    proxy.reload([{ name: 'bank', match: [HOST], mode: 'bypass', reason: 'x' }]);
    expect(await rejudge(proxy.house)).toEqual({ kept: 1, cut: 0 });
    proxy.reload([{ name: 'bank', match: [HOST], plaintext: 'block' }]);
    expect(await rejudge(proxy.house)).toEqual({ kept: 0, cut: 1 });
    expect(await one.end()).toBe('reset');
    expect(proxy.closes).toMatchObject([{ reason: 'policy' }]);
    await expect.poll(() => upstream.open()).toBe(0);
  });

  it('and a drain that began meanwhile closes behind the answer', async () => {
    const draining = Promise.withResolvers<void>();
    const { proxy, client, head } = await plainStage((socket) => void draining.promise.then(() => socket.write(OK)));
    const one = client().send(head('GET /'));
    await expect.poll(() => proxy.verdicts.length).toBe(1);
    proxy.built.startDraining();
    draining.resolve();
    expect(await one.end()).toBe('fin');
    expect(one.text).toContain('Connection: close');
    expect(one.text).toContain('\r\n\r\nhi');
  });
});

describe('our own pages', () => {
  const ask = async (head: string) => {
    const proxy = await proxyFor({ port: 1 });
    const one = new RawClient(proxy.port).send(`${head}\r\n\r\n`);
    expect(await one.end()).toBe('fin');
    return { proxy, text: one.text };
  };

  it.each(['127.0.0.1', 'proxy.corp.test:3128', '"><script>', ''])('the CA, whatever Host says: %j', async (host) => {
    const { proxy, text } = await ask(`GET /ca.pem HTTP/1.1\r\nHost: ${host}`);
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(proxy.caPem);
    expect(text).toContain('Content-Type: application/x-pem-file');
    expect(text).not.toContain('script');
    expect(proxy.verdicts).toEqual([]);
  });

  it('a PAC file names the proxy as the client calls it, and no way around it', async () => {
    const { text } = await ask('GET /proxy.pac HTTP/1.1\r\nHost: proxy.corp.test:3128');
    expect(text).toContain('return "PROXY proxy.corp.test:3128";');
    expect(text).not.toContain('; DIRECT');
  });

  it('and by its address when it is called badly', async () => {
    const { proxy, text } = await ask('GET /proxy.pac HTTP/1.1\r\nHost: "; return "DIRECT');
    expect(text).toContain(`return "PROXY 127.0.0.1:${proxy.port}";`);
  });

  it('HEAD has no content', async () => {
    const { text } = await ask('HEAD / HTTP/1.1\r\nHost: a');
    expect(text).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\n$/);
  });

  it.each(['POST /', 'GET /ca-key.pem', 'GET /../ca-key.pem', 'GET /ca.pem?x', 'OPTIONS *', 'PUT /ca.pem', 'GET //'])(
    '%s is none',
    async (line) => {
      const { proxy, text } = await ask(`${line} HTTP/1.1\r\nHost: a`);
      expect(text).toMatch(/^HTTP\/1\.1 400 pinwarden: request\.malformed/);
      expect(text).not.toContain('-----BEGIN');
      expect(proxy.verdicts).toMatchObject([{ code: 'request.malformed', verdict: 'error' }]);
    },
  );
});

it('is recorded under the trace of the client, whose field goes on like any other', async () => {
  const { proxy, upstream, client, head } = await plainStage(answers(OK));
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const field = `traceparent: 00-${traceId}-b7ad6b7169203331-01`;
  await client().send(head('GET /', field)).until('\r\n\r\nhi');
  await expect.poll(() => proxy.closes).toMatchObject([{ traceId }]);
  expect(proxy.verdicts).toMatchObject([{ traceId }]);
  expect(upstream.received.join('')).toContain(field);
});

describe('content that cannot be read', () => {
  const CHUNKED = 'Transfer-Encoding: chunked';

  it('behind its head in one packet: nothing is sent on', async () => {
    const { proxy, upstream, client, head } = await plainStage(answers(OK));
    const one = client().send(`${head('POST /', CHUNKED)}0x5\r\nhello\r\n0\r\n\r\n`);
    await one.until('HTTP/1.1 400 pinwarden: request.malformed');
    await one.until('(content)');
    expect(await one.end()).toBe('fin');
    expect(proxy.verdicts).toMatchObject([{ verdict: 'error', code: 'request.malformed' }]);
    expect(upstream.received.join('')).toBe('');
  });

  it('after the verdict: the client is told, and the close line says whose fault it was', async () => {
    const { proxy, upstream, client, head } = await plainStage(() => undefined);
    const one = client().send(`${head('POST /', CHUNKED)}5\r\nhello\r\n`);
    await expect.poll(() => upstream.received.join('')).toContain('hello');
    one.send('-1\r\n');
    await one.until('HTTP/1.1 400 pinwarden: request.malformed');
    expect(await one.end()).toBe('fin');
    expect(proxy.verdicts).toMatchObject([{ verdict: 'allow', code: null }]);
    await expect.poll(() => proxy.closes).toMatchObject([{ reason: 'client', code: 'request.malformed' }]);
    await expect.poll(() => upstream.open()).toBe(0);
  });

  it('is not the fault of the request before it', async () => {
    const { proxy, client, head } = await plainStage(() => undefined);
    const one = client().send(`${head('GET /1')}no request at all\r\n\r\n`);
    await one.end();
    expect(one.text).toBe('');
    expect(proxy.verdicts).toHaveLength(1);
    expect(proxy.verdicts[0]?.code).not.toBe('request.malformed');
  });
});
