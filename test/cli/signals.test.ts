import { afterEach, expect, it, vi } from 'vitest';
import { rememberSignals, type Signals, takeSignals } from '../../src/cli/signals.ts';

let signals: Signals | undefined;

afterEach(() => signals?.close());

it('tells what came before anybody asked, each once', () => {
  rememberSignals();
  process.emit('SIGTERM');
  process.emit('SIGINT');
  process.emit('SIGHUP');
  signals = takeSignals();
  const ending = vi.fn();
  const hangup = vi.fn();
  signals.handle(ending, hangup);
  expect(ending).toHaveBeenCalledTimes(2);
  // A reload that was asked for during the start has happened: it read the files.
  expect(hangup).not.toHaveBeenCalled();
  process.emit('SIGTERM');
  process.emit('SIGHUP');
  expect(ending).toHaveBeenCalledTimes(3);
  expect(hangup).toHaveBeenCalledTimes(1);
});

it('listens from then on when nobody remembered, and no more after the end', () => {
  const before = process.listenerCount('SIGTERM');
  signals = takeSignals();
  const ending = vi.fn();
  signals.handle(ending, () => undefined);
  process.emit('SIGTERM');
  expect(ending).toHaveBeenCalledTimes(1);
  signals.close();
  expect(process.listenerCount('SIGTERM')).toBe(before);
});
