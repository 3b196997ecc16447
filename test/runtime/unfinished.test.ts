import { describe, expect, it } from 'vitest';
import { cutOff, finishOf, printWaiting } from '../../src/runtime/unfinished.ts';

const RUNS = 'version: 1\nrules: []\nport: 8443\n';

describe('a text', () => {
  it.each([
    ['the same', RUNS, RUNS, 'whole'],
    ['longer', `${RUNS}more: 1\n`, RUNS, 'whole'],
    ['changed', 'version: 1\nport: 84\n', RUNS, 'whole'],
    ['changed, its last line without end', 'version: 1\nport: 84', RUNS, 'maybe'],
    ['the beginning up to a line end', 'version: 1\nrules: []\n', RUNS, 'maybe'],
    ['the beginning up to a number', 'version: 1\nrules: []\nport: 84', RUNS, 'cut'],
    ['all but the last line end', RUNS.slice(0, -1), RUNS, 'whole'],
    ['nothing', '', RUNS, 'cut'],
    ['new', RUNS, null, 'whole'],
    ['new, its last line without end', 'a: 1', null, 'maybe'],
    ['without end as ever', 'a: 2', 'a: 1', 'whole'],
    ['without end as ever, a line less', 'a: 1', 'a: 1\nb: 2', 'maybe'],
    ['without end as ever, a line less of DOS', 'a: 1', 'a: 1\r\nb: 2', 'maybe'],
    ['without end as ever, cut inside a line', 'a: 1\nb', 'a: 1\nb: 2', 'cut'],
  ])('%s', (_what, text, before, finish) => expect(finishOf(text, before)).toBe(finish));
});

it('that is cut off is shown where its rest is missing, with what to do', () => {
  expect(cutOff({ file: '/p.yaml', text: 'version: 1\nru' })).toMatchObject({
    place: { file: '/p.yaml', line: 2, column: 3 },
    hint: expect.stringContaining('renamed over it'),
  });
  expect(printWaiting('/p.yaml')).toContain('/p.yaml: may be unfinished');
  expect(printWaiting('/p.yaml')).toContain('for 3 s');
});
