/**
 * Live events for those who watch: server-sent events, one for each audit line.
 *
 * Does: write each line to every subscriber whose queue has room, and count and name what a slow one missed; let go of
 * one that takes nothing at all; say when the first comes and the last goes, so that workers send only then.
 * Does not: keep history, wait for a subscriber, or hold more than MAX_QUEUE_BYTES for one.
 * The caller must: call `beat` regularly and `close` at the end.
 */
import type { AuditRecord } from './records.ts';

/** What a response is to us. */
export interface Sink {
  /** Whoever read it has gone; `close` may have been told before we listened. */
  readonly destroyed: boolean;
  /** Bytes that wait. */
  readonly writableLength: number;
  write(text: string): void;
  end(): void;
  destroy(): void;
  once(event: 'close', gone: () => void): void;
}

export interface EventHub {
  /** False: there are as many as may be, or it has gone already. The sink's head must have been sent. */
  subscribe(sink: Sink): boolean;
  publish(record: AuditRecord): void;
  /** Lines that were lost, and counted, before they reached the hub: subscribers are told with the next one. */
  missed(count: number): void;
  /** A sign of life for every subscriber, and the end for those that read nothing since the one before. */
  beat(): void;
  readonly size: number;
  close(): void;
}

export interface HubOptions {
  /** Whether there is any subscriber. */
  readonly demand: (wanted: boolean) => void;
  readonly dropped: (count: number) => void;
}

/** Some 600 lines. */
const MAX_QUEUE_BYTES = 1024 * 1024;
/** People and a few collectors. */
export const MAX_SUBSCRIBERS = 16;

interface Subscriber {
  readonly sink: Sink;
  /** Lines that it has missed and was not told of. */
  missed: number;
  /** `writableLength` at the last beat. */
  before: number;
}

export function createEventHub({ demand, dropped }: HubOptions): EventHub {
  const subscribers = new Set<Subscriber>();
  const remove = (subscriber: Subscriber): void => {
    if (subscribers.delete(subscriber) && subscribers.size === 0) demand(false);
  };
  const write = (subscriber: Subscriber, text: string): void => {
    if (subscriber.sink.writableLength > MAX_QUEUE_BYTES) {
      subscriber.missed += 1;
      dropped(1);
      return;
    }
    if (subscriber.missed > 0) subscriber.sink.write(`event: dropped\ndata: {"count":${subscriber.missed}}\n\n`);
    subscriber.missed = 0;
    subscriber.sink.write(text);
  };
  return {
    subscribe(sink) {
      if (subscribers.size >= MAX_SUBSCRIBERS || sink.destroyed) return false;
      const subscriber = { sink, missed: 0, before: 0 };
      subscribers.add(subscriber);
      sink.once('close', () => remove(subscriber));
      if (subscribers.size === 1) demand(true);
      return true;
    },
    publish(record) {
      if (subscribers.size === 0) return;
      const action = record['event.action'];
      const text = `event: ${typeof action === 'string' ? action : 'other'}\ndata: ${JSON.stringify(record)}\n\n`;
      for (const subscriber of subscribers) write(subscriber, text);
    },
    missed(count) {
      for (const subscriber of subscribers) subscriber.missed += count;
    },
    beat() {
      for (const subscriber of subscribers) {
        const { sink, before } = subscriber;
        if (sink.destroyed || (before > 0 && sink.writableLength >= before)) {
          sink.destroy();
          remove(subscriber);
          continue;
        }
        sink.write(': beat\n\n');
        subscriber.before = sink.writableLength;
      }
    },
    get size() {
      return subscribers.size;
    },
    close() {
      for (const { sink } of subscribers) sink.end();
    },
  };
}
