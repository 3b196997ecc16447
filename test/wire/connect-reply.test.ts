import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPLY_HEAD_BYTES_MAX, readConnectReply } from '../../src/wire/connect-reply.ts';

const read = (text: string) => readConnectReply(Buffer.from(text, 'latin1'));

describe('readConnectReply', () => {
  it.each([
    ['SSH-2.0-OpenSSH', 'status-line'],
    ['\u0016\u0003\u0001', 'status-line'],
    ['HTTP/2 200\r\n\r\n', 'status-line'],
    ['HTTP/1.1 2000 OK\r\n\r\n', 'status-line'],
    ['HTTP/1.1 099 Odd\r\n\r\n', 'status-line'],
    ['HTTP/1.1  200 OK\r\n\r\n', 'status-line'],
    ['HTTP/1.1 200OK\r\n\r\n', 'status-line'],
    ['HTTP/1.1\n200 OK\r\n\r\n', 'status-line'],
    ['\r\n\r\n', 'status-line'],
    [`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(REPLY_HEAD_BYTES_MAX)}`, 'too-large'],
  ])('refuses %j', (text, why) => {
    expect(read(text)).toEqual({ is: 'malformed', why });
  });

  it.each([
    '',
    'H',
    'HTTP/1.',
    'HTTP/1.1 200',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\n',
    'HTTP/1.1 200 OK\n\n',
  ])('waits after %j', (text) => {
    expect(read(text)).toEqual({ is: 'incomplete' });
  });

  it('reads status and reason, and where the tunnel begins', () => {
    const head = 'HTTP/1.1 200 Connection established\r\nVia: proxy\r\n\r\n';
    expect(read(`${head}tunnel`)).toEqual({
      is: 'reply',
      status: 200,
      reason: 'Connection established',
      headBytes: head.length,
    });
    expect(read('HTTP/1.0 407\r\n\r\n')).toMatchObject({ status: 407, reason: '' });
    // Content-Length says nothing about a tunnel (RFC 9110 §9.3.6).
    expect(read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')).toMatchObject({ status: 200 });
  });

  it('finds a head that ends just at the limit', () => {
    const start = 'HTTP/1.1 200 OK\r\nX: ';
    const head = `${start}${'a'.repeat(REPLY_HEAD_BYTES_MAX - start.length - 4)}\r\n\r\n`;
    expect(read(`${head}more`)).toMatchObject({ is: 'reply', headBytes: REPLY_HEAD_BYTES_MAX });
  });

  it('never throws, and a longer prefix never takes an answer back', () => {
    const pieces = fc.array(fc.constantFrom('HTTP/1.1 ', '200', ' ', '\r\n', '\r', '\n', 'a: b', '\u0000', '9'));
    fc.assert(
      fc.property(pieces, (parts) => {
        const bytes = Buffer.from(parts.join(''), 'latin1');
        let settled: unknown = null;
        for (let length = 0; length <= bytes.length; length++) {
          const answer = readConnectReply(bytes.subarray(0, length));
          if (settled !== null) expect(answer).toEqual(settled);
          if (answer.is !== 'incomplete') settled = answer;
        }
      }),
    );
  });
});
