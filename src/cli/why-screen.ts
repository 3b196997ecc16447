/** One event on one screen: what was decided, on what grounds, and what to do next. Pure. */
import { CODES, type Code } from '../model/codes.ts';
import { CHECKS, type Facts } from '../model/outcome.ts';
import type { VerdictLine } from '../observe/audit-event.ts';
import type { ObservedKey } from '../observe/exhibit.ts';
import { columnsOf } from './columns.ts';
import { SHORT_ID, targetOf, VERDICT_TONES } from './event-line.ts';
import { expectedName, sessionText } from './evidence-text.ts';
import type { Screen } from './screen.ts';
import { plural } from './screen.ts';
import type { Answer } from './why.ts';

const NAME_WIDTH = 10;
const OUTCOME_WORDS: Readonly<Record<string, string>> = { fail: 'failed', pass: 'passed' };
const SHOWN_CLIENTS = 4;
const SHOWN_KEYS = 8;
const SHOWN_FACTS = 6;
/** What the two lists of keys say already. */
const TOLD_FACTS: ReadonlySet<string> = new Set(['expected', 'observed']);

export function whyScreen(answer: Answer, screen: Screen): string {
  const blocks = [headLines, keyLines, checkLines, fixLines].map((lines) => lines(answer, screen).join('\n'));
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

/** `name      value`, wrapped under itself. */
function field(name: string, value: string, screen: Screen): readonly string[] {
  return screen.wrap(name.padEnd(NAME_WIDTH), value);
}

function headLines({ told, found, rulePlace, change }: Answer, screen: Screen): readonly string[] {
  const { alike, lastGood, close } = found;
  const word = screen.paint(VERDICT_TONES[told.verdict] ?? 'quiet', told.verdict);
  const lines = [`${word}  ${screen.paint('strong', screen.fit(targetOf(told), screen.width - 10))}`];
  if (told.code !== null) {
    const found = told.findings.find(({ code }) => code === told.code)?.facts ?? {};
    const own = Object.keys(found).length > 0 ? found : told.facts;
    lines.push(...field('', `${told.code}: ${CODES[told.code].says}`, screen));
    lines.push(...factLines(own, screen).map((line) => screen.fit(`${' '.repeat(NAME_WIDTH - 4)}${line}`)));
  }
  lines.push(...field('event', `${told.eventId}, ${utc(told.atMs)}`, screen));
  lines.push(...field('client', clientText(told), screen));
  const generation = told.generation === null ? '' : `, generation ${told.generation}`;
  lines.push(
    ...field('rule', `${told.rule ?? 'none'}${told.owner === null ? '' : ` of ${told.owner}`}${generation}`, screen),
  );
  if (rulePlace !== null) lines.push(...field('', rulePlace, screen));
  if (told.address !== null) lines.push(...field('upstream', `${told.address}; ${sessionText(told)}`, screen));
  if (alike !== null) {
    const clients = alike.clients.slice(0, SHOWN_CLIENTS).map(([client, count]) => `${client} ${count}x`);
    const more = alike.clients.length > SHOWN_CLIENTS ? `, ${alike.clients.length - SHOWN_CLIENTS} more` : '';
    const span =
      alike.count === 1 ? `first seen ${utc(alike.firstMs)}` : `${utc(alike.firstMs)} to ${utc(alike.lastMs)}`;
    lines.push(...field('alike', `${plural(alike.count, 'event')}, ${span}`, screen));
    if (alike.count > 1) lines.push(...field('', `from ${clients.join(', ')}${more}`, screen));
  }
  // Without a valid path it still says since when, and what the host showed before.
  const isJudged = told.path !== null || told.nearest !== null || told.outcomes['chain']?.is === 'fail';
  if (told.code !== null && isJudged && told.verdict !== 'error') {
    lines.push(...field('last good', lastGood === null ? 'none on record' : goodText(lastGood), screen));
  }
  if (change !== null) lines.push(...field('change', change.says, screen));
  if (found.line?.evidence !== null && found.line !== null && found.exhibit === null) {
    lines.push(...field('evidence', 'the chain is not in the locker any more', screen));
  }
  if (close !== null) lines.push(...field('ended', endText(close), screen));
  return lines;
}

function clientText({ client, clientGroup, user }: Answer['told']): string {
  return `${client}${clientGroup === null ? '' : ` (${clientGroup})`}${user === null ? '' : `, user ${user}`}`;
}

function goodText({ atMs, eventId, subject, issuer }: VerdictLine): string {
  return `${utc(atMs)}, ${subject ?? '?'} issued by ${issuer ?? '?'} (event ${eventId.slice(0, SHORT_ID)})`;
}

function endText({
  reason,
  code,
  clientAlert,
  bytesUp,
  bytesDown,
  durationMs,
  atMs,
}: NonNullable<Answer['found']['close']>): string {
  const why = [reason, code, clientAlert === null ? null : refusalText(clientAlert)];
  const words = why.filter((one) => one !== null).join(', ');
  return `${utc(atMs)} after ${(durationMs / 1000).toFixed(1)} s: ${words}; ${bytesUp} bytes up, ${bytesDown} down`;
}

/** `closed` is our guess; the others are the client's words. */
function refusalText(clientAlert: string): string {
  return clientAlert === 'closed'
    ? 'the client left without a byte, so perhaps it does not trust our CA'
    : `the client refused our CA (${clientAlert})`;
}

function keyLines({ told, expected, noteOf }: Answer, screen: Screen): readonly string[] {
  const lines: string[] = [];
  // Without a chain there is nothing to hold them against.
  const isSeen = told.path !== null || told.nearest !== null || told.presented !== null;
  if (expected.length > 0 && isSeen) {
    const keys = capped(expected).flatMap((key) => keyLine(key.scope, key.pin, expectedName(key), screen));
    lines.push('expected, any of', ...keys);
    if (expected.length > SHOWN_KEYS) lines.push(`  and ${expected.length - SHOWN_KEYS} more`);
  }
  const { path, nearest, presented } = told;
  if (path !== null && path.length > 0) {
    const keys = capped(path).flatMap((key, depth) =>
      keyLine(String(depth), key.pin, `${subjectOf(key)}${noteOf(key)}`, screen),
    );
    lines.push('observed on the verified path, leaf first', ...keys);
  } else if (nearest !== null && nearest.length > 0) {
    const title = screen.paint('bad', 'no valid path to an anchor');
    const keys = capped(nearest).flatMap((key, depth) => doubtfulLine(key, depth, noteOf(key), screen));
    lines.push(`observed, ${title}: do not pin its keys`, ...keys);
  } else if (presented !== null) {
    const title = screen.paint('bad', 'no valid path to an anchor');
    const keys = capped(presented).flatMap((key, depth) => doubtfulLine(key, depth, noteOf(key), screen));
    lines.push(`observed as presented, ${title}: do not pin its keys`, ...keys, ...missingLines(told, screen));
  }
  return lines;
}

function capped<T>(keys: readonly T[]): readonly T[] {
  return keys.slice(0, SHOWN_KEYS);
}

/** A key in full, because it is compared with others; its name on the same line where there is room. */
function keyLine(mark: string, pin: string, name: string, screen: Screen): readonly string[] {
  const head = `  ${mark.padEnd(4)} ${pin}`;
  const fits = head.length + 2 + columnsOf(name) <= screen.width;
  return fits ? [`${head}  ${name}`.trimEnd()] : [head, screen.fit(`       ${name}`)];
}

function subjectOf({ subject }: ObservedKey): string {
  return subject === '' ? '(empty subject)' : subject;
}

/** An attacker's key is not spelled out as a pin: somebody might paste it. */
function doubtfulLine(key: ObservedKey, depth: number, note: string, screen: Screen): readonly string[] {
  return [
    `${screen.fit(`  ${String(depth).padEnd(4)} ${subjectOf(key)}`, screen.width - note.length)}${note}`,
    screen.fit(`       issued by ${key.issuer}, certificate ${key.sha256.slice(0, 16)}…`),
  ];
}

/** The certificate that would lead on from what was presented. */
function missingLines({ findings }: Answer['told'], screen: Screen): readonly string[] {
  const missing = findings.find(({ code }) => code === 'chain.incomplete')?.facts['missing'];
  return missing === undefined ? [] : [screen.fit(`  -    missing: its issuer ${String(missing)}`)];
}

function checkLines({ told }: Answer, screen: Screen): readonly string[] {
  const by = (is: string): string => CHECKS.filter((check) => told.outcomes[check]?.is === is).join(', ');
  const others = told.findings.filter(({ code }) => code !== told.code);
  return [
    ...(others.length === 0
      ? []
      : ['also wrong', ...others.flatMap((one) => findingLines(one.code, one.facts, screen))]),
    ...['fail', 'pass', 'absent', 'skipped'].flatMap((is) =>
      by(is) === '' ? [] : field(OUTCOME_WORDS[is] ?? is, by(is), screen),
    ),
  ];
}

function findingLines(code: Code, facts: Facts, screen: Screen): readonly string[] {
  return [
    `  ${screen.paint('bad', code)}`,
    ...screen.wrap('    ', CODES[code].says),
    ...factLines(facts, screen),
    ...screen.wrap('    next: ', CODES[code].next),
  ];
}

function factLines(facts: Facts, screen: Screen): readonly string[] {
  const pairs = Object.entries(facts).filter(([name]) => !TOLD_FACTS.has(name));
  const lines = pairs.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one: unknown) => `    ${name}: ${String(one)}`),
  );
  return lines.slice(0, SHOWN_FACTS).map((line) => screen.fit(line));
}

function fixLines({ fix }: Answer, screen: Screen): readonly string[] {
  const { says, diff, steps } = fix;
  return [
    ...field('fix', says, screen),
    ...diff.map((line) => screen.paint(line.startsWith('+') ? 'good' : line.startsWith('-') ? 'bad' : 'quiet', line)),
    ...(diff.length === 0 || steps.length === 0 ? [] : ['']),
    ...steps.map((step) => `  ${step}`),
  ];
}

/** ISO without milliseconds. */
function utc(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
