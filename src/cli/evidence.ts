/**
 * `evidence list|show|export`: unexpected chains that the proxy kept, ready for a ticket.
 *
 * Does: find an exhibit by its own id, or by the id of an event that showed it.
 * Does not: need a running proxy, or change anything.
 */
import { resolve } from 'node:path';
import { FileError, writeNew } from '../host/files.ts';
import type { Exhibit } from '../observe/exhibit.ts';
import type { Config } from '../policy/config.ts';
import { shortTime, targetOf, VERDICT_TONES } from './event-line.ts';
import { exhibitText } from './evidence-text.ts';
import { readInstallation } from './installation.ts';
import type { Io } from './io.ts';
import { type Typed, typedFor } from './next-command.ts';
import { DEFAULT_CONFIG } from './policy-files.ts';
import { readPrefix, recordedEvents, recordedExhibits } from './recorded.ts';
import { createScreen, plural } from './screen.ts';
import { CommandError, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';

const OPTIONS = {
  out: { type: 'string' },
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
} as const;

const LIST_ID = 8;
/** Most codes; a longer one is not cut, since it is looked up by its whole word. */
const CODE_WIDTH = 18;

/** @returns 0 done, 1 when there is no such exhibit or a file cannot be written, 2 usage. */
export async function runEvidence(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('evidence', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    const [word, id, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError('takes one event');
    if (values.out !== undefined && word !== 'export') throw new UsageError('--out is for export');
    if (word === 'list') {
      if (id !== undefined) throw new UsageError('list takes no event');
      const config = readInstallation(values.config, io);
      list(recordedExhibits(config), { json: values.json, typed: typedFor(config.file, io) }, io);
      return EXIT_OK;
    }
    if (word !== 'show' && word !== 'export') throw new UsageError('say list, show or export');
    if (id === undefined)
      throw new UsageError(`${word} what? ${typedFor(values.config ?? DEFAULT_CONFIG, io)('evidence list')}`);
    const config = readInstallation(values.config, io);
    const typed = typedFor(config.file, io);
    const exhibit = findExhibit(config, readPrefix(id, typed), typed);
    const whole = values.json ? `${JSON.stringify(exhibit, null, 1)}\n` : exhibitText(exhibit, anchorFiles(config));
    if (values.out !== undefined) save(values.out, whole, io);
    else io.out(word === 'show' && !values.json ? shortened(whole, typed) : whole);
    return EXIT_OK;
  });
}

interface Listing {
  readonly json: boolean;
  readonly typed: Typed;
}

function list(exhibits: readonly Exhibit[], { json, typed }: Listing, io: Io): void {
  if (json) {
    const bytes = { chain: undefined, completing: undefined, staple: undefined };
    for (const exhibit of exhibits) io.out(`${JSON.stringify({ ...exhibit, ...bytes })}\n`);
    return;
  }
  if (exhibits.length === 0) {
    io.out('nothing unexpected was kept\n');
    return;
  }
  const screen = createScreen(io);
  const code = Math.max(CODE_WIDTH, ...exhibits.map((exhibit) => exhibit.code.length));
  const host = Math.min(48, Math.max(16, screen.width - 38 - code));
  const heading = `${'evidence'.padEnd(LIST_ID)} ${'is'.padEnd(5)} ${'host'.padEnd(host)} ${'code'.padEnd(code)} ${'times'.padStart(5)} last (UTC)`;
  io.out(`${screen.paint('quiet', heading)}\n`);
  for (const exhibit of exhibits) {
    const line = [
      exhibit.id.slice(0, LIST_ID),
      screen.paint(VERDICT_TONES[exhibit.verdict] ?? 'quiet', exhibit.verdict),
      screen.cell(targetOf(exhibit), host),
      exhibit.code.padEnd(code),
      String(exhibit.count).padStart(5),
      shortTime(Date.parse(exhibit.lastSeen)),
    ];
    io.out(`${line.join(' ')}\n`);
  }
  io.out(`\n${plural(exhibits.length, 'chain')}; one of them: ${typed('evidence show EVIDENCE')}\n`);
}

/** By its own id or an event's. @throws CommandError */
function findExhibit(config: Config, prefix: string, typed: Typed): Exhibit {
  const exhibits = recordedExhibits(config);
  const named = exhibits.filter(({ id }) => id.startsWith(prefix));
  const found = named.length > 0 ? named : exhibits.filter((one) => showsEvent(one, prefix));
  const [first, second] = found.length > 0 ? found : exhibits.filter(({ id }) => id === nameInAudit(config, prefix));
  if (first === undefined) {
    throw new CommandError(`no chain was kept for ${prefix}`, `${typed('evidence list')}, or: ${typed('why EVENT')}`);
  }
  if (second !== undefined) throw new CommandError(`${prefix} means several chains`, 'give more of the id');
  return first;
}

function showsEvent({ sightings }: Exhibit, prefix: string): boolean {
  return sightings.some(({ event }) => event.startsWith(prefix));
}

/** The audit line knows every event; an exhibit lists only the first and the newest. */
function nameInAudit(config: Config, prefix: string): string | null {
  const like = (line: string): boolean => line.includes(`"event.id":"${prefix}`);
  for (const event of recordedEvents(config, { like })) {
    if (event.kind === 'verdict' && event.evidence !== null) return event.evidence;
  }
  return null;
}

function anchorFiles({ anchors }: Config): readonly string[] | null {
  return typeof anchors === 'string' ? null : anchors.files;
}

/** What people read: base64 says nothing to them. */
function shortened(text: string, typed: Typed): string {
  const start = text.indexOf('Judge it again');
  return `${text.slice(0, start)}the chain itself: ${typed('evidence export EVENT')} > chain.pem\n`;
}

function save(name: string, text: string, io: Io): void {
  const file = resolve(io.cwd, name);
  try {
    writeNew(file, text, 0o600);
  } catch (thrown) {
    if (!(thrown instanceof FileError)) throw thrown;
    throw new CommandError(thrown.message, 'name a file that is not there yet');
  }
  io.out(`${file}\n`);
}
