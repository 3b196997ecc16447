import { describe, expect, it } from 'vitest';
import { type ClientHello, needsRsaLeaf, parseHelloBody } from '../../src/wire/hello-body.ts';
import { type HelloSpec, helloBody, uint16, vector } from './hello-writer.ts';

const read = (spec: HelloSpec) => parseHelloBody(helloBody(spec), 0);

function good(spec: HelloSpec): ClientHello {
  const body = read(spec);
  if (body.kind !== 'hello') throw new Error(body.why);
  return body.hello;
}

const empty = Buffer.alloc(0);
const name = (...parts: readonly Buffer[]): HelloSpec => ({ extensions: [[0, Buffer.concat(parts)]] });
const entry = (text: string, type = 0) => Buffer.concat([Buffer.from([type]), vector(2, Buffer.from(text))]);
const alpn = (...parts: readonly Buffer[]): HelloSpec => ({ extensions: [[16, Buffer.concat(parts)]] });
const extension = (type: number, content: Buffer): HelloSpec => ({ extensions: [[type, content]] });

describe('malformed bodies', () => {
  it.each<[string, HelloSpec, string]>([
    ['no compression method but deflate', { compression: Buffer.from([1]) }, 'compression'],
    ['no compression methods', { compression: empty }, 'compression'],
    ['a session id of 33 bytes', { sessionId: Buffer.alloc(33) }, 'session id'],
    ['no cipher suites', { ciphers: [] }, 'cipher suites'],
    ['an odd list of cipher suites', { ciphers: Buffer.from([0x13, 0x01, 0x13]) }, 'cipher suites'],
    ['bytes behind the extensions', { tail: Buffer.from([0]) }, 'bytes behind the extensions'],
    ['an extensions block that is too short', { block: Buffer.from([0, 9, 0]) }, 'extensions'],
    ['half an extension header', { block: vector(2, Buffer.from([0])) }, 'extension'],
    ['an extension that is too short', { block: vector(2, uint16(0, 9)) }, 'extension'],
    [
      'an extension twice',
      {
        extensions: [
          [99, empty],
          [99, empty],
        ],
      },
      'extension twice',
    ],
    [
      'two server names in two extensions',
      { serverName: 'a.test', ...name(vector(2, entry('b.test'))) },
      'extension twice',
    ],
    ['an empty server_name', name(), 'server name'],
    ['an empty server name list', name(vector(2)), 'server name'],
    ['an empty server name', name(vector(2, entry(''))), 'server name is not a host'],
    ['a server name of another type', name(vector(2, entry('a.test', 1))), 'server name'],
    ['two server names in one list', name(vector(2, entry('a.test'), entry('b.test'))), 'server name'],
    ['bytes behind the server name list', name(vector(2, entry('a.test')), Buffer.from([0])), 'server name'],
    ['an empty ALPN extension', alpn(), 'alpn'],
    ['an empty ALPN list', alpn(vector(2)), 'alpn'],
    ['an empty protocol id', { alpn: ['h2', ''] }, 'alpn'],
    ['a protocol id that is too short', alpn(vector(2, Buffer.from([5, 0x68]))), 'alpn'],
    ['more protocol ids than anybody has', { alpn: Array.from({ length: 65 }, () => 'h2') }, 'alpn'],
    ['no versions', extension(43, vector(1)), 'versions'],
    ['an odd list of versions', extension(43, vector(1, Buffer.from([3]))), 'versions'],
    [
      'bytes behind the versions',
      extension(43, Buffer.concat([vector(1, uint16(0x0304)), empty, uint16(1)])),
      'versions',
    ],
    ['no signature schemes', extension(13, vector(2)), 'signature schemes'],
  ])('%s', (_what, spec, why) => {
    expect(read(spec)).toEqual({ kind: 'malformed', why });
  });

  it.each([
    'a\r\nb.test',
    'a\x1b[31m.test',
    '<script>alert(1)</script>',
    '../../etc/passwd',
    'a\0.test',
    'a'.repeat(255),
    `${'a.'.repeat(128)}a`,
    'b\xfccher.test',
    '127.1',
    '0x7f.1',
    '[::1]',
    '::1',
    'a.test:443',
    '*.a.test',
    ' a.test',
  ])('server name %j', (serverName) => {
    expect(read({ serverName })).toEqual({ kind: 'malformed', why: 'server name is not a host' });
  });

  it('every truncation', () => {
    const whole = helloBody({ serverName: 'pin.test', alpn: ['h2'], extensions: [[43, vector(1, uint16(0x0304))]] });
    for (let length = 0; length < whole.length; length++) {
      const cut = parseHelloBody(whole.subarray(0, length), 0);
      // Without the extensions block it is a whole hello of an old client.
      if (cut.kind === 'hello') expect(cut.hello.serverName).toBeNull();
    }
    const complete = Array.from(whole.keys()).filter(
      (length) => parseHelloBody(whole.subarray(0, length), 0).kind === 'hello',
    );
    expect(complete).toHaveLength(1);
  });
});

describe('hellos', () => {
  it.each([
    ['PIN.TEST', 'pin.test'],
    ['pin.test.', 'pin.test'],
    ['a_b.test', 'a_b.test'],
    ['127.0.0.1', '127.0.0.1'],
  ])('server name %s is %s', (serverName, canonical) => {
    expect(good({ serverName }).serverName).toBe(canonical);
  });

  it('holds protocol ids in order, GREASE and bytes included', () => {
    const ids = ['\x0a\x0a', 'h2', 'http/1.1', '\xff\x00'];
    expect(good({ alpn: ids }).alpn).toEqual(ids);
    expect(good({}).alpn).toEqual([]);
  });

  it('leaves GREASE out of numbers', () => {
    const hello = good({
      ciphers: [0x1a1a, 0x1301, 0x0a1a, 0x1a0a],
      extensions: [
        [0x2a2a, empty],
        [43, vector(1, uint16(0x3a3a, 0x0304, 0x0303))],
        [13, vector(2, uint16(0x0403, 0x0804))],
        [0xfafa, Buffer.from([0])],
      ],
    });
    expect(hello.cipherSuites).toEqual([0x1301, 0x0a1a, 0x1a0a]);
    expect(hello.versions).toEqual([0x0304, 0x0303]);
    expect(hello.signatureSchemes).toEqual([0x0403, 0x0804]);
  });

  it('takes the old version field when there is no other', () => {
    expect(good({ version: 0x0302, block: null })).toMatchObject({
      versions: [0x0302],
      serverName: null,
      hasEch: false,
      hasEsni: false,
    });
  });

  it('sees ECH, real or GREASE, and the abandoned ESNI', () => {
    expect(good(extension(0xfe0d, Buffer.alloc(40)))).toMatchObject({ hasEch: true, hasEsni: false });
    expect(good(extension(0xffce, Buffer.alloc(40)))).toMatchObject({ hasEch: false, hasEsni: true });
  });

  it('is frozen and passes the length through', () => {
    const body = parseHelloBody(helloBody({ alpn: ['h2'] }), 77);
    expect(body).toMatchObject({ kind: 'hello', hello: { byteLength: 77 } });
    expect(body.kind === 'hello' && Object.isFrozen(body.hello) && Object.isFrozen(body.hello.alpn)).toBe(true);
  });
});

describe('needsRsaLeaf', () => {
  const schemes = (...values: readonly number[]): readonly [number, Buffer] => [13, vector(2, uint16(...values))];
  const tls13: readonly [number, Buffer] = [43, vector(1, uint16(0x0304))];

  it.each<[boolean, string, HelloSpec]>([
    [true, 'only RSA schemes', { extensions: [tls13, schemes(0x0804, 0x0401)] }],
    [true, 'TLS 1.2 with RSA suites only', { ciphers: [0xc02f, 0xc030], extensions: [schemes(0x0403)] }],
    [false, 'TLS 1.3 with ECDSA', { extensions: [tls13, schemes(0x0804, 0x0403)] }],
    [false, 'TLS 1.2 with an ECDSA suite', { ciphers: [0xc02f, 0xc02b], extensions: [schemes(0x0403)] }],
    [false, 'TLS 1.2 without a list of schemes', { ciphers: [0xc02b], block: null }],
  ])('%s: %s', (needs, _what, spec) => {
    expect(needsRsaLeaf(good(spec))).toBe(needs);
  });
});
