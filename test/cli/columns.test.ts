import fc from 'fast-check';
import { expect, it } from 'vitest';
import { columnsOf, cutColumns, padColumns, wrapColumns } from '../../src/cli/columns.ts';

it.each([
  ['', 0],
  ['plain', 5],
  ['CN=株式会社', 11],
  ['ＡＢ', 4],
  ['한글', 4],
  ['e\u0301', 1],
  ['ÄÖ—…', 4],
  ['🔒', 2],
  ['𠀀', 2],
])('%j takes %i columns', (text, columns) => expect(columnsOf(text)).toBe(columns));

it('cuts where the columns end, not where the characters do', () => {
  expect(cutColumns('株式会社', 8)).toBe('株式会社');
  expect(cutColumns('株式会社', 7)).toBe('株式会…');
  expect(cutColumns('株式会社', 6)).toBe('株式…');
  expect(cutColumns('plain', 3)).toBe('pl…');
});

it('pads and wraps by columns', () => {
  expect(padColumns('株', 4)).toBe('株  ');
  expect(padColumns('longer', 4)).toBe('longer');
  expect(wrapColumns('aa bb cc dddddddd e', 5)).toEqual(['aa bb', 'cc', 'dddddddd', 'e']);
  expect(wrapColumns('株 株 株', 5)).toEqual(['株 株', '株']);
});

it('whatever the text, it fits and loses no word', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 60 }), (text, columns) => {
      expect(columnsOf(cutColumns(text, columns))).toBeLessThanOrEqual(columns);
      const lines = wrapColumns(text, columns);
      expect(lines.join(' ')).toBe(text);
      for (const line of lines) expect(columnsOf(line) <= columns || !line.includes(' ')).toBe(true);
    }),
  );
});
