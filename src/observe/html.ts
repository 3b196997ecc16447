/**
 * HTML as values: a template whose holes are escaped unless they are HTML already. Pure.
 *
 * Does: make it impossible to put a string into a page unescaped.
 * Does not: know elements. Holes stand in text or in double-quoted attribute values, nowhere else.
 */

/** Text that is HTML. Only this file makes it. */
export class Html {
  readonly #text: string;

  constructor(text: string, key: typeof OWN) {
    if (key !== OWN) throw new TypeError('only html makes Html');
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

const OWN = Symbol('html');

type Hole = string | number | Html | readonly Html[];

/** Escapes every hole that is a string; a list is put together without anything in between. */
export function html(parts: TemplateStringsArray, ...holes: readonly Hole[]): Html {
  const text = parts.map((part, index) => part + (index < holes.length ? textOf(holes[index] ?? '') : '')).join('');
  return new Html(text, OWN);
}

function textOf(hole: Hole): string {
  if (hole instanceof Html) return hole.toString();
  if (typeof hole === 'string' || typeof hole === 'number') return escapeHtml(String(hole));
  return hole.map(String).join('');
}

/** A style of the program's own, as it stands: what a browser hashes is exactly `css`. */
export function styleSheet(css: string): Html {
  if (css.includes('<')) throw new TypeError('a style that ends its element');
  return new Html(`<style>${css}</style>`, OWN);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For text and for quoted attribute values. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
