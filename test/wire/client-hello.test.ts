import { describe, expect, it } from 'vitest';
import { ClientHelloReader, HELLO_BYTES_MAX, type HelloReading } from '../../src/wire/client-hello.ts';
import { hello, helloMessage, realHello, record, records } from './hello-writer.ts';

function feedAll(
  bytes: Buffer,
  portion = bytes.length,
): { reading: HelloReading; reader: ClientHelloReader; fed: number } {
  const reader = new ClientHelloReader();
  let reading: HelloReading = { kind: 'need-more' };
  let fed = 0;
  while (fed < bytes.length && reading.kind === 'need-more') {
    reading = reader.feed(bytes.subarray(fed, fed + portion));
    fed = Math.min(bytes.length, fed + portion);
  }
  return { reading, reader, fed };
}

const message = helloMessage({ serverName: 'pin.test', alpn: ['h2', 'http/1.1'] });

describe('streams that are no hello', () => {
  it.each([
    ['SSH-2.0-OpenSSH_9.2\r\n'],
    ['GET / HTTP/1.1\r\n\r\n'],
    ['\x80\x2e\x01\x00\x02'],
    ['\x16\x02\x00\x00\x01\x00'],
    ['\x15\x02\x01\x00\x02\x02\x28'],
    ['\x13\x03\x01'],
    ['\x19\x03\x01'],
    ['\0'],
  ])('%j is not TLS', (text) => {
    expect(feedAll(Buffer.from(text, 'latin1')).reading).toEqual({ kind: 'not-tls' });
    expect(feedAll(Buffer.from(text, 'latin1'), 1).reading).toEqual({ kind: 'not-tls' });
  });

  it.each<[string, Buffer, string]>([
    ['an empty record', record(Buffer.alloc(0)), 'empty record'],
    ['an empty record later', Buffer.concat([record(message.subarray(0, 9)), record(Buffer.alloc(0))]), 'empty record'],
    ['a record above 2^14', Buffer.from([22, 3, 1, 0x40, 0x01]), 'record length'],
    [
      'a warning alert before the hello',
      Buffer.concat([record(Buffer.from([1, 90]), 21), record(message)]),
      'another record before the hello',
    ],
    ['a change of cipher before the hello', record(Buffer.from([1]), 20), 'another record before the hello'],
    ['a ServerHello', record(Buffer.from([2, 0, 0, 1, 0])), 'not a ClientHello'],
    [
      'an alert in between',
      Buffer.concat([record(message.subarray(0, 9)), record(Buffer.from([1, 0]), 21)]),
      'another record inside the hello',
    ],
    [
      'another version in between',
      Buffer.concat([record(message.subarray(0, 9)), Buffer.from([22, 4, 1, 0, 1, 0])]),
      'record version',
    ],
    [
      'a second message in the record',
      record(Buffer.concat([message, Buffer.from([1])])),
      'bytes behind the hello in its record',
    ],
    ['a body that is too short', record(Buffer.from([1, 0, 0, 2, 3, 3])), 'random'],
    ['an empty body', record(Buffer.from([1, 0, 0, 0])), 'version'],
  ])('%s is malformed', (_what, bytes, why) => {
    expect(feedAll(bytes).reading).toEqual({ kind: 'malformed', why });
    expect(feedAll(bytes, 1).reading).toEqual({ kind: 'malformed', why });
  });

  it('a message above the limit is refused by its header', () => {
    const bytes = record(Buffer.from([1, 1, 0, 0, 3, 3]));
    const { reading, fed } = feedAll(bytes, 1);
    expect(reading).toEqual({ kind: 'too-large' });
    expect(fed).toBe(9);
  });

  it('records above the limit are refused, whatever the message says', () => {
    const long = Buffer.concat([Buffer.from([1, 0, 0xf0, 0]), Buffer.alloc(0xf000)]);
    const { reading, reader } = feedAll(records(long, 8), 1_000);
    expect(reading).toEqual({ kind: 'too-large' });
    expect(reader.bytes().length).toBeLessThan(HELLO_BYTES_MAX + 2_000);
  });

  it('the answer stays', () => {
    const reader = new ClientHelloReader();
    expect(reader.feed(Buffer.from('GET'))).toEqual({ kind: 'not-tls' });
    expect(reader.feed(records(message))).toEqual({ kind: 'not-tls' });
  });

  it('a prefix is never enough', () => {
    const bytes = records(message, 20);
    for (let length = 0; length < bytes.length; length++) {
      expect(feedAll(bytes.subarray(0, length)).reading).toEqual({ kind: 'need-more' });
    }
  });
});

describe('hellos', () => {
  it.each([1, 2, 5, 20, 16_384])('in records of %d bytes, in any portions', (size) => {
    const bytes = records(message, size);
    for (const portion of [1, 3, 50, bytes.length]) {
      const { reading, reader } = feedAll(bytes, portion);
      expect(reading).toMatchObject({
        kind: 'hello',
        hello: { serverName: 'pin.test', alpn: ['h2', 'http/1.1'], byteLength: bytes.length },
      });
      expect(reader.bytes()).toEqual(bytes);
    }
  });

  it('gives back early data behind it', () => {
    const early = record(Buffer.from('early data'), 23);
    const bytes = Buffer.concat([hello({ serverName: 'pin.test' }), early]);
    const { reading, reader } = feedAll(bytes);
    expect(reading).toMatchObject({ kind: 'hello', hello: { byteLength: bytes.length - early.length } });
    reader.feed(Buffer.from('more'));
    expect(reader.bytes()).toEqual(Buffer.concat([bytes, Buffer.from('more')]));
  });

  it('of tens of KiB fed byte by byte cost linear work', () => {
    // 60 KiB of padding: quadratic copying would move 1.8 GB.
    const bytes = hello({ extensions: [[21, Buffer.alloc(60_000)]] });
    expect(feedAll(bytes, 1).reading.kind).toBe('hello');
  });

  it('of the TLS client of this runtime, which needs two segments', async () => {
    const bytes = await realHello({ servername: 'PIN.test', ALPNProtocols: ['h2', 'http/1.1'] });
    const { reading } = feedAll(bytes, 1_400);
    expect(reading).toMatchObject({
      kind: 'hello',
      hello: {
        serverName: 'pin.test',
        alpn: ['h2', 'http/1.1'],
        hasEch: false,
        hasEsni: false,
        byteLength: bytes.length,
      },
    });
    if (reading.kind !== 'hello') return;
    expect(reading.hello.versions).toEqual([0x0304, 0x0303]);
    expect(reading.hello.signatureSchemes).toContain(0x0403);
  });
});
