/**
 * The one escaper for strings that a peer chose: certificate names, server names, header values, error texts.
 *
 * Does: makes every such string printable on one line and bounded, so that it can neither forge a log line, colour a
 * terminal, reorder text on a page nor fill a disk.
 * Does not: escape for HTML, JSON or HTTP: whoever prints does that on top.
 */

/** Longest peer string in a record, page or answer, in UTF-16 units. 256 holds every real name and a useful part of any other. */
export const PEER_TEXT_MAX = 256;

/**
 * Control characters (C0, DEL, C1), format characters (bidi marks, overrides and isolates, zero-width characters, tags,
 * soft hyphen, byte order mark), line and paragraph separators, and surrogates without a partner.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

function escapeUnits(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index++) {
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}

/**
 * `text` on one line and at most `maxLength` UTF-16 units long: unprintable characters become `\u` with four hex digits,
 * the rest is cut with `…`. Applying it twice changes nothing.
 */
export function clip(text: string, maxLength: number = PEER_TEXT_MAX): string {
  // What lies beyond the limit can only be cut, so a huge string costs no more than a long one.
  const head = text.length > maxLength ? text.slice(0, maxLength + 1) : text;
  const escaped = head.replace(UNPRINTABLE, escapeUnits);
  if (escaped.length <= maxLength) return escaped;
  const cut = escaped.slice(0, Math.max(0, maxLength - 1));
  // Neither half a surrogate pair nor half an escape may remain at the end.
  return `${cut.replace(/(?:[\ud800-\udbff]|\\(?:u[0-9a-f]{0,3})?)$/, '')}…`;
}
