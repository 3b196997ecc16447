import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOid, MAX_OID_BYTES, OID } from '../../../src/pki/der/oid.ts';
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
