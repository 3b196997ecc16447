import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clip, PEER_TEXT_MAX } from '../../src/model/text.ts';

describe('clip', () => {
  it.each([
    ['a\nlevel=info msg="pin ok"', 'a\\u000alevel=info msg="pin ok"'],
    ['\x1b[31m', '\\u001b[31m'],
    ['\x7f\x80\x9f', '\\u007f\\u0080\\u009f'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\u202eevil\u2066', '\\u202eevil\\u2066'],
    ['\u200b\u200f\ufeff\u00ad\u061c', '\\u200b\\u200f\\ufeff\\u00ad\\u061c'],
    ['\ud800x\udc00', '\\ud800x\\udc00'],
    ['\u{e0041}', '\\udb40\\udc41'],
    ['\0', '\\u0000'],
  ])('escapes %j', (text, escaped) => {
    expect(clip(text)).toBe(escaped);
  });

  it('leaves what people read', () => {
    for (const text of ['CN=Bücher AG, O="x"', '日本語 العربية 😀', '<script>', '']) expect(clip(text)).toBe(text);
  });

  it('cuts without leaving half a character or half an escape', () => {
    expect(clip('abcdef', 6)).toBe('abcdef');
    expect(clip('abcdefg', 6)).toBe('abcde…');
    expect(clip('abcd😀efg', 6)).toBe('abcd…');
    for (const max of [2, 3, 4, 5, 6]) expect(clip('\x1b\x1b\x1b', max)).toBe('…');
    expect(clip('\x1b\x1b\x1b', 7)).toBe('\\u001b…');
    expect(clip('abc', 0)).toBe('…');
  });

  it('is one bounded, printable line that does not change again', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 600 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 300 }), (text, max) => {
        const clipped = clip(text, max);
        expect(clipped.length).toBeLessThanOrEqual(max);
        expect(clipped).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(clip(clipped, max)).toBe(clipped);
      }),
    );
    expect(clip('x'.repeat(10_000))).toHaveLength(PEER_TEXT_MAX);
  });
});
