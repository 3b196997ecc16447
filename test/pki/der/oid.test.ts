import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOid, isOid, MAX_OID_BYTES, OID } from '../../../src/pki/der/oid.ts';
import { oid } from '../../../src/pki/der/writer.ts';

const decode = (text: string): string | null => {
  const bytes = Buffer.from(text.replaceAll(' ', ''), 'hex');
  return decodeOid(bytes, 0, bytes.length);
};

describe('decodeOid', () => {
  it.each([
    ['nothing', ''],
    ['an arc that does not end', '55 84'],
    ['a padded arc', '55 80 01'],
    ['a padded first arc', '80 55'],
    ['more bytes than any real one', '01'.repeat(MAX_OID_BYTES + 1)],
  ])('refuses %s', (_name, text) => {
    expect(decode(text)).toBeNull();
  });

  it('refuses a range outside of the bytes', () => {
    expect(decodeOid(Buffer.from([1]), 0, 2)).toBeNull();
  });

  it.each([
    ['00', '0.0'],
    ['27', '0.39'],
    ['28', '1.0'],
    ['4f', '1.39'],
    ['50', '2.0'],
    ['88 37', '2.999'],
    ['2a 86 48 86 f7 0d 01 01 0b', OID.sha256WithRsa],
    ['2a 90 80 80 80 00', '1.2.4294967296'],
    ['2a 83 ff ff ff ff ff ff ff 7f', `1.2.${2n ** 58n - 1n}`],
    ['83 ff ff ff ff ff ff ff 7f', `2.${2n ** 58n - 1n - 80n}`],
  ])('%s is %s', (text, dotted) => {
    expect(decode(text)).toBe(dotted);
  });

  it('reads what the writer writes', () => {
    const arcs = fc.tuple(
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 39 }),
      fc.array(fc.nat(), { maxLength: 8 }),
    );
    fc.assert(
      fc.property(arcs, ([first, second, rest]) => {
        const dotted = [first, second, ...rest].join('.');
        const bytes = oid(dotted);
        expect(decodeOid(bytes, 2, bytes.length)).toBe(dotted);
      }),
    );
  });
});

describe('isOid', () => {
  it.each([
    '',
    '1',
    '1.',
    '.1',
    '1..2',
    '3.1',
    '1.40',
    '0.40.1',
    '1.02',
    ' 1.2',
    '1.2\n',
    '1.-2',
    '1.2.x',
    'sha256/AAAA',
    '２.5',
    `1.2.${'1'.repeat(250)}`,
    `2.${'127.'.repeat(64)}1`,
    '1.2'.repeat(100_000),
  ])('refuses %j', (text) => expect(isOid(text)).toBe(false));

  it.each([
    '2.23.140.1.2.2',
    '2.5.29.32.0',
    '0.0',
    '1.39',
    '2.999',
    `2.25.${2n ** 128n - 1n}`,
    `2.${'127.'.repeat(61)}1`,
  ])('knows %s', (text) => expect(isOid(text)).toBe(true));

  it('is what the decoder answers, no more and no less', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: MAX_OID_BYTES }), (bytes) => {
        const text = decodeOid(bytes, 0, bytes.length);
        if (text !== null && text.length <= 4 * MAX_OID_BYTES) expect(isOid(text)).toBe(true);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => typeof isOid(text) === 'boolean'));
  });
});
