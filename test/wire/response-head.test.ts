import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../src/wire/response-head.ts';

const read = (statusCode: number, rawHeaders: readonly string[] = [], httpVersion = '1.1', statusMessage = 'OK') =>
  readAnswer({ statusCode, statusMessage, httpVersion, rawHeaders });

describe('refused', () => {
  it.each([0, 99, 100, 101, 199, 407, 600, 999])('the status %i', (status) => {
    expect(read(status)).toEqual({ ok: false, why: 'status' });
  });

  it('no status', () => {
    const head = { statusCode: undefined, statusMessage: undefined, httpVersion: '1.1', rawHeaders: [] };
    expect(readAnswer(head)).toEqual({ ok: false, why: 'status' });
  });

  it('another version', () => {
    expect(read(200, [], '2.0')).toEqual({ ok: false, why: 'http-version' });
  });

  it.each([
    [['Transfer-Encoding', 'chunked', 'Content-Length', '5']],
    [['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
    [['Transfer-Encoding', 'gzip, chunked']],
    [['Transfer-Encoding', 'identity']],
  ])('%j', (rawHeaders) => {
    expect(read(200, rawHeaders)).toEqual({ ok: false, why: 'transfer-encoding' });
  });

  it('chunked in HTTP/1.0', () => {
    expect(read(200, ['Transfer-Encoding', 'chunked'], '1.0')).toEqual({ ok: false, why: 'transfer-encoding' });
  });

  it.each([
    [['Content-Length', '5', 'Content-Length', '5']],
    [['Content-Length', '5,5']],
    [['Content-Length', '-1']],
    [['Content-Length', '']],
  ])('%j', (rawHeaders) => {
    expect(read(200, rawHeaders)).toEqual({ ok: false, why: 'content-length' });
  });
});

describe('taken', () => {
  it('keeps order, case and repetition, and adds Via', () => {
    const rawHeaders = ['Set-Cookie', 'a', 'X-A', '1', 'set-cookie', 'b', 'Connection', 'X-Gone', 'X-Gone', '1'];
    expect(read(200, rawHeaders, '1.0')).toEqual({
      ok: true,
      value: {
        status: 200,
        reason: 'OK',
        fields: [
          ['Set-Cookie', 'a'],
          ['X-A', '1'],
          ['set-cookie', 'b'],
          ['Via', '1.0 pinwarden'],
        ],
      },
    });
  });

  it.each([200, 204, 304, 404, 421, 599])('the status %i', (status) => {
    expect(read(status)).toMatchObject({ ok: true, value: { status } });
  });

  it('a length, but not with 204', () => {
    expect(read(200, ['Content-Length', '5'])).toMatchObject({ value: { fields: [['Content-Length', '5'], {}] } });
    expect(read(204, ['Content-Length', '5'])).toMatchObject({ value: { fields: [['Via', '1.1 pinwarden']] } });
  });

  it('a reason phrase that is plain text, and no other', () => {
    expect(read(200, [], '1.1', 'Quite all right')).toMatchObject({ value: { reason: 'Quite all right' } });
    expect(read(200, [], '1.1', 'caf\xe9')).toMatchObject({ value: { reason: '' } });
  });

  it('a chunked response leaves the framing to us', () => {
    expect(read(200, ['Transfer-Encoding', 'chunked'])).toMatchObject({
      value: { fields: [['Via', '1.1 pinwarden']] },
    });
  });
});

it('never throws', () => {
  const any = fc.record({
    statusCode: fc.option(fc.integer(), { nil: undefined }),
    statusMessage: fc.option(fc.string(), { nil: undefined }),
    httpVersion: fc.constantFrom('1.0', '1.1', '0.9'),
    rawHeaders: fc.array(fc.string(), { maxLength: 12 }),
  });
  fc.assert(fc.property(any, (head) => typeof readAnswer(head).ok === 'boolean'));
});
