/** Numbers, times and spans of the status page as words. Pure, and the same in every locale. */

const STEPS: readonly (readonly [number, string])[] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** 12,345. A value that is no finite number is shown as it is. */
export function printCount(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The largest unit that fits, rounded down: "2 days". */
export function printSpan(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [size, noun] = STEPS.find(([step]) => whole >= step) ?? [1, 'second'];
  const count = Math.floor(whole / size);
  return `${printCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** How long ago; a clock that was set back makes it "just now". */
export function printWhen(atSeconds: number, nowMs: number): string {
  const passed = nowMs / 1000 - atSeconds;
  return passed < 5 ? 'just now' : `${printSpan(passed)} ago`;
}

/** The day in UTC. */
export function printDay(atSeconds: number): string {
  const date = new Date(atSeconds * 1000);
  return Number.isNaN(date.getTime()) ? 'never' : date.toISOString().slice(0, 10);
}

/** Decimal units, as network people count. */
export function printBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? 'B'}`;
}
