import { describe, expect, it } from 'vitest';
import { createScreen, plural } from '../../src/cli/screen.ts';

const on = (change: object) => createScreen({ isTty: true, env: {}, ...change });

describe('createScreen', () => {
  it('colours nothing but a terminal that wants it', () => {
    for (const change of [{ isTty: false }, { env: { NO_COLOR: '1' } }, { env: { TERM: 'dumb' } }]) {
      expect(on(change).paint('bad', 'word')).toBe('word');
    }
    expect(on({ env: { NO_COLOR: '' } }).paint('good', 'word')).toBe('\u001b[32mword\u001b[39m');
  });

  it('uses no colour that disappears on light or dark grounds', () => {
    for (const tone of ['good', 'bad', 'warn', 'quiet', 'strong'] as const) {
      // Yellow, blue, white and black.
      for (const colour of [30, 33, 34, 37]) expect(on({}).paint(tone, 'word')).not.toContain(`\u001b[${colour}m`);
    }
  });

  it('takes the width of the terminal, then COLUMNS, then 80, within bounds', () => {
    expect(on({}).width).toBe(80);
    expect(on({ env: { COLUMNS: '140' } }).width).toBe(140);
    expect(on({ env: { COLUMNS: '140' }, columns: 100 }).width).toBe(100);
    expect(on({ env: { COLUMNS: '-1' } }).width).toBe(80);
    expect(on({ columns: 5 }).width).toBe(40);
    expect(on({ columns: 5000 }).width).toBe(200);
  });

  it('wraps sentences on a terminal, and on a pipe only when COLUMNS says so', () => {
    const sentence = 'word '.repeat(30).trim();
    expect(on({}).wrap('', sentence).length).toBeGreaterThan(1);
    expect(on({ isTty: false }).wrap('head  ', sentence)).toEqual([`head  ${sentence}`]);
    expect(on({ isTty: false, env: { COLUMNS: '80' } }).wrap('', sentence).length).toBeGreaterThan(1);
  });

  it('cuts and escapes what does not fit', () => {
    const screen = on({ columns: 40 });
    expect(screen.fit('a'.repeat(50))).toHaveLength(40);
    expect(screen.fit('\u001b[31m')).toBe('\\u001b[31m');
    expect(screen.fit('abcdef', 3)).toBe('ab…');
    expect(screen.fit('abc', -5)).toBe('…');
    expect(screen.fit('株式会社', 5)).toBe('株式…');
  });

  it('fills cells by columns, so that what stands behind them is aligned', () => {
    expect(on({}).cell('ab', 4)).toBe('ab  ');
    expect(on({}).cell('株式会社', 6)).toBe('株式… ');
  });

  it('wraps under the head, and cuts no word', () => {
    expect(on({ columns: 40 }).wrap('next  ', 'make the upstream send its intermediates; else beware')).toEqual([
      'next  make the upstream send its',
      '      intermediates; else beware',
    ]);
  });
});

it('counts in words', () => {
  expect([plural(0, 'host'), plural(1, 'host'), plural(2, 'host')]).toEqual(['0 hosts', '1 host', '2 hosts']);
});
