/**
 * Prints the Proxy-Status field (RFC 9209) as a structured field (RFC 9651 §4.1).
 *
 * Does: say in one header line which code, rule and event an answer belongs to.
 * Does not: read the field from others.
 */
import { CODES, type Code } from '../model/codes.ts';
import { clip } from '../model/text.ts';

/** What an answer is about. */
export interface Note {
  readonly code: Code;
  /** Name of the rule that was found; null: none was. */
  readonly rule: string | null;
  readonly eventId: string;
}

/** An sf-string: printable ASCII in quotes, `"` and `\` escaped; everything else becomes `?`. */
export function quoted(text: string): string {
  const ascii = clip(text).replace(/[^\x20-\x7e]/gu, '?');
  return `"${ascii.replace(/["\\]/g, '\\$&')}"`;
}

/** Where no rule was found yet, as the label of the metrics has it. No rule can be called so. */
const NO_RULE = '_none';

/** `<code> policy=<rule> event=<id>`: the line that people search for, the same three words in every answer. */
export function noteText(note: Note): string {
  return `${note.code} policy=${note.rule ?? NO_RULE} event=${note.eventId}`;
}

/** Field value of a refusal: `pinwarden; error=tls_certificate_error; details="…"`. */
export function refusalStatus(note: Note): string {
  return `pinwarden; error=${CODES[note.code].proxyStatus}; details=${quoted(noteText(note))}`;
}

/** Field value of a tunnel that is open although something is wrong: no `error`, since nothing was refused. */
export function alertStatus(note: Note): string {
  return `pinwarden; details=${quoted(noteText(note))}`;
}
