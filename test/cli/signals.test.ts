import { afterEach, expect, it, vi } from 'vitest';
import { rememberSignals, takeSignals } from '../../src/cli/signals.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const before = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]));

afterEach(() => {
  for (const signal of SIGNALS) {
    const own = process.listeners(signal).filter((one) => before.get(signal)?.includes(one) !== true);
    for (const one of own) process.off(signal, one);
  }
});

it('tells what came before anybody asked, each once', () => {
  rememberSignals();
  process.emit('SIGTERM');
  process.emit('SIGINT');
  process.emit('SIGHUP');
  const signals = takeSignals();
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

it('listens from then on when nobody remembered', () => {
  const count = process.listenerCount('SIGTERM');
  const ending = vi.fn();
  takeSignals().handle(ending, () => undefined);
  process.emit('SIGTERM');
  expect(ending).toHaveBeenCalledTimes(1);
  expect(process.listenerCount('SIGTERM')).toBe(count + 1);
});
