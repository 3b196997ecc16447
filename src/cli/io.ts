/** What a command may touch of the outside: handed in, so that tests run commands without a process. */
import type { Readable } from 'node:stream';

export interface Io {
  /** Standard output, as is: the caller adds line ends. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly stdin: Readable;
  /** Whether standard output is a terminal. */
  readonly isTty: boolean;
  /** Whether standard error is a terminal: progress is drawn only there. */
  readonly isErrTty?: boolean;
  /** Width of the terminal in characters; absent: not a terminal. */
  readonly columns?: number;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}
