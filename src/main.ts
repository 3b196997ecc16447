#!/usr/bin/env -S node --disable-sigusr1
/**
 * Entry point: the signals of the process, its argv and its exit code. What argv means is in cli/dispatch.ts.
 *
 * Does not: listen to the signals that end or reload (run and demo do).
 */

// Before anything else is loaded. SIGUSR1 would open Node's inspector, which hands the CA key to whoever connects, and
// SIGUSR2 would end the process without a drain. --disable-sigusr1 covers the moment before this line.
for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined);

/** Our own mistake, after sysexits. */
const EXIT_SOFTWARE = 70;

const { dispatch } = await import('./cli/dispatch.ts');
const { processIo } = await import('./cli/process-io.ts');
const io = processIo();
dispatch(process.argv.slice(2), io).then(end, (thrown: unknown) => {
  io.err(`pinwarden: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
  end(EXIT_SOFTWARE);
});

/**
 * At once when all is written. A process that is left to end by itself gives its signals back to the kernel first, and one
 * more SIGTERM in that moment, as service managers and npm send it, would make a drained proxy look killed.
 */
function end(code: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}
