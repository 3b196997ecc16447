/**
 * How text looks on a terminal: width, colours, lines that fit.
 *
 * Does: colour only a terminal, never with NO_COLOR (no-color.org), and only in colours that read on light and dark
 * grounds. Every colour stands beside a word that says the same.
 * Does not: escape peer strings; `fit` only cuts what `clip` of model/text.ts has escaped.
 */
import { styleText } from 'node:util';
import { clip } from '../model/text.ts';
import { columnsOf, cutColumns, padColumns, wrapColumns } from './columns.ts';
import type { Io } from './io.ts';

export type Tone = 'good' | 'bad' | 'warn' | 'quiet' | 'strong';

export interface Screen {
  /** Columns in a line. */
  readonly width: number;
  /** The same for sentences: no end on a pipe, where programs look for them. */
  readonly textWidth: number;
  /** `text` in the colour of a tone, or as it is. */
  paint(tone: Tone, text: string): string;
  /** `text` escaped and cut to `width` columns (default: the line). */
  fit(text: string, width?: number): string;
  /** The same, filled with blanks: for a column of a table. */
  cell(text: string, width: number): string;
  /** `text` behind `head` on as many lines as it needs, wrapped under itself. Not escaped: for words of our own. */
  wrap(head: string, text: string): readonly string[];
}

/** Yellow disappears on light grounds and blue on dark ones. */
const STYLES: Readonly<Record<Tone, Parameters<typeof styleText>[0]>> = {
  good: 'green',
  bad: ['bold', 'red'],
  warn: 'magenta',
  quiet: 'dim',
  strong: 'bold',
};

/** For pipes and files: what fits everywhere. */
const PLAIN_WIDTH = 80;
const WIDTH_MIN = 40;
const WIDTH_MAX = 200;

export function createScreen(io: Pick<Io, 'isTty' | 'columns' | 'env'>): Screen {
  const useColour = io.isTty && (io.env['NO_COLOR'] ?? '') === '' && io.env['TERM'] !== 'dumb';
  const asked = Number(io.env['COLUMNS']);
  const given = io.columns ?? (Number.isInteger(asked) && asked > 0 ? asked : PLAIN_WIDTH);
  const width = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, given));
  const isAsked = io.columns !== undefined || (Number.isInteger(asked) && asked > 0);
  const textWidth = io.isTty || isAsked ? width : Number.POSITIVE_INFINITY;
  const cut = (text: string, most = width): string => cutColumns(clip(text), Math.max(1, most));
  return {
    width,
    textWidth,
    paint: (tone, text) => (useColour ? styleText(STYLES[tone], text, { validateStream: false }) : text),
    fit: cut,
    cell: (text, most) => padColumns(cut(text, most), most),
    wrap(head, text) {
      const indent = columnsOf(head);
      const lines = textWidth === Number.POSITIVE_INFINITY ? [text] : wrapColumns(text, Math.max(1, width - indent));
      return lines.map((line, at) => `${at === 0 ? head : ' '.repeat(indent)}${line}`);
    },
  };
}

/** `1 host`, `2 hosts`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
