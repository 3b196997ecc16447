/**
 * An outside suite's questions with its answers beside ours. Where the two differ a reason is written, and nowhere else:
 * a row that comes to differ, or no longer does, fails.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { type BatchAnswer, type BatchCase, judgeAll, word } from './batch.ts';

/** Name in the suite, what the suite wants, what we answer (`allow` or a code), the question. */
export type Row = readonly [name: string, suite: 'accept' | 'refuse', ours: string, one: BatchCase];

/** `reasons`: name → why we differ. */
export function describeLedger(
  title: string,
  rows: readonly Row[],
  reasons: Readonly<Record<string, string>> = {},
): void {
  describe(title, () => {
    let answers: ReadonlyMap<string, BatchAnswer>;
    beforeAll(async () => {
      answers = await judgeAll(new Map(rows.map(([name, , , one]) => [name, one])));
    });

    it.each(rows.map(([name, , ours]) => ({ name, ours })))('$name: $ours', ({ name, ours }) => {
      const said = word(answers.get(name));
      if (ours === 'allow') expect(said).toBe('allow');
      else expect(said.split(' ')).toContain(ours);
    });

    it('differs from the suite where a reason is written, and nowhere else', () => {
      const differing = rows.filter(([, suite, ours]) => (suite === 'accept') !== (ours === 'allow'));
      expect(differing.map(([name]) => name).sort()).toEqual(Object.keys(reasons).sort());
      expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length);
    });
  });
}
