/**
 * Everything that is on record about one event: its two audit lines, the chain in the locker, and what else happened
 * to the same host.
 *
 * Does: two passes over the audit files, the first for the event and the second for its host; nothing is held but
 * counts and single lines.
 * Does not: judge or print.
 */
import type { CloseLine, VerdictLine } from '../observe/audit-event.ts';
import type { Exhibit, Sighting } from '../observe/exhibit.ts';
import type { Config } from '../policy/config.ts';
import type { Typed } from './next-command.ts';
import { recordedEvents, recordedExhibits } from './recorded.ts';
import { CommandError } from './usage.ts';

export interface Alike {
  /** Events with the same host, rule and code, this one among them. */
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Client (group or address) → events, most first. */
  readonly clients: readonly (readonly [string, number])[];
}

export interface Case {
  readonly eventId: string;
  /** Null: the audit file has been rotated away, and only the locker knows the event. */
  readonly line: VerdictLine | null;
  readonly close: CloseLine | null;
  readonly exhibit: Exhibit | null;
  readonly alike: Alike | null;
  /** The last verified chain of this host before the event. */
  readonly lastGood: VerdictLine | null;
}

/** More ids than anybody compares. */
const MAX_CANDIDATES = 5;
/** Distinct clients that are counted. */
const MAX_CLIENTS = 1000;

/** @throws CommandError when no event or more than one is meant */
export function findCase(config: Config, prefix: string, typed: Typed): Case {
  const { lines, closes } = findLines(config, prefix);
  const exhibits = recordedExhibits(config);
  const ids = new Set([...lines.keys(), ...closes.keys()]);
  for (const { sightings } of exhibits) {
    for (const { event } of sightings) if (event.startsWith(prefix) && ids.size <= MAX_CANDIDATES) ids.add(event);
  }
  const eventId = only(ids, prefix, config, typed);
  const line = lines.get(eventId) ?? null;
  const exhibit = exhibits.find((one) => one.id === line?.evidence || shows(one, eventId)) ?? null;
  const close = closes.get(eventId) ?? null;
  if (line === null && exhibit === null) {
    throw new CommandError(`the verdict of ${eventId} is not on record, only its end`, 'look at the files of that day');
  }
  const host = line?.host ?? exhibit?.host ?? null;
  const history = line === null || host === null ? { alike: null, lastGood: null } : historyOf(config, line, host);
  return { eventId, line, close, exhibit, ...history };
}

/** The event as the locker knows it. */
export function sightingOf({ eventId, exhibit }: Case): Sighting | null {
  return exhibit?.sightings.find(({ event }) => event === eventId) ?? null;
}

function shows({ sightings }: Exhibit, eventId: string): boolean {
  return sightings.some(({ event }) => event === eventId);
}

function findLines(config: Config, prefix: string) {
  const lines = new Map<string, VerdictLine>();
  const closes = new Map<string, CloseLine>();
  const like = (text: string): boolean => text.includes(`"event.id":"${prefix}`);
  for (const event of recordedEvents(config, { like })) {
    if (event.kind === 'verdict') lines.set(event.eventId, event);
    else closes.set(event.eventId, event);
    if (lines.size > MAX_CANDIDATES) break;
  }
  return { lines, closes };
}

function only(ids: ReadonlySet<string>, prefix: string, { audit }: Config, typed: Typed): string {
  const [first, second] = ids;
  if (first === undefined) {
    throw new CommandError(
      `no event ${prefix}… is on record in ${audit.file} or the locker`,
      typed('events --since 7d'),
    );
  }
  if (second === undefined || ids.has(prefix)) return ids.has(prefix) ? prefix : first;
  const several = [...ids].slice(0, MAX_CANDIDATES).join(', ');
  throw new CommandError(`${prefix} means several events: ${several}`, 'give more of the id');
}

function historyOf(config: Config, line: VerdictLine, host: string): Pick<Case, 'alike' | 'lastGood'> {
  const like = (text: string): boolean => text.includes(`"server.address":${JSON.stringify(host)}`);
  const clients = new Map<string, number>();
  let count = 0;
  let firstMs = line.atMs;
  let lastMs = line.atMs;
  let lastGood: VerdictLine | null = null;
  for (const event of recordedEvents(config, { like })) {
    if (event.kind !== 'verdict' || event.host !== host || event.port !== line.port) continue;
    const isGood = event.verdict === 'allow' && event.path !== null;
    if (isGood && event.eventId !== line.eventId && event.atMs <= line.atMs) lastGood = event;
    if (event.rule !== line.rule || event.code !== line.code || event.verdict === 'allow') continue;
    count += 1;
    firstMs = Math.min(firstMs, event.atMs);
    lastMs = Math.max(lastMs, event.atMs);
    const client = event.clientGroup === null ? event.client : `${event.client} (${event.clientGroup})`;
    if (clients.has(client) || clients.size < MAX_CLIENTS) clients.set(client, (clients.get(client) ?? 0) + 1);
  }
  const most = [...clients].toSorted((a, b) => b[1] - a[1]);
  return { alike: count === 0 ? null : { count, firstMs, lastMs, clients: most }, lastGood };
}
