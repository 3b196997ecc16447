import { describe, expect, it } from 'vitest';
import { forward } from '../../../src/proxy/lanes/http.ts';
import { type Answering, answers, answersAndEnds } from '../../support/raw-origin.ts';
import { OK, plainStage } from '../plain.ts';
import { closeAfterEach } from '../stage.ts';

closeAfterEach();

describe('an upstream that answers badly', () => {
  it.each([
    ['the status 099', 'HTTP/1.1 099 W\r\nContent-Length: 0\r\n\r\n'],
    ['the status 600', 'HTTP/1.1 600 W\r\nContent-Length: 0\r\n\r\n'],
    ['the status 999', 'HTTP/1.1 999 W\r\nContent-Length: 0\r\n\r\n'],
    ['407, for the password of the proxy', 'HTTP/1.1 407 W\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n'],
    ['101 that nobody asked for', 'HTTP/1.1 101 W\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbytes'],
    ['chunked and a length', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!'],
    ['two equal lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi'],
    ['a NUL in a field', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nhi'],
    ['a bare CR in a field', 'HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nhi'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nhi'],
    ['gzip as transfer encoding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['chunked in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['HTTP/0.9', 'hello'],
    ['TLS', '\x16\x03\x01\x00\x05hello\r\n\r\n'],
    ['20 kB of head', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['seventeen hints', `${'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n'.repeat(17)}${OK}`],
  ])('%s: 502', async (_what, bytes) => {
    const { proxy, client, head, upstream } = await plainStage(answers(bytes));
    const one = client().send(head('GET /'));
    await one.until('response.malformed');
    expect(one.text).toContain('HTTP/1.1 502 pinwarden: response.malformed\r\n');
    expect(one.text).toContain('error=http_protocol_error');
    expect(await one.end()).toBe('fin');
    expect(proxy.verdicts).toHaveLength(1);
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]).toMatchObject({ code: 'response.malformed', mode: 'plaintext' });
    await expect.poll(() => upstream.open()).toBe(0);
  });

  it.each(['fin', 'reset'] as const)('%s without an answer: 502', async (how) => {
    const { client, head } = await plainStage(answersAndEnds('', how));
    const one = client().send(head('GET /'));
    await one.until('HTTP/1.1 502 pinwarden: response.none');
    expect(await one.end()).toBe('fin');
  });

  it('nothing: 504', async () => {
    const limits = { idleTimeoutMs: 50 };
    const { client, head, proxy } = await plainStage(() => undefined, {}, { limits });
    const one = client().send(head('GET /'));
    await one.until('HTTP/1.1 504 pinwarden: response.timeout');
    await expect.poll(() => proxy.closes[0]).toMatchObject({ reason: 'idle', code: 'response.timeout' });
  });
});

describe('an upstream that breaks off', () => {
  const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc';
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc';

  it.each([
    ['with a length, by an end', whole, 'fin'],
    ['with a length, by a reset', whole, 'reset'],
    ['chunked, by an end', chunked, 'fin'],
    ['chunked, by a reset', chunked, 'reset'],
    ['chunked, between chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'fin'],
    ['until the end, by a reset', 'HTTP/1.1 200 OK\r\n\r\nabc', 'reset'],
  ] as const)('%s: the client is reset and its next request never answered', async (_what, bytes, how) => {
    const { client, head, upstream, proxy } = await plainStage(answersAndEnds(bytes, how));
    const one = client().send(head('GET /1') + head('GET /2'));
    expect(await one.end()).toBe('reset');
    expect(one.statuses().length).toBeLessThanOrEqual(1);
    expect(upstream.connections()).toBe(1);
    await expect.poll(() => proxy.closes.length).toBe(1);
    expect(proxy.closes[0]).toMatchObject({ reason: 'error', code: 'response.incomplete' });
    expect(proxy.verdicts).toHaveLength(1);
  });

  it('an HTTP/1.0 client, who has no other sign, is reset too', async () => {
    const { client, upstream } = await plainStage(answersAndEnds(chunked, 'fin'));
    const one = client().send(`GET http://good.test:${upstream.port}/ HTTP/1.0\r\n\r\n`);
    expect(await one.end()).toBe('reset');
  });

  it('and stands still is cut after the idle limit', async () => {
    // Long enough for its head to arrive: whoever answers nothing is answered for.
    const { client, head, proxy } = await plainStage(answers(whole), {}, { limits: { idleTimeoutMs: 500 } });
    expect(await client().send(head('GET /')).end()).toBe('reset');
    await expect.poll(() => proxy.closes[0]).toMatchObject({ reason: 'idle' });
  });
});

describe('what reaches the upstream', () => {
  /** The head that arrived. */
  async function arrived(line: string, ...fields: readonly string[]): Promise<string> {
    const { client, head, upstream } = await plainStage(answers(OK));
    const one = client().send(head(line, ...fields));
    await one.until('\r\n\r\nhi');
    return upstream.received[0] ?? '';
  }

  it('the path exactly as it was sent', async () => {
    expect(await arrived('GET //evil/%2e%2e/./../x?a=b|c//d?e')).toMatch(
      /^GET \/\/evil\/%2e%2e\/\.\/\.\.\/x\?a=b\|c\/\/d\?e HTTP/,
    );
  });

  it('no field of one connection, no credentials for the proxy, and what Connection cannot remove', async () => {
    const text = await arrived(
      'GET /',
      'Connection: keep-alive, Host, Authorization, X-Gone, Cookie',
      'Keep-Alive: timeout=5',
      'TE: trailers',
      'X-Gone: 1',
      'Proxy-Authorization: Basic aHVudGVyMg==',
      'Proxy-Connection: keep-alive',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
      'Authorization: Bearer kept',
      'Cookie: kept=1',
    );
    expect(text.split('\r\n').slice(1, -2)).toEqual([
      expect.stringMatching(/^Host: good\.test:\d+$/),
      'Authorization: Bearer kept',
      'Cookie: kept=1',
      'Via: 1.1 pinwarden',
      'Connection: close',
    ]);
  });

  it('repeated fields in their order, and names of the prototype', async () => {
    const text = await arrived('GET /', 'X-A: 1', '__proto__: p', 'X-A: 2', 'constructor: c', 'toString: s');
    expect(text).toContain('X-A: 1\r\nX-A: 2\r\n__proto__: p\r\nconstructor: c\r\ntoString: s\r\n');
  });

  it.each(['DELETE', 'OPTIONS', 'GET', 'POST', 'PUT', 'PATCH'])('chunked content of %s as content', async (method) => {
    const { client, head, upstream } = await plainStage((socket, text) => {
      const answer = () => socket.write(OK);
      if (text.includes('\r\n0\r\n')) answer();
      else socket.on('data', (chunk: Buffer) => chunk.includes('0\r\n') && answer());
    });
    const smuggled = `GET /smuggled HTTP/1.1\r\nHost: good.test\r\n\r\n`;
    const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\nX-Sum: 7\r\nHost: evil.test\r\n\r\n`;
    const one = client().send(head(`${method} /a`, 'Transfer-Encoding: chunked') + chunk);
    await one.until('\r\n\r\nhi');
    const [text = ''] = upstream.received;
    expect(text).toContain('Transfer-Encoding: chunked\r\n');
    expect(text).not.toMatch(/content-length/i);
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(
      `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\nX-Sum: 7\r\n\r\n`,
    );
  });

  it('content of a length with its length, and none without', async () => {
    // An answer before the content would end the request.
    const { client, head, upstream } = await plainStage((socket, text) => {
      if (!text.includes('Content-Length: 5') || text.endsWith('hello')) socket.write(OK);
      else socket.once('data', () => socket.write(OK));
    });
    await client()
      .send(`${head('DELETE /', 'Content-Length: 5')}hello`)
      .until('\r\n\r\nhi');
    expect(upstream.received[0]).toMatch(/Content-Length: 5\r\n[\s\S]*\r\n\r\nhello$/);
    await client().send(head('DELETE /')).until('\r\n\r\nhi');
    expect(upstream.received[1]).not.toMatch(/content-length|transfer-encoding/i);
    await client().send(head('POST /')).until('\r\n\r\nhi');
    expect(upstream.received[2]).toMatch(/content-length: 0\r\n/i);
  });

  it('each request of one connection over a connection of its own', async () => {
    const { client, head, upstream, proxy } = await plainStage(answers(OK));
    const one = client().send(head('GET /1') + head('GET /2') + head('GET /3'));
    await expect.poll(() => one.statuses()).toEqual([200, 200, 200]);
    expect(upstream.received.map((text) => text.slice(0, 6))).toEqual(['GET /1', 'GET /2', 'GET /3']);
    expect(proxy.verdicts).toHaveLength(3);
    await expect.poll(() => upstream.open()).toBe(0);
  });
});

describe('what reaches the client', () => {
  /** What came for a request, up to `until`. */
  async function came(reply: string | Answering, until: string, line = 'GET /'): Promise<string> {
    const { client, head } = await plainStage(typeof reply === 'string' ? answers(reply) : reply);
    const one = client().send(head(line));
    await one.until(until);
    return one.text;
  }

  it('fields in their order and case, without those of one connection', async () => {
    const fields = [
      'Set-Cookie: a',
      'x-A: 1',
      'set-cookie: b',
      'X-a: 2',
      '__proto__: p',
      'Date: Sun, 01 Nov 2026 00:00:00 GMT',
    ];
    const others = [
      'Connection: X-Gone, Set-Cookie',
      'Keep-Alive: timeout=9',
      'X-Gone: 1',
      'Proxy-Authenticate: Basic',
    ];
    const text = await came(
      ['HTTP/1.1 200 Fine', ...fields, ...others, 'Content-Length: 2', '', 'hi'].join('\r\n'),
      '\r\n\r\nhi',
    );
    expect(text.split('\r\n\r\n')[0]?.split('\r\n')).toEqual([
      'HTTP/1.1 200 Fine',
      ...fields,
      'Content-Length: 2',
      'Via: 1.1 pinwarden',
      'Connection: keep-alive',
      'Keep-Alive: timeout=10',
    ]);
  });

  it('trailers, without what may not come there', async () => {
    const reply =
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a\r\n\r\n';
    expect(await came(reply, '0\r\nX-Sum: 7\r\n\r\n')).not.toContain('Set-Cookie');
  });

  it('hints, before the response', async () => {
    const text = await came(`HTTP/1.1 103 Early Hints\r\nLink: <a>\r\nConnection: x\r\n\r\n${OK}`, '\r\n\r\nhi');
    expect(text).toMatch(/^HTTP\/1\.1 103 [^\r]*\r\nLink: <a>\r\nVia: 1\.1 pinwarden\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  });

  it('no hints in HTTP/1.0, and a body up to the end', async () => {
    const reply =
      'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n';
    const { client, upstream } = await plainStage(answers(reply));
    const one = client().send(`GET http://good.test:${upstream.port}/ HTTP/1.0\r\n\r\n`);
    expect(await one.end()).toBe('fin');
    expect(one.statuses()).toEqual([200]);
    expect(one.text).toMatch(/\r\n\r\nhi$/);
    expect(one.text).not.toMatch(/transfer-encoding/i);
  });

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n', /Content-Length: 1000\r\n/],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', /200 OK/],
    ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n', /204 No Content/],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: "a"\r\n\r\n', /304 Not Modified/],
  ])('%s without content: %j', async (method, reply, expected) => {
    const { client, head } = await plainStage(answers(reply));
    const one = client().send(head(`${method} /`));
    await one.until('Keep-Alive: timeout=10\r\n\r\n');
    expect(one.text).toMatch(expected);
    // The connection is in step: the next one is answered where it should be.
    const before = one.text.length;
    one.send(head(`${method} /`));
    await expect.poll(() => one.statuses()).toHaveLength(2);
    expect(one.text.slice(before, before + 9)).toBe('HTTP/1.1 ');
  });

  it('content that only an end delimits', async () => {
    const { client, head } = await plainStage(answersAndEnds('HTTP/1.0 200 OK\r\n\r\nuntil the end', 'fin'));
    const one = client().send(head('GET /'));
    await one.until('\r\nd\r\nuntil the end\r\n0\r\n\r\n');
    expect(one.text).toContain('Via: 1.0 pinwarden');
  });

  it('nothing of what comes behind the response', async () => {
    const { client, head } = await plainStage(answers(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET`));
    const one = client().send(head('GET /1'));
    await one.until('\r\n\r\nhi');
    one.send(head('GET /2'));
    await expect.poll(() => one.statuses()).toHaveLength(2);
    expect(one.text).not.toContain('SECRET');
  });
});

describe('100-continue', () => {
  const expecting = ['Expect: 100-continue', 'Content-Length: 5'];

  it('is asked upstream, and what it says is passed on', async () => {
    const { client, head, upstream } = await plainStage((socket) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      socket.once('data', () => socket.write(OK));
    });
    const one = client().send(head('POST /', ...expecting));
    await one.until('HTTP/1.1 100 Continue\r\n\r\n');
    expect(upstream.received[0]).toContain('Expect: 100-continue\r\n');
    await one.send('hello').until('\r\n\r\nhi');
    expect(upstream.received[0]?.endsWith('\r\n\r\nhello')).toBe(true);
    expect(one.text).toContain('Connection: keep-alive');
  });

  it('that is not given closes: what follows could be content or a request', async () => {
    const { client, head } = await plainStage(answers('HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n'));
    const one = client().send(head('POST /', ...expecting));
    await one.until('HTTP/1.1 417 No');
    expect(one.text).toContain('Connection: close');
    expect(await one.end()).toBe('fin');
  });

  it('that nobody asked for is not passed on', async () => {
    const { client, head } = await plainStage(answers(`HTTP/1.1 100 Continue\r\n\r\n${OK}`));
    const one = client().send(head('GET /'));
    await one.until('\r\n\r\nhi');
    expect(one.statuses()).toEqual([200]);
  });
});

it('the lane takes no permit of another line', async () => {
  const permit = {
    use: () => {
      throw new TypeError('of another line');
    },
  };
  const work = { permit, line: { evidence: {} } } as unknown as Parameters<typeof forward>[0];
  await expect(forward(work)).rejects.toThrow('of another line');
});

it('loading http-proxy leaves node:util as it was, and warns of nothing', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  const { client, head } = await plainStage(answers(OK));
  await client().send(head('GET /')).until('\r\n\r\nhi');
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
  const util = (await import('node:util')) as unknown as { default: { _extend: unknown } };
  expect(util.default._extend).not.toBe(Object.assign);
});
