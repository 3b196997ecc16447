import { describe, expect, it } from 'vitest';
import { REST_MS, Recent, Rest } from '../../src/runtime/rest.ts';

const at = (file: string, text: string) => ({ file, text });

describe('rest', () => {
  it('is counted from the first look at a text, and anew for another', () => {
    const rest = new Rest();
    expect(rest.left(at('a', 'x'), 1_000, REST_MS)).toBe(REST_MS);
    expect(rest.left(at('a', 'x'), 2_000, REST_MS)).toBe(REST_MS - 1_000);
    expect(rest.left(at('a', 'x'), 2_000, 0), 'asked for').toBe(0);
    expect(rest.left(at('a', 'y'), 12_000, REST_MS)).toBe(REST_MS);
    expect(rest.left(at('a', 'y'), 12_000 + REST_MS, REST_MS)).toBe(0);
    rest.keep(new Set(['b']));
    expect(rest.left(at('a', 'y'), 12_000 + REST_MS, REST_MS)).toBe(REST_MS);
  });
});

describe('what was in force before', () => {
  it('is remembered for a minute', () => {
    const recent = new Recent();
    expect(recent.earlier([at('a', '1')], 0)).toBeNull();
    recent.note([at('a', '1'), at('b', '1')], [at('a', '2'), at('b', '1')], 0);
    expect(recent.earlier([at('a', '2'), at('b', '1')], 59_999)).toEqual([at('a', '1'), at('b', '1')]);
    expect(recent.earlier([at('a', '2'), at('b', '1')], 60_000)).toBeNull();
  });

  it('is the text before the first of changes that follow each other', () => {
    const recent = new Recent();
    recent.note([at('a', '1')], [at('a', '2')], 0);
    recent.note([at('a', '2')], [at('a', '3')], 50_000);
    expect(recent.earlier([at('a', '3')], 100_000)).toEqual([at('a', '1')]);
    recent.note([at('a', '3')], [at('a', '4')], 110_000);
    expect(recent.earlier([at('a', '4')], 110_000), 'the third one ran for a minute').toEqual([at('a', '3')]);
    recent.note([at('a', '4')], [at('a', '3')], 120_000);
    expect(recent.earlier([at('a', '3')], 120_000), 'back').toBeNull();
  });

  it('leaves out files that are new and brings back those that went', () => {
    const recent = new Recent();
    recent.note([at('old', '1')], [at('new', '1')], 0);
    expect(recent.earlier([at('new', '1')], 1)).toEqual([at('old', '1')]);
  });
});
