/**
 * `events [--since 1h] [--verdict …] [--group-by …] [--limit N] [--json]`: past verdicts, from the audit files.
 *
 * Does: print one line a verdict, or one a group; as JSON the audit lines as they are, one a line.
 * Does not: need a running proxy.
 */
import { systemClock } from '../host/clock.ts';
import type { AuditEvent } from '../observe/audit-event.ts';
import { VERDICTS } from '../observe/recorder.ts';
import { GROUP_FIELDS, groupEvents, groupLines } from './event-groups.ts';
import { eventHeading, eventLine } from './event-line.ts';
import { readInstallation } from './installation.ts';
import type { Io } from './io.ts';
import { type Typed, typedFor } from './next-command.ts';
import { recordedEvents } from './recorded.ts';
import { createScreen, plural } from './screen.ts';
import { readSince } from './since.ts';
import { EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

const OPTIONS = {
  since: { type: 'string', default: '1h' },
  verdict: { type: 'string' },
  'group-by': { type: 'string' },
  limit: { type: 'string', default: '1000' },
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
} as const;

const MAX_LIMIT = 1_000_000;

/** @returns 0 printed, 1 when nothing can be read, 2 usage. */
export async function runEvents(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('events', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    if (positionals.length > 0) throw new UsageError('takes no names');
    const fields = values['group-by'] === undefined ? null : readFields(values['group-by']);
    const verdicts = readVerdicts(values.verdict);
    const limit = readLimit(values.limit);
    const fromMs = readSince(values.since, systemClock.nowMs());
    if (fromMs === null) throw new UsageError('--since is a span such as 30m, 1h or 7d, or an ISO 8601 time');
    const config = readInstallation(values.config, io);
    const events = only(recordedEvents(config, { fromMs }), verdicts);
    if (fields !== null) printGroups(events, fields, values.json, io);
    else printEvents(events, { limit, json: values.json, since: values.since, typed: typedFor(config.file, io) }, io);
    return EXIT_OK;
  });
}

/** Words of `--verdict`; null: all. @throws UsageError */
export function readVerdicts(text: string | undefined): ReadonlySet<string> | null {
  if (text === undefined) return null;
  const words = text.split(',');
  const unknown = words.find((word) => !VERDICTS.some((verdict) => verdict === word));
  if (unknown !== undefined) throw new UsageError(`--verdict takes ${VERDICTS.join(', ')}`);
  return new Set(words);
}

/** With words, close lines go too: they have no verdict. */
export function isWanted(event: AuditEvent, verdicts: ReadonlySet<string> | null): boolean {
  return verdicts === null || (event.kind === 'verdict' && verdicts.has(event.verdict));
}

function* only(events: Iterable<AuditEvent>, verdicts: ReadonlySet<string> | null): Generator<AuditEvent> {
  for (const event of events) if (isWanted(event, verdicts)) yield event;
}

function readFields(text: string): readonly string[] {
  const fields = text.split(',');
  const known = Object.keys(GROUP_FIELDS);
  const unknown = fields.find((field) => !known.includes(field));
  if (unknown !== undefined) throw new UsageError(`--group-by takes ${known.join(', ')}`);
  return [...new Set(fields)];
}

function readLimit(text: string): number {
  const limit = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT) throw new UsageError(`--limit is a whole number from 1 to ${MAX_LIMIT}`);
  return limit;
}

interface Print {
  readonly limit: number;
  readonly json: boolean;
  readonly since: string;
  readonly typed: Typed;
}

/** The newest, oldest first. */
function printEvents(events: Iterable<AuditEvent>, { limit, json, since, typed }: Print, io: Io): void {
  const screen = createScreen(io);
  let lines: string[] = [];
  let count = 0;
  for (const event of events) {
    const line = json ? JSON.stringify(event.record) : eventLine(event, screen);
    if (line === null) continue;
    count += 1;
    lines.push(line);
    if (lines.length >= 2 * limit) lines = lines.slice(-limit);
  }
  const shown = lines.slice(-limit);
  if (json) {
    io.out(shown.map((line) => `${line}\n`).join(''));
    return;
  }
  if (shown.length === 0) {
    io.out(`no events since ${since}; longer ago: --since 7d\n`);
    return;
  }
  io.out(`${eventHeading(screen)}\n${shown.join('\n')}\n`);
  const more = count > shown.length ? `, ${count - shown.length} older ones left out (--limit)` : '';
  io.out(`\n${plural(shown.length, 'event')}${more}; one of them in full: ${typed('why EVENT')}\n`);
}

function printGroups(events: Iterable<AuditEvent>, fields: readonly string[], json: boolean, io: Io): void {
  const verdicts = (function* () {
    for (const event of events) if (event.kind === 'verdict') yield event;
  })();
  const { groups, rest } = groupEvents(verdicts, fields);
  if (json) {
    for (const { values, lastMs, ...counts } of groups) {
      const named = Object.fromEntries(fields.map((field, at) => [field, values[at] ?? null]));
      io.out(`${JSON.stringify({ ...named, ...counts, last: new Date(lastMs).toISOString() })}\n`);
    }
    return;
  }
  const screen = createScreen(io);
  io.out(`${groupLines(groups, fields, screen).join('\n')}\n`);
  if (rest > 0) io.out(`${plural(rest, 'event')} in further groups\n`);
}
