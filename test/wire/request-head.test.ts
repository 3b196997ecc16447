import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RequestHead } from '../../src/wire/connect-head.ts';
import { isAbsoluteForm, type PlainAsk, readPlain } from '../../src/wire/request-head.ts';

type Part = Partial<RequestHead>;

function head(part: Part = {}): RequestHead {
  return { method: 'GET', url: 'http://a.test/x', httpVersion: '1.1', rawHeaders: ['Host', 'a.test'], ...part };
}

const withFields = (...fields: string[]): Part => ({ rawHeaders: ['Host', 'a.test', ...fields] });

function asked(part: Part = {}): PlainAsk {
  const read = readPlain(head(part));
  if (!read.ok) throw new Error(read.why);
  return read.value;
}

describe('refused', () => {
  it.each<[string, Part, string, string]>([
    ['no method', { method: undefined }, 'request.malformed', 'method'],
    ['CONNECT', { method: 'CONNECT' }, 'request.malformed', 'method'],
    ['TRACE', { method: 'TRACE' }, 'request.malformed', 'method'],
    ['HTTP/2.0', { httpVersion: '2.0' }, 'request.malformed', 'http-version'],
    ['origin form', { url: '/x' }, 'request.malformed', 'not-absolute'],
    ['the whole server, of ours', { method: 'OPTIONS', url: '*' }, 'request.malformed', 'not-absolute'],
    ['no target', { url: undefined }, 'request.authority', 'not-absolute'],
    ['https in the clear', { url: 'https://a.test/' }, 'request.authority', 'needs-connect'],
    ['a tunnelled socket in the clear', { url: 'WSS://a.test/' }, 'request.authority', 'needs-connect'],
    ['another scheme', { url: 'ftp://a.test/' }, 'request.authority', 'not-absolute'],
    ['an authority alone', { url: 'a.test:80' }, 'request.authority', 'not-absolute'],
    ['user information', { url: 'http://u:p@a.test/' }, 'request.authority', 'user-information'],
    ['an empty host', { url: 'http:///x' }, 'request.authority', 'empty'],
    ['a number for a host', { url: 'http://2130706433/' }, 'request.authority', 'numeric-host'],
    ['a fragment', { url: 'http://a.test/#f' }, 'request.authority', 'bad-uri'],
    ['101 fields', withFields(...Array.from({ length: 200 }, () => 'x')), 'request.too-large', 'too-many-fields'],
    ['17 kB', withFields('X', 'a'.repeat(17_000)), 'request.too-large', 'too-many-bytes'],
    ['no Host', { rawHeaders: [] }, 'request.malformed', 'host-missing'],
    ['two Hosts', withFields('Host', 'a.test'), 'request.malformed', 'host-twice'],
    ['a Host that cannot be read', { rawHeaders: ['Host', 'a@b'] }, 'request.malformed', 'host-malformed'],
    ['another Host', { rawHeaders: ['Host', 'b.test'] }, 'request.malformed', 'host-differs'],
    ['another port in Host', { rawHeaders: ['Host', 'a.test:81'] }, 'request.malformed', 'host-differs'],
    ['the port of https in Host', { rawHeaders: ['Host', 'a.test:443'] }, 'request.malformed', 'host-differs'],
    [
      'an encoding we do not undo',
      withFields('Transfer-Encoding', 'gzip, chunked'),
      'request.malformed',
      'transfer-encoding',
    ],
    [
      'identity, chunked',
      withFields('Transfer-Encoding', 'identity, chunked'),
      'request.malformed',
      'transfer-encoding',
    ],
    ['a vertical tab', withFields('Transfer-Encoding', '\vchunked'), 'request.malformed', 'transfer-encoding'],
    [
      'chunked twice',
      withFields('Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'),
      'request.malformed',
      'transfer-encoding',
    ],
    [
      'chunked and a length',
      withFields('Transfer-Encoding', 'chunked', 'Content-Length', '5'),
      'request.malformed',
      'transfer-encoding',
    ],
    [
      'chunked in HTTP/1.0',
      { ...withFields('Transfer-Encoding', 'chunked'), httpVersion: '1.0' },
      'request.malformed',
      'transfer-encoding',
    ],
    ['two lengths', withFields('Content-Length', '5', 'Content-Length', '5'), 'request.malformed', 'content-length'],
    ...['+5', '-5', '0x5', '5,5', '', ' 5', '05', '5.0', '1e3', '9'.repeat(16)].map(
      (value): [string, Part, string, string] => [
        `the length ${JSON.stringify(value)}`,
        withFields('Content-Length', value),
        'request.malformed',
        'content-length',
      ],
    ),
    ['an expectation', withFields('Expect', 'the worst'), 'request.malformed', 'expectation'],
    [
      'two credentials',
      withFields('Proxy-Authorization', 'a', 'Proxy-Authorization', 'b'),
      'auth.required',
      'credentials-twice',
    ],
    ['no forward left', { ...withFields('Max-Forwards', '0'), method: 'OPTIONS' }, 'request.malformed', 'max-forwards'],
    [
      'forwards that are no number',
      { ...withFields('Max-Forwards', 'x'), method: 'OPTIONS' },
      'request.malformed',
      'max-forwards',
    ],
  ])('%s', (_what, part, code, why) => {
    expect(readPlain(head(part))).toEqual({ ok: false, code, why });
  });
});

describe('taken', () => {
  it('a plain GET: Host first, and Via', () => {
    expect(asked({ rawHeaders: ['Accept', '*/*', 'Host', 'A.test.:80', 'Proxy-Connection', 'x'] })).toMatchObject({
      method: 'GET',
      authority: { host: 'a.test', kind: 'name', port: 80 },
      path: '/x',
      content: 'none',
      expectsContinue: false,
      upgrade: null,
      proxyAuthorization: null,
      fields: [
        ['Host', 'a.test'],
        ['Accept', '*/*'],
        ['Via', '1.1 pinwarden'],
      ],
    });
  });

  it.each([
    ['http://a.test', '/'],
    ['HTTP://a.test/x', '/x'],
    ['http://a.test?q', '/?q'],
    ['http://a.test//evil/%2e%2e/x?a=b|c', '//evil/%2e%2e/x?a=b|c'],
    ['http://a.test/http://b.test//', '/http://b.test//'],
    ['http://a.test/a/../b/./c', '/a/../b/./c'],
  ])('%s has the path %s', (url, path) => {
    expect(asked({ url }).path).toBe(path);
  });

  it.each([
    ['http://a.test:8080/', 'a.test:8080'],
    ['http://[::1]/', '[::1]'],
    ['http://[::1]:81/', '[::1]:81'],
    ['http://A.TEST./', 'a.test'],
  ])('of %s, Host becomes %s', (url, host) => {
    expect(asked({ url, rawHeaders: ['Host', host] }).fields[0]).toEqual(['Host', host]);
  });

  it('HTTP/1.0 without Host', () => {
    expect(asked({ httpVersion: '1.0', rawHeaders: [] }).fields).toEqual([
      ['Host', 'a.test'],
      ['Via', '1.0 pinwarden'],
    ]);
  });

  it.each<[string[], string, boolean]>([
    [['Content-Length', '5'], 'length', false],
    [['Content-Length', '0'], 'length', false],
    [['Transfer-Encoding', 'Chunked'], 'chunked', false],
    [['Content-Length', '5', 'Expect', '100-Continue'], 'length', true],
    [['Expect', '100-continue'], 'none', false],
  ])('%j: %s', (fields, content, expectsContinue) => {
    expect(asked(withFields(...fields))).toMatchObject({ content, expectsContinue });
  });

  it('keeps credentials apart, and out of what is forwarded', () => {
    const ask = asked(withFields('Proxy-Authorization', 'Basic hunter2', 'Authorization', 'Bearer x'));
    expect(ask.proxyAuthorization).toBe('Basic hunter2');
    expect(JSON.stringify(ask.fields)).not.toContain('hunter2');
    expect(ask.fields).toContainEqual(['Authorization', 'Bearer x']);
  });

  it('OPTIONS counts its forwards down, and other methods do not', () => {
    const fields = withFields('Max-Forwards', '5');
    expect(asked({ ...fields, method: 'OPTIONS' }).fields).toContainEqual(['Max-Forwards', '4']);
    expect(JSON.stringify(asked(fields).fields)).not.toContain('Max-Forwards');
  });

  it('OPTIONS of a URI without a path asks about the server', () => {
    expect(asked({ method: 'OPTIONS', url: 'http://a.test' }).path).toBe('*');
    expect(asked({ method: 'OPTIONS', url: 'http://a.test/' }).path).toBe('/');
    expect(asked({ method: 'OPTIONS', url: 'http://a.test?' }).path).toBe('/?');
  });
});

describe('an upgrade', () => {
  const asks = ['Connection', 'keep-alive, Upgrade', 'Upgrade', 'WebSocket'];

  it('to WebSocket is one', () => {
    expect(asked(withFields(...asks)).upgrade).toBe('websocket');
  });

  it.each<[string, Part]>([
    ['h2c', withFields('Connection', 'Upgrade, HTTP2-Settings', 'Upgrade', 'h2c', 'HTTP2-Settings', 'x')],
    ['one of two', withFields('Connection', 'Upgrade', 'Upgrade', 'websocket, h2c')],
    ['without Connection', withFields('Upgrade', 'websocket')],
    ['in HTTP/1.0', { ...withFields(...asks), httpVersion: '1.0' }],
    ['by POST', { ...withFields(...asks), method: 'POST' }],
    ['with content', withFields(...asks, 'Content-Length', '5')],
  ])('%s is none, and nothing of it is forwarded', (_what, part) => {
    const ask = asked(part);
    expect(ask.upgrade).toBeNull();
    expect(JSON.stringify(ask.fields)).not.toMatch(/upgrade|h2c|settings/i);
  });
});

it('targets in origin and asterisk form are for us', () => {
  expect(['/', '/x', '*', 'http://a/', 'a:80', ''].map(isAbsoluteForm)).toEqual([
    false,
    false,
    false,
    true,
    true,
    true,
  ]);
});

it('never throws, and what it takes has one Host and no framing of the client', () => {
  const field = fc.oneof(
    fc.constantFrom('Host', 'a.test', 'Connection', 'Transfer-Encoding', 'chunked', 'Content-Length', '5', 'close'),
    fc.string(),
  );
  const any = fc.record({
    method: fc.constantFrom('GET', 'POST', 'OPTIONS', 'TRACE', ''),
    url: fc.oneof(
      fc.string(),
      fc.string().map((text) => `http://a.test${text}`),
    ),
    httpVersion: fc.constantFrom('1.0', '1.1', '2.0'),
    rawHeaders: fc.array(field, { maxLength: 12 }),
  });
  fc.assert(
    fc.property(any, (one) => {
      const read = readPlain(one);
      if (!read.ok) return true;
      const names = read.value.fields.map(([name]) => name.toLowerCase());
      return names.filter((name) => name === 'host').length === 1 && !names.includes('transfer-encoding');
    }),
    { numRuns: 2_000 },
  );
});
