/** Dates of policies: strict, UTC, without a clock. */
import { backtick } from './mistakes.ts';
import type { Notes } from './notes.ts';
import type { YamlPath } from './yaml.ts';

const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})Z)?$/;

/**
 * `2027-06-01` (00:00 UTC) or `2027-06-01T12:00:00Z` as milliseconds since the epoch; null: neither, or no such day.
 * Local times and offsets are refused: whoever reads the file must not need to know where the proxy runs.
 */
export function parseDate(text: string): number | null {
  const match = DATE.exec(text);
  if (match === null) {
    return null;
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  const atMs = Date.UTC(year, month - 1, day, hour, minute, second);
  return printDate(atMs) === (match[4] === undefined ? `${text}T00:00:00Z` : text) ? atMs : null;
}

/** Milliseconds since the epoch, or 0 with a note. */
export function readUntil(text: string, path: YamlPath, notes: Notes): number {
  const atMs = parseDate(text);
  if (atMs === null) {
    notes.error(path, `${backtick(text)} is not a date`, 'write a day in UTC such as `2027-06-01`');
  }
  return atMs ?? 0;
}

/** `2027-06-01T12:00:00Z`. */
export function printDate(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** `2027-06-01`. */
export function printDay(atMs: number): string {
  return printDate(atMs).slice(0, 10);
}
