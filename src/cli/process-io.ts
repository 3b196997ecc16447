/** The Io of a real process. */
import type { Io } from './io.ts';

export function processIo(): Io {
  // A reader that goes away (`| head`) ends the output, not the proxy.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    stdin: process.stdin,
    isTty: process.stdout.isTTY === true,
    isErrTty: process.stderr.isTTY === true,
    ...(process.stdout.columns > 0 ? { columns: process.stdout.columns } : {}),
    cwd: process.cwd(),
    env: process.env,
  };
}
