/**
 * `watch [--verdict …] [--count N] [--json] [-c FILE]`: verdicts as they come.
 *
 * Does: listen on the admin interface; without one, or when it goes, follow the audit files.
 * Does not: end by itself, unless `--count` says when.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { readAuditRecord } from '../observe/audit-event.ts';
import type { Config } from '../policy/config.ts';
import { type AdminDoor, adminOf, followEvents } from './admin-client.ts';
import { eventHeading, eventLine } from './event-line.ts';
import { isWanted, readVerdicts } from './events.ts';
import { readInstallation } from './installation.ts';
import type { Io } from './io.ts';
import { followRecorded } from './recorded.ts';
import { createScreen, plural } from './screen.ts';
import { CommandError, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

const OPTIONS = {
  verdict: { type: 'string' },
  count: { type: 'string' },
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
} as const;

/** How far a followed file lags behind. */
const POLL_MS = 250;

/** @returns 0 when `--count` lines were printed, 1 when nothing can be watched, 2 usage. */
export async function runWatch(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('watch', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    if (positionals.length > 0) throw new UsageError('takes no names');
    const count = values.count === undefined ? Number.POSITIVE_INFINITY : readCount(values.count);
    const verdicts = readVerdicts(values.verdict);
    const config = readInstallation(values.config, io);
    const printer = createPrinter({ verdicts, json: values.json, count }, io);
    if (!values.json && io.isTty) io.out(`${eventHeading(createScreen(io))}\n`);
    if (config.admin !== null) await live(adminOf(config, io), printer, io);
    if (!printer.done.aborted) await follow(config, printer, io);
    return EXIT_OK;
  });
}

function readCount(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new UsageError('--count is a whole number from 1');
  return count;
}

interface Printer {
  readonly done: AbortSignal;
  print(record: unknown): void;
  missed(count: number): void;
}

interface Wish {
  readonly verdicts: ReadonlySet<string> | null;
  readonly json: boolean;
  readonly count: number;
}

function createPrinter({ verdicts, json, count }: Wish, io: Io): Printer {
  const screen = createScreen(io);
  const ended = new AbortController();
  let left = count;
  return {
    done: ended.signal,
    print(record) {
      const event = readAuditRecord(record);
      if (event === null || left <= 0 || !isWanted(event, verdicts)) return;
      const line = json ? JSON.stringify(event.record) : eventLine(event, screen);
      if (line === null) return;
      io.out(`${line}\n`);
      left -= 1;
      if (left <= 0) ended.abort();
    },
    missed: (lost) => io.err(`pinwarden watch: ${plural(lost, 'event')} came too fast and are left out here\n`),
  };
}

async function live(admin: AdminDoor, printer: Printer, io: Io): Promise<void> {
  try {
    const take = (kind: string, data: Readonly<Record<string, unknown>>): void => {
      if (kind === 'dropped') printer.missed(Number(data['count']));
      else printer.print(data);
    };
    await followEvents(admin, take, printer.done);
    if (!printer.done.aborted) io.err('pinwarden watch: the proxy has gone\n');
  } catch (thrown) {
    if (!(thrown instanceof CommandError)) throw thrown;
    io.err(`pinwarden watch: ${thrown.message}\nnext: ${thrown.next}\n`);
  }
}

async function follow(config: Config, printer: Printer, io: Io): Promise<void> {
  io.err(`pinwarden watch: following ${config.audit.file}\n`);
  const follower = followRecorded(config);
  try {
    while (!printer.done.aborted) {
      const events = follower.poll();
      for (const { record } of events) printer.print(record);
      // A file that grows faster than one look is read on at once.
      if (events.length === 0) await pause(POLL_MS);
    }
  } finally {
    follower.close();
  }
}
