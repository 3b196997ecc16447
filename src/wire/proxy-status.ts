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
  /** Name of the rule that decided; null: none did. */
  readonly rule: string | null;
  readonly eventId: string;
}

/** An sf-string: printable ASCII in quotes, `"` and `\` escaped; everything else becomes `?`. */
export function quoted(text: string): string {
  const ascii = clip(text).replace(/[^\x20-\x7e]/gu, '?');
  return `"${ascii.replace(/["\\]/g, '\\$&')}"`;
}

/** `<code> policy=<rule> event=<id>`: the line that people search for. */
export function noteText(note: Note): string {
  const policy = note.rule === null ? '' : ` policy=${note.rule}`;
  return `${note.code}${policy} event=${note.eventId}`;
}

/** Field value of a refusal: `pinwarden; error=tls_certificate_error; details="…"`. */
export function refusalStatus(note: Note): string {
  return `pinwarden; error=${CODES[note.code].proxyStatus}; details=${quoted(noteText(note))}`;
}

/** Field value of a tunnel that is open although something is wrong: no `error`, since nothing was refused. */
export function alertStatus(note: Note): string {
  return `pinwarden; details=${quoted(noteText(note))}`;
}
