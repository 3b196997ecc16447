import { describe, expect, it } from 'vitest';
import { createEventHub, MAX_SUBSCRIBERS, type Sink } from '../../src/observe/event-stream.ts';

class Reader implements Sink {
  writableLength = 0;
  destroyed = false;
  text = '';
  ended: 'end' | 'destroy' | null = null;
  /** Does not read: what is written waits. */
  slow = false;
  gone: () => void = () => undefined;
  write(text: string) {
    this.text += text;
    if (this.slow) this.writableLength += text.length;
  }
  end() {
    this.ended = 'end';
  }
  destroy() {
    this.ended = 'destroy';
  }
  once(_event: 'close', gone: () => void) {
    this.gone = gone;
  }
}

function hubbed() {
  const demands: boolean[] = [];
  let dropped = 0;
  const hub = createEventHub({
    demand: (wanted) => void demands.push(wanted),
    dropped: (count) => {
      dropped += count;
    },
  });
  const join = () => {
    const reader = new Reader();
    return { reader, taken: hub.subscribe(reader) };
  };
  return { hub, demands, dropped: () => dropped, join };
}

const record = (n: number) => ({ 'event.action': 'verdict', n });

describe('a subscriber that does not read', () => {
  it('misses lines, is told how many, and costs the others nothing', () => {
    const { hub, dropped, join } = hubbed();
    const slow = join().reader;
    const quick = join().reader;
    slow.slow = true;
    const long = { ...record(0), pad: 'x'.repeat(100_000) };
    for (let n = 0; n < 50; n += 1) hub.publish(long);
    expect(slow.writableLength).toBeLessThan(1_300_000);
    expect(dropped()).toBeGreaterThan(30);
    expect(quick.text.match(/event: verdict/g)).toHaveLength(50);
    slow.writableLength = 0;
    hub.publish(record(1));
    expect(slow.text).toContain(`event: dropped\ndata: {"count":${dropped()}}\n\nevent: verdict\n`);
    expect(quick.text).not.toContain('dropped');
  });

  it('and takes nothing between two beats is let go', () => {
    const { hub, demands, join } = hubbed();
    const stuck = join().reader;
    stuck.slow = true;
    hub.publish(record(1));
    hub.beat();
    expect(stuck.ended).toBeNull();
    hub.beat();
    expect(stuck.ended).toBe('destroy');
    expect(hub.size).toBe(0);
    stuck.gone();
    expect(demands).toEqual([true, false]);
  });
});

it('one that has gone without a word is let go, and not taken', () => {
  const { hub, join } = hubbed();
  const gone = join().reader;
  gone.destroyed = true;
  hub.beat();
  expect(hub.size).toBe(0);
  expect(hub.subscribe(gone)).toBe(false);
});

it('takes as many as it may', () => {
  const { hub, join } = hubbed();
  for (let n = 0; n < MAX_SUBSCRIBERS; n += 1) expect(join().taken).toBe(true);
  expect(join().taken).toBe(false);
  expect(hub.size).toBe(MAX_SUBSCRIBERS);
});

it('wants lines from the first that comes to the last that goes', () => {
  const { hub, demands, join } = hubbed();
  hub.publish(record(0));
  hub.missed(3);
  const [one, two] = [join().reader, join().reader];
  hub.publish(record(1));
  expect(one.text).toBe('event: verdict\ndata: {"event.action":"verdict","n":1}\n\n');
  one.gone();
  hub.missed(2);
  hub.publish(record(2));
  expect(two.text).toContain('event: dropped\ndata: {"count":2}\n\n');
  hub.beat();
  hub.beat();
  expect(two.text.endsWith(': beat\n\n: beat\n\n')).toBe(true);
  hub.close();
  expect(two.ended).toBe('end');
  two.gone();
  expect(demands).toEqual([true, false]);
});
