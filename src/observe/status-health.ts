/**
 * Is the detector alive, and what about the proxy needs somebody's hand? Pure; the limits are those of the alert rules.
 *
 * Does: one state and a list of concerns, each with what to do.
 * Does not: judge the traffic: a blocked host is the detector at work.
 */
import { INSTRUMENTS, type InstrumentName } from './instruments.ts';
import type { ExpiryRow, StatusFacts } from './status-facts.ts';

export type Level = 'bad' | 'warn';

export interface Concern {
  readonly level: Level;
  readonly says: string;
  readonly next: string;
  /** The metric behind it, or the path that says more. */
  readonly source: string;
}

export interface Health {
  readonly state: 'good' | Level;
  readonly concerns: readonly Concern[];
}

const DAY_SECONDS = 86_400;
/** Three self-tests in a row, as the alert rule PinwardenSelfTestStale. */
const SELF_TEST_OLD_SECONDS = 900;
/** After 70 days browsers ignore a log list. */
const LOG_LIST_OLD_SECONDS = 70 * DAY_SECONDS;
const ANCHORS_OLD_SECONDS = 180 * DAY_SECONDS;
/** When an expiry becomes worth a colour, as the alert rules have it. */
export const EXPIRY_SECONDS: Readonly<Record<ExpiryRow['what'], number>> = {
  pins: 28 * DAY_SECONDS,
  CA: 30 * DAY_SECONDS,
  'upstream certificate': 3 * DAY_SECONDS,
};

/** What is ours to renew: an upstream's certificate is not. */
const EXPIRY_NEXT = {
  pins: 'renew the pin group; pinwarden probe HOST shows the keys of today',
  CA: 'pinwarden ca rotate',
} as const;

export function judgeHealth(facts: StatusFacts): Health {
  const concerns = [...detector(facts), ...upkeep(facts), ...expiries(facts)];
  const bad = concerns.filter(({ level }) => level === 'bad');
  const ordered = [...bad, ...concerns.filter(({ level }) => level === 'warn')];
  return { state: bad.length > 0 ? 'bad' : (ordered[0]?.level ?? 'good'), concerns: ordered };
}

function detector({ nowMs, ready, selfTest, workers }: StatusFacts): readonly Concern[] {
  const concerns: Concern[] = [];
  const ageSeconds = selfTest.lastSuccess === null ? null : nowMs / 1000 - selfTest.lastSuccess;
  if (ageSeconds === null || ageSeconds > SELF_TEST_OLD_SECONDS) {
    const says = ageSeconds === null ? 'the self-test has never succeeded' : 'the self-test has not succeeded lately';
    concerns.push(concern('bad', says, 'pinwarden doctor', 'selftest'));
  }
  const missing = Object.keys(ready).filter((name) => ready[name] !== true);
  if (missing.length > 0) {
    const says = `not ready: ${missing.join(', ')}`;
    concerns.push({ level: 'bad', says, next: 'pinwarden doctor', source: '/readyz' });
  }
  if (workers.serving === 0) concerns.push(concern('bad', 'no worker serves', 'read the log of the proxy', 'workers'));
  return concerns;
}

function upkeep({ selfTest, reload, auditLost, lowered, ages }: StatusFacts): readonly Concern[] {
  const concerns: Concern[] = [];
  const warn = (says: string, next: string, name: InstrumentName): void => {
    concerns.push(concern('warn', says, next, name));
  };
  if (selfTest.failures > 0) {
    warn(`${counted(selfTest.failures, 'self-test')} failed since the start`, 'pinwarden doctor', 'selftestFailures');
  }
  if (reload.successful === false) {
    const held =
      reload.held > 0 ? `${counted(reload.held, 'file')} on the last good text` : 'the last good policies go on';
    warn(`the last reload was refused, or a part of it: ${held}`, 'pinwarden doctor', 'reloadSuccessful');
  }
  if (auditLost > 0) {
    warn(`${counted(auditLost, 'audit line')} could not be written`, 'free space for the audit file', 'auditLost');
  }
  if (lowered.rows.length > 0) {
    const more = lowered.more > 0 ? ` and ${lowered.more} more` : '';
    warn(
      `a floor is lowered for ${lowered.rows.join(', ')}${more}`,
      'end it: remove unsafeFloor or unsafeTls',
      'overrideActive',
    );
  }
  if (ages.logList !== null && ages.logList > LOG_LIST_OLD_SECONDS) {
    warn('the CT log list is too old', 'replace the file that ct.logList names', 'ctLogListAge');
  }
  if (ages.publicAnchors !== null && ages.publicAnchors > ANCHORS_OLD_SECONDS) {
    warn('the public anchors are older than 180 days', 'update the proxy', 'publicAnchorsAge');
  }
  return concerns;
}

function expiries({ nowMs, expiries: { rows } }: StatusFacts): readonly Concern[] {
  return (['pins', 'CA'] as const).flatMap((what) => {
    const own = rows.filter((row) => row.what === what);
    const left = ({ at }: ExpiryRow): number => at - nowMs / 1000;
    const ended = own.filter((row) => left(row) <= 0);
    const soon = own.filter((row) => left(row) > 0 && left(row) < EXPIRY_SECONDS[what]);
    return [
      ...ending(what === 'CA' ? 'bad' : 'warn', what, ended, 'expired'),
      ...ending('warn', what, soon, `less than ${EXPIRY_SECONDS[what] / DAY_SECONDS} days left`),
    ];
  });
}

function ending(
  level: Level,
  what: keyof typeof EXPIRY_NEXT,
  rows: readonly ExpiryRow[],
  says: string,
): readonly Concern[] {
  const [first] = rows;
  if (first === undefined) return [];
  const whose = rows.map((row) => row.whose).join(', ');
  return [concern(level, `${what} of ${whose}: ${says}`, EXPIRY_NEXT[what], first.instrument)];
}

function concern(level: Level, says: string, next: string, name: InstrumentName): Concern {
  return { level, says, next, source: INSTRUMENTS[name].name };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
