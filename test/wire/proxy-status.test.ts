import { describe, expect, it } from 'vitest';
import { alertStatus, noteText, quoted, refusalStatus } from '../../src/wire/proxy-status.ts';

describe('quoted', () => {
  it.each([
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['a\r\nX: y', '"a\\\\u000d\\\\u000aX: y"'],
    ['bücher 😀', '"b?cher ?"'],
    ['\x1b[31m', '"\\\\u001b[31m"'],
    ['\u202e', '"\\\\u202e"'],
    ['', '""'],
  ])('%j', (text, printed) => {
    expect(quoted(text)).toBe(printed);
    expect(quoted(text)).toMatch(/^"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"$/);
  });

  it('is bounded', () => {
    expect(quoted('x'.repeat(10_000)).length).toBeLessThan(300);
  });
});

describe('field values', () => {
  const note = { code: 'pin.mismatch', rule: 'bank', eventId: 'e-1' } as const;

  it('a refusal names the error type of its code', () => {
    expect(refusalStatus(note)).toBe(
      'pinwarden; error=tls_certificate_error; details="pin.mismatch policy=bank event=e-1"',
    );
  });

  it('an open tunnel has details only', () => {
    expect(alertStatus(note)).toBe('pinwarden; details="pin.mismatch policy=bank event=e-1"');
  });

  it('has the same words when no rule was found', () => {
    expect(noteText({ ...note, rule: null })).toBe('pin.mismatch policy=_none event=e-1');
  });
});
