/** Spans of time that people give to commands: `90s`, `30m`, `1h`, `7d`, or a moment. */
import { readMoment } from './moment.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds since the epoch; null: neither a span before `nowMs` nor a moment. */
export function readSince(text: string, nowMs: number): number | null {
  const span = /^(\d{1,6})([smhdw])$/.exec(text);
  if (span === null) return readMoment(text);
  return nowMs - Number(span[1]) * (UNITS_MS[span[2] ?? ''] ?? 0);
}
