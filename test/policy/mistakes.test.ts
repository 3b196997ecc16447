import { describe, expect, it } from 'vitest';
import {
  backtick,
  byPlace,
  closest,
  listWords,
  type Mistake,
  printLine,
  printMistake,
  wholeFileMistake,
  withoutEchoes,
} from '../../src/policy/mistakes.ts';

const mistake = (line: number, column: number, message = 'm', file = '/a.yaml'): Mistake => ({
  place: { file, line, column },
  message,
  hint: 'do that',
  severity: 'error',
});

describe('closest', () => {
  it.each([
    ['blok', 'block'],
    ['BLOCK', 'block'],
    ['alret', 'alert'],
    ['blcok', 'block'],
  ])('%s means %s', (word, meant) => expect(closest(word, ['block', 'alert'])).toBe(meant));

  it.each(['', 'x', 'no', 'shout', 'blockade'])('%j is another word', (word) =>
    expect(closest(word, ['block', 'alert'])).toBeNull(),
  );

  it('takes the nearest', () => expect(closest('mod', ['mold', 'mode', 'mo'])).toBe('mold'));
});

describe('printMistake', () => {
  it('shows place, line, caret and the next step', () => {
    expect(printMistake(mistake(2, 3), 'one\n  two\r\nthree')).toBe(
      '/a.yaml:2:3: error: m\n  2 |   two\n    |   ^\n  → do that',
    );
  });

  it('does without the text, the line and the hint', () => {
    const { hint: _, ...bare } = mistake(9, 1);
    expect(printMistake(bare, null)).toBe('/a.yaml:9:1: error: m');
    expect(printLine(bare.place)).toBe('/a.yaml:9');
    expect(printMistake(bare, 'one')).toBe('/a.yaml:9:1: error: m');
    expect(printMistake(mistake(1, 500), 'x'.repeat(1000)).split('\n').length).toBe(2);
  });

  it('prints nothing that moves the cursor', () => {
    const printed = printMistake(mistake(1, 1), 'a\u001b[2Jb\tc');
    expect(printed.includes('\u001b') || printed.includes('\t')).toBe(false);
    expect(backtick('a\u001b\n\u202eb')).toBe('`a???b`');
    expect(backtick('x'.repeat(500)).length).toBeLessThan(100);
  });

  it('names no line of a file that is meant as a whole', () => {
    const gone = wholeFileMistake('/a.yaml', 'no such file', 'make it');
    expect(printMistake(gone, 'one\n')).toBe('/a.yaml: error: no such file\n  → make it');
    expect(printLine(gone.place)).toBe('/a.yaml');
    expect(wholeFileMistake('/a.yaml', 'm')).not.toHaveProperty('hint');
  });
});

it('lists words as people do', () => {
  expect(listWords([])).toBe('');
  expect(listWords(['a'])).toBe('`a`');
  expect(listWords(['a', 'b', 'c'])).toBe('`a`, `b` or `c`');
});

it('sorts by file, line, column and words', () => {
  const sorted = [mistake(1, 1), mistake(1, 1, 'n'), mistake(1, 2), mistake(2, 1), mistake(1, 1, 'm', '/b.yaml')];
  expect(sorted.toReversed().toSorted(byPlace)).toEqual(sorted);
});

it('drops echoes at the place of a cause', () => {
  expect(withoutEchoes([mistake(1, 1)], [mistake(1, 1, 'echo'), mistake(2, 1), mistake(2, 1, 'n')]).length).toBe(3);
});
