import { createHash, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convertPin, parsePin } from '../../../src/pki/pins/parse.ts';
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

describe('what a text would be as a pin', () => {
  const url = base64.replaceAll('+', '-').replaceAll('/', '_');
  it.each([
    ['hexadecimal', hex],
    ['hexadecimal in capitals', hex.toUpperCase()],
    ['hexadecimal with colons', hex.match(/../g)?.join(':') ?? ''],
    ['hexadecimal behind sha256/', `sha256/${hex}`],
    ['base64url', `sha256/${url}`],
    ['base64url alone, without padding', url.slice(0, 43)],
    ["curl's form", `sha256//${base64}`],
    ['a header field', `pin-sha256="${base64}"`],
    ['another separator', `SHA256:${base64}`],
    ['base64 alone', base64],
    ['without padding', `sha256/${base64.slice(0, 43)}`],
    ['white space around', ` sha256/${base64} `],
  ])('%s', (_what, text) => expect(convertPin(text)).toBe(`sha256/${base64}`));

  it('is the key of a certificate or of a public key in PEM', () => {
    const root = authority();
    const spki = createPublicKey(root.pem).export({ type: 'spki', format: 'pem' }).toString();
    const pin = convertPin(root.pem);
    expect(parsePin(pin ?? '').ok).toBe(true);
    expect(convertPin(spki)).toBe(pin);
  });

  it.each([
    ['SHA-1', `sha1/${base64.slice(0, 28)}`],
    ['a word', 'corp-cas'],
    ['hexadecimal that is too short', hex.slice(2)],
    ['42 characters', `sha256/${base64.slice(0, 42)}`],
    ['PEM that is cut', authority().pem.slice(0, 200)],
    ['another kind of PEM', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['a public key that is none', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
    ['a certificate that is none', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
    ['nothing', ''],
  ])('is nothing for %s', (_what, text) => expect(convertPin(text)).toBeNull());

  it('never throws, and is a pin if anything', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.base64String(), fc.base64String({ minLength: 44, maxLength: 44 })),
        (text) => {
          const pin = convertPin(text);
          if (pin !== null) expect(parsePin(pin).ok).toBe(true);
        },
      ),
    );
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
