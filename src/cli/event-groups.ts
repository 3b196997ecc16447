/** Events counted by what they have in common: one issuer behind many hosts is somebody in the middle. Pure. */
import type { VerdictLine } from '../observe/audit-event.ts';
import type { VerdictWord } from '../observe/recorder.ts';
import { shortTime, targetOf, VERDICT_TONES } from './event-line.ts';
import type { Screen } from './screen.ts';

/** What events can be grouped by, and what each means. */
export const GROUP_FIELDS: Readonly<Record<string, (event: VerdictLine) => string | null>> = {
  address: ({ address }) => address,
  client: ({ client }) => client,
  code: ({ code }) => code,
  group: ({ clientGroup }) => clientGroup,
  host: (event) => (event.host === null ? null : targetOf(event)),
  issuer: ({ issuer }) => issuer,
  owner: ({ owner }) => owner,
  policy: ({ policy }) => policy,
  rule: ({ rule }) => rule,
  verdict: ({ verdict }) => verdict,
};

export interface Group {
  /** The values in the order of the fields; null: the events have none. */
  readonly values: readonly (string | null)[];
  readonly count: number;
  readonly verdicts: Readonly<Record<VerdictWord, number>>;
  readonly hosts: number;
  readonly lastMs: number;
}

/** A client may ask for any number of hosts: beyond it events are counted and not told apart. */
const MAX_GROUPS = 10_000;
/** Distinct hosts that are counted for one group. */
const MAX_HOSTS = 1000;

interface Open {
  values: readonly (string | null)[];
  count: number;
  verdicts: Record<VerdictWord, number>;
  hosts: Set<string>;
  lastMs: number;
}

/** Largest first. `rest`: events that belong to no group because there are too many. */
export function groupEvents(
  events: Iterable<VerdictLine>,
  fields: readonly string[],
): { readonly groups: readonly Group[]; readonly rest: number } {
  const open = new Map<string, Open>();
  let rest = 0;
  for (const event of events) {
    const values = fields.map((field) => GROUP_FIELDS[field]?.(event) ?? null);
    const key = JSON.stringify(values);
    const group = open.get(key) ?? newGroup(values);
    if (!open.has(key)) {
      if (open.size >= MAX_GROUPS) {
        rest += 1;
        continue;
      }
      open.set(key, group);
    }
    group.count += 1;
    group.verdicts[event.verdict] += 1;
    if (event.host !== null && group.hosts.size < MAX_HOSTS) group.hosts.add(event.host);
    group.lastMs = Math.max(group.lastMs, event.atMs);
  }
  const groups = [...open.values()].map(({ hosts, ...group }) => ({ ...group, hosts: hosts.size }));
  return { groups: groups.toSorted((a, b) => b.count - a.count || b.lastMs - a.lastMs), rest };
}

function newGroup(values: readonly (string | null)[]): Open {
  return { values, count: 0, verdicts: { allow: 0, alert: 0, block: 0, error: 0 }, hosts: new Set(), lastMs: 0 };
}

const LEAST_WIDTH = 8;
/** What is looked up by its whole word: half a code says nothing. */
const WHOLE: ReadonlySet<string> = new Set(['code', 'verdict']);
/** Count, time and the blanks between. */
const HEAD_WIDTH = 25;
const HOSTS_WIDTH = 6;

/** Counts, the values of the fields cut to what fits, and the verdicts. Grouped by host there is one host in each. */
export function groupLines(groups: readonly Group[], fields: readonly string[], screen: Screen): readonly string[] {
  const rows = groups.map(({ values }) => values.map((value) => value ?? '-'));
  const words = groups.map(({ verdicts }) => Object.entries(verdicts).filter(([, count]) => count > 0));
  const longest = Math.max(8, ...words.map((all) => all.map(([word, count]) => `${word} ${count}`).join(', ').length));
  const columns = fields.map((field, at) => Math.max(field.length, ...rows.map((row) => (row[at] ?? '').length)));
  const hasHosts = !fields.includes('host');
  const heads = HEAD_WIDTH + (hasHosts ? HOSTS_WIDTH : 0);
  const kept = fields.map((field) => WHOLE.has(field));
  const widths = shrink(columns, kept, screen.width - heads - longest - fields.length);
  const cells = (row: readonly string[]): string =>
    row.map((value, at) => screen.cell(value, widths[at] ?? LEAST_WIDTH)).join(' ');
  const hostsOf = (text: string): string => (hasHosts ? ` ${text.padStart(HOSTS_WIDTH - 1)}` : '');
  const heading = `${'events'.padStart(7)}${hostsOf('hosts')}  ${'last (UTC)'.padEnd(14)} ${cells(fields)}  verdicts`;
  return [
    screen.paint('quiet', heading),
    ...groups.map((group, at) => {
      const head = `${String(group.count).padStart(7)}${hostsOf(String(group.hosts))}  ${shortTime(group.lastMs)}`;
      const painted = (words[at] ?? []).map(([word, count]) =>
        screen.paint(VERDICT_TONES[word] ?? 'quiet', `${word} ${count}`),
      );
      return `${head} ${cells(rows[at] ?? [])}  ${painted.join(', ')}`;
    }),
  ];
}

/** The widest column gives way first, down to a bound; those that are kept whole never, on a narrow terminal neither. */
function shrink(columns: readonly number[], kept: readonly boolean[], room: number): readonly number[] {
  const widths = [...columns];
  for (let sum = widths.reduce((all, one) => all + one, 0); sum > room; sum -= 1) {
    const yielding = widths.map((width, at) => (kept[at] === true ? 0 : width));
    const widest = yielding.indexOf(Math.max(...yielding));
    if ((yielding[widest] ?? 0) <= LEAST_WIDTH) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}
