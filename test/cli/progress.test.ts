import { describe, expect, it } from 'vitest';
import { createProgress, progressLine } from '../../src/cli/progress.ts';

const clock = (times: number[]) => ({ nowMs: () => 0, monotonicMs: () => times.shift() ?? 0 });

function drawn(total: number, isErrTty: boolean): string {
  let text = '';
  const err = (more: string) => {
    text += more;
  };
  const progress = createProgress(total, { err, isErrTty }, clock([0, 500, 1000]));
  progress.step();
  progress.step();
  progress.clear();
  return text;
}

describe('progress', () => {
  it('draws nothing where there is no terminal, or nothing to wait for', () => {
    expect(drawn(2, false)).toBe('');
    expect(drawn(1, true)).toBe('');
  });

  it('redraws one line, and leaves it empty', () => {
    const lines = drawn(4, true).split('\r\u001b[K');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toContain('1/4  2.0/s  ETA 2 s');
    expect(lines[3]).toBe('');
  });

  it('shows how much, how fast and how long', () => {
    expect(progressLine(0, 10, 0)).toBe(`[${' '.repeat(24)}] 0/10`);
    expect(progressLine(5, 10, 1000)).toBe(`[${'#'.repeat(12)}${' '.repeat(12)}] 5/10  5.0/s  ETA 1 s`);
    expect(progressLine(10, 10, 1000)).toBe(`[${'#'.repeat(24)}] 10/10  10.0/s`);
  });
});
