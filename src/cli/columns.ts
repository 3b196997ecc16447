/**
 * How many columns of a terminal text takes. A name in Chinese takes two for each character and a combining mark none;
 * whoever counts UTF-16 units cuts too late and pads too little. Pure.
 *
 * Does not: escape; the text is already printable (clip of model/text.ts).
 */

/** East Asian Wide and Fullwidth (Unicode TR 11) and pictures; the rest takes one column. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const NONE = /[\p{Mn}\p{Me}]/u;

export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += widthOf(character);
  return columns;
}

/** Most characters are ASCII and need no table. */
function widthOf(character: string): number {
  if (character <= '~') return 1;
  if (NONE.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** `text` in at most `columns`, cut with `…`. */
export function cutColumns(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let cut = '';
  let used = 1;
  for (const character of text) {
    used += widthOf(character);
    if (used > columns) break;
    cut += character;
  }
  return `${cut}…`;
}

/** Blanks up to `columns`. */
export function padColumns(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

/** Words on lines of at most `columns`; a longer word stands alone. */
export function wrapColumns(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let used = 0;
  for (const word of text.split(' ')) {
    const width = columnsOf(word);
    if (lines.length > 0 && used + 1 + width <= columns) {
      lines[lines.length - 1] += ` ${word}`;
      used += 1 + width;
    } else {
      lines.push(word);
      used = width;
    }
  }
  return lines;
}
