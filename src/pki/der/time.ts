/**
 * UTCTime and GeneralizedTime in the one form that RFC 5280 §4.1.2.5 allows: `YYMMDDHHMMSSZ` and `YYYYMMDDHHMMSSZ`.
 *
 * Does: refuse offsets, fractions, missing seconds, days that do not exist and leap seconds (they have no place in
 * milliseconds since the epoch).
 * Does not: judge which of the two forms a date should have used; see parse.ts.
 */

/** Milliseconds since the epoch, or null. Years 50 to 99 are 19xx, 00 to 49 are 20xx (RFC 5280 §4.1.2.5.1). */
export function utcTimeMs(text: string): number | null {
  if (text.length !== 13) return null;
  const year = digits(text, 0, 2);
  return at(year >= 50 ? 1900 + year : 2000 + year, year, text, 2);
}

/** Milliseconds since the epoch, or null (RFC 5280 §4.1.2.5.2). */
export function generalizedTimeMs(text: string): number | null {
  if (text.length !== 15) return null;
  const year = digits(text, 0, 4);
  return at(year, year, text, 4);
}

function at(year: number, read: number, text: string, from: number): number | null {
  const month = digits(text, from, 2);
  const day = digits(text, from + 2, 2);
  const hour = digits(text, from + 4, 2);
  const minute = digits(text, from + 6, 2);
  const second = digits(text, from + 8, 2);
  if (read < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return null;
  if (text.charCodeAt(from + 10) !== 0x5a /* Z */) return null;
  // Date.UTC reads years 0 to 99 as 1900 to 1999.
  if (year > 99) return Date.UTC(year, month - 1, day, hour, minute, second);
  return new Date(Date.UTC(2000, month - 1, day, hour, minute, second)).setUTCFullYear(year, month - 1, day);
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysIn(year: number, month: number): number {
  if (month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)) return 29;
  return DAYS[month - 1] ?? 0;
}

/** The value of `count` decimal digits; negative when one of them is no digit. */
function digits(text: string, from: number, count: number): number {
  let value = 0;
  for (let i = from; i < from + count; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}
