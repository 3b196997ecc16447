/** One event on one line, for `events` and `watch`. Every peer string is escaped and cut by the screen. */
import type { AuditEvent, CloseLine, VerdictLine } from '../observe/audit-event.ts';
import type { Screen, Tone } from './screen.ts';

export const VERDICT_TONES: Readonly<Record<string, Tone>> = {
  allow: 'good',
  alert: 'warn',
  block: 'bad',
  error: 'warn',
};

/** So many characters of an id tell one event from the others, and `why` takes them. */
export const SHORT_ID = 8;
/** From this width on issuer and dialled address fit too. */
const WIDE = 120;
const WORD_WIDTH = 6;
const CODE_WIDTH = 22;
const TIME_WIDTH = 14;

/** `11-23 20:58:44`, UTC. */
export function shortTime(atMs: number): string {
  const text = new Date(atMs).toISOString();
  return `${text.slice(5, 10)} ${text.slice(11, 19)}`;
}

export function targetOf({ host, port }: Pick<AuditEvent, 'host' | 'port'>): string {
  if (host === null) return '-';
  return `${host.includes(':') ? `[${host}]` : host}:${port ?? '?'}`;
}

/** The names of the columns. */
export function eventHeading(screen: Screen): string {
  const { target } = widths(screen);
  const more = screen.width >= WIDE ? ` ${'rule'.padEnd(18)} address, issuer` : '';
  return screen.paint(
    'quiet',
    `${'time (UTC)'.padEnd(TIME_WIDTH)} ${'is'.padEnd(WORD_WIDTH)}${'event'.padEnd(SHORT_ID)} ` +
      `${'host'.padEnd(target)} ${'code'.padEnd(CODE_WIDTH)}${more}`.trimEnd(),
  );
}

/** Null: a close line that says nothing of interest. */
export function eventLine(event: AuditEvent, screen: Screen): string | null {
  return event.kind === 'verdict' ? verdictLine(event, screen) : closeLine(event, screen);
}

function verdictLine(event: VerdictLine, screen: Screen): string {
  const { target } = widths(screen);
  const code = event.code ?? '';
  // A code is looked up by its whole word: the host gives way to a long one.
  const over = Math.max(0, code.length - CODE_WIDTH);
  const head = [
    shortTime(event.atMs),
    screen.paint(VERDICT_TONES[event.verdict] ?? 'quiet', event.verdict.padEnd(WORD_WIDTH - 1)),
    event.eventId.slice(0, SHORT_ID).padEnd(SHORT_ID),
    screen.cell(targetOf(event), target - over),
    code.padEnd(CODE_WIDTH),
  ].join(' ');
  if (screen.width < WIDE) return head.trimEnd();
  const rest = `${event.address ?? '-'}${event.issuer === null ? '' : `, ${event.issuer}`}`;
  const left = screen.width - TIME_WIDTH - WORD_WIDTH - SHORT_ID - target - CODE_WIDTH - 23;
  return `${head} ${screen.cell(event.rule ?? '-', 18)} ${screen.fit(rest, left)}`.trimEnd();
}

/** A client that leaves without a byte may distrust our CA, or have thought better of it: browsers open spare connections. */
function refusalOf(clientAlert: string): string {
  return clientAlert === 'closed' ? 'CA refused? closed' : `CA refused: ${clientAlert}`;
}

function closeLine(event: CloseLine, screen: Screen): string | null {
  const said = event.clientAlert === null ? event.code : refusalOf(event.clientAlert);
  if (said === null) return null;
  const { target } = widths(screen);
  const from = screen.width >= WIDE ? ` (by ${event.clientGroup ?? event.client})` : '';
  return [
    shortTime(event.atMs),
    screen.paint('warn', 'close'.padEnd(WORD_WIDTH - 1)),
    event.eventId.slice(0, SHORT_ID).padEnd(SHORT_ID),
    screen.cell(targetOf(event), target),
    screen.fit(`${said}${from}`, screen.width - target - TIME_WIDTH - WORD_WIDTH - SHORT_ID - 3),
  ].join(' ');
}

function widths({ width }: Screen): { readonly target: number } {
  return { target: width >= WIDE ? 32 : Math.max(16, width - TIME_WIDTH - WORD_WIDTH - SHORT_ID - CODE_WIDTH - 4) };
}
