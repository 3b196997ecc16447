import { describe, expect, it } from 'vitest';
import { exhibitIdOf } from '../../src/observe/exhibit.ts';
import { type Batch, createOutbox } from '../../src/observe/outbox.ts';
import type { VerdictEntry } from '../../src/observe/recorder.ts';
import { evidenceOf } from '../support/entries.ts';
import { mismatchEntry, rogueLeaf } from '../support/unexpected.ts';

function boxed() {
  const batches: Batch[] = [];
  const sent: (() => void)[] = [];
  const outbox = createOutbox((batch, done) => {
    batches.push(batch);
    sent.push(done);
  });
  const put = (entry: VerdictEntry) => outbox.exhibit(exhibitIdOf(entry)!, entry);
  return { outbox, batches, sent, put };
}

describe('a supervisor that does not read', () => {
  it('gets one batch, and what does not fit meanwhile is counted', () => {
    const { outbox, batches, sent, put } = boxed();
    outbox.watch(true);
    outbox.line({ n: 0 });
    outbox.flush();
    for (let n = 1; n <= 1500; n += 1) outbox.line({ n });
    for (let n = 0; n < 40; n += 1) put(mismatchEntry({}, rogueLeaf(`${n}.example`)));
    for (let n = 0; n < 99; n += 1) put(mismatchEntry({}, rogueLeaf('0.example')));
    outbox.flush();
    expect(batches).toHaveLength(1);
    sent[0]?.();
    outbox.flush();
    expect(batches).toHaveLength(2);
    expect(batches[1]).toMatchObject({ linesDropped: 500, exhibitsLost: 8 });
    expect(batches[1]?.lines).toHaveLength(1000);
    expect(batches[1]?.exhibits).toHaveLength(32);
    sent[1]?.();
    outbox.flush();
    expect(batches, 'nothing to say').toHaveLength(2);
  });
});

it('an entry that makes no exhibit is lost, and nothing else is', () => {
  const { outbox, batches, put } = boxed();
  put(mismatchEntry());
  outbox.exhibit('none', mismatchEntry({ evidence: null }));
  const broken = { ...mismatchEntry(), evidence: { ...evidenceOf(), alpnOffered: null } } as unknown as VerdictEntry;
  outbox.exhibit('broken', broken);
  outbox.flush();
  expect(batches[0]?.exhibits).toHaveLength(1);
  expect(batches[0]?.exhibitsLost).toBe(2);
});

it('sends lines only while somebody watches, and exhibits always', () => {
  const { outbox, batches, put } = boxed();
  outbox.line({ n: 1 });
  outbox.flush();
  expect(batches).toEqual([]);
  outbox.watch(true);
  outbox.line({ n: 2 });
  outbox.watch(false);
  outbox.watch(true);
  outbox.line({ n: 3 });
  put(mismatchEntry({ eventId: 'e-1' }));
  put(mismatchEntry({ eventId: 'e-2' }));
  outbox.flush();
  expect(batches[0]?.lines).toEqual([{ n: 3 }]);
  expect(batches[0]?.exhibits.map(({ count }) => count)).toEqual([2]);
});
