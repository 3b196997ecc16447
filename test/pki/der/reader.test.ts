import { describe, expect, it } from 'vitest';
import {
  contextConstructed,
  contextPrimitive,
  type DerReader,
  MAX_DEPTH,
  Malformed,
  readDer,
  TAG,
} from '../../../src/pki/der/reader.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const read = <T>(text: string, body: (reader: DerReader) => T, max = 1000) => readDer(hex(text), max, body);

describe('what the reader refuses', () => {
  it.each([
    ['nothing', '', 'an element is missing', 0],
    ['a tag without length', '30', 'length is missing', 1],
    ['another tag', '31 00', 'tag 0x31 where 0x30 was expected', 0],
    ['an indefinite length', '30 80 00 00', 'indefinite length', 1],
    ['a length that would fit the short form', '30 81 00', 'length is not minimal', 2],
    ['a length with a leading zero', '30 82 00 80', 'length is not minimal', 2],
    ['a length of five bytes', '30 85 01 00 00 00 00', 'length is too long', 1],
    ['a length whose bytes are missing', '30 82 01', 'length is too long', 1],
    ['a length beyond the input', '30 02 05', 'element is longer than what holds it', 2],
    ['a huge length', '30 84 ff ff ff ff', 'element is longer than what holds it', 6],
    ['trailing bytes', '30 00 00', 'trailing bytes', 2],
  ])('%s', (_name, text, why, offset) => {
    expect(read(text, (reader) => reader.sequence().end())).toEqual({ ok: false, why, offset });
  });

  it('input above its limit, unread', () => {
    expect(read('30 00', (reader) => reader.fail('read'), 1)).toMatchObject({ ok: false, why: 'longer than 1 bytes' });
  });

  it('tag numbers above 30', () => {
    expect(read('1f 81 00 00', (reader) => reader.element())).toMatchObject({ ok: false, why: 'tag number above 30' });
  });

  it('an element that ends outside of its parent', () => {
    const answer = read('30 02 04 01 00', (reader) => reader.sequence().octetString());
    expect(answer).toMatchObject({ ok: false, why: 'element is longer than what holds it', offset: 4 });
  });

  it('nesting beyond its limit, at every depth the same', () => {
    let bytes = Buffer.alloc(0);
    for (let i = 0; i <= MAX_DEPTH; i++) bytes = Buffer.concat([Buffer.from([0x30, bytes.length]), bytes]);
    const dive = (reader: DerReader): void => {
      if (!reader.atEnd) dive(reader.sequence());
    };
    expect(readDer(bytes, 1000, dive)).toMatchObject({ ok: false, why: 'nested too deeply' });
    expect(readDer(bytes.subarray(2), 1000, dive).ok).toBe(true);
  });

  it('never hides a bug of ours as a malformed input', () => {
    expect(() =>
      read('30 00', () => {
        throw new TypeError('bug');
      }),
    ).toThrow('bug');
  });

  it('names offsets of nested elements in the whole input', () => {
    const answer = read('30 05 30 03 01 01 01', (reader) => reader.sequence().sequence().boolean());
    expect(answer).toMatchObject({ ok: false, offset: 6 });
  });
});

describe('primitive types', () => {
  it.each(['01 00', '01 01 01', '01 02 ff ff'])('refuses the BOOLEAN %s', (text) => {
    expect(read(text, (reader) => reader.boolean()).ok).toBe(false);
  });

  it('reads booleans and refuses an encoded default', () => {
    expect(read('01 01 00', (reader) => reader.boolean())).toEqual({ ok: true, value: false });
    expect(read('01 01 ff', (reader) => reader.booleanDefaultFalse())).toEqual({ ok: true, value: true });
    expect(read('', (reader) => reader.booleanDefaultFalse())).toEqual({ ok: true, value: false });
    expect(read('01 01 00', (reader) => reader.booleanDefaultFalse()).ok).toBe(false);
  });

  it.each(['02 00', '02 02 00 7f', '02 02 ff 80'])('refuses the INTEGER %s', (text) => {
    expect(read(text, (reader) => reader.integer()).ok).toBe(false);
  });

  it.each(['02 01 00', '02 01 80', '02 02 00 80', '02 02 ff 7f'])('reads the INTEGER %s', (text) => {
    expect(read(text, (reader) => reader.integer())).toEqual({ ok: true, value: hex(text).subarray(2) });
  });

  it.each([
    ['02 01 ff', false],
    ['02 02 01 00', false],
    ['02 05 01 00 00 00 00', false],
    ['02 01 ff', false],
    ['02 02 00 ff', true],
    ['02 01 00', true],
  ])('small INTEGER %s up to 255: %s', (text, fits) => {
    expect(read(text, (reader) => reader.smallInteger(255)).ok).toBe(fits);
  });

  it.each(['03 00', '03 01 01', '03 02 08 00', '03 02 01 01'])('refuses the BIT STRING %s', (text) => {
    expect(read(text, (reader) => reader.bitString()).ok).toBe(false);
  });

  it('reads bit strings, and whole bytes only where bytes are asked', () => {
    expect(read('03 01 00', (reader) => reader.bitString().bytes.length)).toEqual({ ok: true, value: 0 });
    expect(read('03 02 01 02', (reader) => reader.bitString().unusedBits)).toEqual({ ok: true, value: 1 });
    expect(read('03 02 00 02', (reader) => reader.bitStringBytes())).toEqual({ ok: true, value: hex('02') });
    expect(read('03 02 01 02', (reader) => reader.bitStringBytes()).ok).toBe(false);
  });

  it('reads NULL and OBJECT IDENTIFIER', () => {
    expect(read('05 00', (reader) => reader.null()).ok).toBe(true);
    expect(read('05 01 00', (reader) => reader.null()).ok).toBe(false);
    expect(read('06 03 55 04 03', (reader) => reader.oid())).toEqual({ ok: true, value: '2.5.4.3' });
    expect(read('06 00', (reader) => reader.oid()).ok).toBe(false);
  });

  it('reads the two times by their tags', () => {
    const utc = `17 0d ${Buffer.from('260101000000Z').toString('hex')}`;
    const generalized = `18 0f ${Buffer.from('20260101000000Z').toString('hex')}`;
    const value = Date.UTC(2026, 0, 1);
    expect(read(utc, (reader) => reader.time())).toEqual({ ok: true, value });
    expect(read(generalized, (reader) => reader.time())).toEqual({ ok: true, value });
    expect(read('17 01 5a', (reader) => reader.time()).ok).toBe(false);
    expect(read('18 01 5a', (reader) => reader.time()).ok).toBe(false);
  });
});

describe('moving about', () => {
  it('gives raw forms, views and the rest', () => {
    const answer = read('30 07 05 00 02 01 05 a0 00', (reader) => {
      const body = reader.sequence();
      const from = body.offset;
      body.null();
      expect(body.since(from)).toEqual(hex('05 00'));
      expect(body.remaining).toBe(5);
      expect(body.view()).toEqual(hex('02 01 05 a0 00'));
      expect(body.element()).toEqual(hex('02 01 05'));
      expect(body.is(contextConstructed(0))).toBe(true);
      expect(body.rest()).toEqual(hex('a0 00'));
      expect(body.peek()).toBe(-1);
      expect(body.is(TAG.null)).toBe(false);
      return body.atEnd;
    });
    expect(answer).toEqual({ ok: true, value: true });
  });

  it('enters what is optional only when it is there', () => {
    const answer = read('a1 03 81 01 07', (reader) => {
      expect(reader.optional(contextConstructed(0))).toBeNull();
      return reader.context(1).octetString(contextPrimitive(1));
    });
    expect(answer).toEqual({ ok: true, value: hex('07') });
  });

  it('reads sets, octet strings that hold DER, and any Uint8Array', () => {
    const bytes = new Uint8Array(hex('31 04 04 02 05 00'));
    const answer = readDer(bytes, 10, (reader) => reader.set().enter(TAG.octetString).null());
    expect(answer.ok).toBe(true);
  });

  it('has an error with an offset', () => {
    expect(new Malformed('x', 3)).toMatchObject({ message: 'x', offset: 3, name: 'Malformed' });
  });
});
