import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePin } from '../../../src/pki/pins/parse.ts';
import { authority } from '../../support/test-ca.ts';

const digest = createHash('sha256').update('pin').digest();
const base64 = digest.toString('base64');
const hex = digest.toString('hex');

describe('pins that are refused, each with its reason', () => {
  it.each([
    ['nothing', '', 'a pin starts with sha256/', 0],
    ['base64 alone', base64, 'a pin starts with sha256/', 0],
    ['base64url', `sha256/${'-'.repeat(43)}=`, 'this is base64url', 7],
    ['base64url, underscore', `sha256/A_${base64.slice(2)}`, 'this is base64url', 8],
    ['hexadecimal behind sha256/', `sha256/${hex}`, 'this is hexadecimal', 7],
    ['hexadecimal alone', hex, 'this is hexadecimal', 0],
    ['a fingerprint with colons', hex.match(/../g)?.join(':') ?? '', 'this is hexadecimal', 0],
    ['SHA-1', `sha1/${base64.slice(0, 28)}`, 'SHA-1 pins are not safe', 0],
    ['43 characters', `sha256/${base64.slice(0, 43)}`, 'the padding is missing', 50],
    ['42 characters', `sha256/${base64.slice(0, 42)}`, '42 characters after sha256/', 7],
    ['45 characters', `sha256/${base64}=`, '45 characters after sha256/', 7],
    ['padding of two', `sha256/${base64.slice(0, 42)}==`, 'not the base64 of 32 bytes', 7],
    ['no padding in 44', `sha256/${'A'.repeat(44)}`, 'not the base64 of 32 bytes', 7],
    ['padding within', `sha256/=${base64.slice(1)}`, 'not the base64 of 32 bytes', 7],
    ['bits that mean nothing', `sha256/${'A'.repeat(42)}B=`, 'not canonical base64', 49],
    ['white space before', ` sha256/${base64}`, 'white space before the pin', 0],
    ['white space behind', `sha256/${base64} `, 'white space in the pin', 51],
    ['a line break', `sha256/${base64}\n`, 'white space in the pin', 51],
    ["curl's form", `sha256//${base64}`, "curl's form", 7],
    ['upper case', `SHA256/${base64}`, 'lower case', 0],
    ['a header field of RFC 7469', `pin-sha256="${base64}"`, 'write sha256/ before the base64', 0],
    ['another separator', `sha256:${base64}`, 'write sha256/ before the base64', 0],
    ['PEM', authority().pem, 'this is PEM', 0],
    ['another character', `sha256/!${base64.slice(1)}`, 'a character that is not base64', 7],
  ])('%s', (_what, text, why, offset) => {
    const parsed = parsePin(text);
    if (parsed.ok) throw new Error('accepted');
    expect(parsed.why).toContain(why);
    expect(parsed.offset).toBe(offset);
  });
});

it('accepts exactly what a digest prints', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      const value = Buffer.from(bytes).toString('base64');
      expect(parsePin(`sha256/${value}`)).toEqual({ ok: true, value });
    }),
  );
});

it('never throws, and accepts no other text', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `sha256/${text}`),
      ),
      (text) => {
        const parsed = parsePin(text);
        expect(parsed.ok && parsed.value !== text.slice(7)).toBe(false);
      },
    ),
  );
});
