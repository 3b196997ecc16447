/** An Io for tests of commands: a given standard input, captured output. */
import { Readable } from 'node:stream';
import type { Io } from '../../src/cli/io.ts';

export interface CapturedIo extends Io {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export function capturedIo(cwd: string, stdin: Iterable<string | Buffer> = []): CapturedIo {
  const written = { out: '', err: '' };
  return {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    stdin: Readable.from(stdin),
    isTty: false,
    cwd,
    env: {},
    stdout: () => written.out,
    stderr: () => written.err,
  };
}
