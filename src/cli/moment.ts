/** Times that people and scripts give to commands. */

/** A date alone is 00:00 UTC; a time carries its zone, so that an answer never depends on where it is asked. */
const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** Milliseconds since the epoch; null: not an ISO 8601 date that exists, or a time without a zone. */
export function readMoment(text: string): number | null {
  const ms = MOMENT.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) || !isInCalendar(text) ? null : ms;
}

/** Date.parse takes 30 February for 1 March, and 24:00 for the next day. */
function isInCalendar(text: string): boolean {
  const day = text.slice(0, 10);
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day) && text.slice(10, 13) !== 'T24';
}
