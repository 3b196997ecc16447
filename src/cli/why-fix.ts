/**
 * What to do about an event: what changed, and for a changed key of a chain that can be trusted the edit of the policy
 * file as a diff. Pure, but for the texts it is handed.
 *
 * Does: offer a pin only when nothing but the pins speaks against the chain, and its path ends in a public root or
 * shares an issuer with the last good one; try the edit with the very loader of the proxy before it shows it.
 * Does not: write. A pin of an interceptor's key, pasted from a screen, is the worst that could come of this.
 */
import type { VerdictLine } from '../observe/audit-event.ts';
import type { Exhibit, ObservedKey } from '../observe/exhibit.ts';
import type { Pin, Policy, Rule } from '../policy/policy.ts';

/** How the chain differs from the last good one of the same host. */
export type Change =
  | { readonly is: 'unknown'; readonly says: string }
  | { readonly is: 'same-keys' | 'same-ca' | 'other-ca'; readonly says: string };

/** `path`: the verified path of the event, leaf first. */
export function changeOf(path: readonly ObservedKey[] | null, lastGood: VerdictLine | null): Change {
  if (path === null) return { is: 'unknown', says: 'there is no valid path that could be compared' };
  if (lastGood === null) return { is: 'unknown', says: 'no good chain of this host is on record to compare with' };
  const before = new Set(lastGood.keys);
  const [leaf, ...issuers] = path;
  const common = issuers.find(({ pin }) => before.has(pin));
  if (leaf !== undefined && before.has(leaf.pin)) {
    return { is: 'same-keys', says: 'the key is that of the last good chain: not the host has changed, but the rule' };
  }
  if (common !== undefined) {
    return { is: 'same-ca', says: `a new key under the same CA (${common.subject}): looks like a rotation` };
  }
  return { is: 'other-ca', says: 'another CA: no issuer of the last good chain is on this path' };
}

export interface PinAdvice {
  readonly scope: 'leaf' | 'ca';
  readonly key: ObservedKey;
}

/** The pin that would let this chain pass, when adding it may be right; else why it is not. */
export function pinAdvice(
  { code, codes, path }: Exhibit,
  rule: Rule,
  change: Change,
  isPublic: boolean,
): PinAdvice | { readonly no: string } {
  if (code !== 'pin.mismatch') return { no: 'pins are not what is wrong' };
  if (codes.length > 1) return { no: 'more than the pins speaks against this chain' };
  const [leaf, issuing] = path ?? [];
  if (leaf === undefined) return { no: 'there is no valid path: nothing of it may be pinned' };
  if (!isPublic && change.is !== 'same-ca' && change.is !== 'same-keys') {
    return { no: 'the path ends in a root outside the public set, and not under the CA of the last good chain' };
  }
  const pinsCas = rule.pins.anyOf.some(({ scope }) => scope !== 'leaf');
  return pinsCas && issuing !== undefined ? { scope: 'ca', key: issuing } : { scope: 'leaf', key: leaf };
}

/** A policy file with one pin more. */
export interface Edit {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/**
 * The edit that puts `advice` into the rule, beside a pin or a group that it names; null when the file is written in a
 * way that this does not understand. A group itself is never touched: other rules use it. `load` must compile all
 * files with the new text.
 */
export function pinEdit(
  policy: Policy,
  rule: Rule,
  advice: PinAdvice,
  texts: ReadonlyMap<string, string>,
  load: (edit: Edit) => Policy | null,
): Edit | null {
  const file = rule.place.file;
  const before = texts.get(file);
  if (before === undefined) return null;
  const lines = before.split('\n');
  for (const pin of rule.pins.anyOf.toReversed()) {
    const spot = pin.group === null ? spotOfPin(lines, pin) : spotOfGroup(lines, rule, pin.group);
    if (spot === null || (pin.group === null && pin.place.file !== file)) continue;
    const edit = { file, before, after: insertAt(lines, spot, advice) };
    if (addsOnlyThis(policy, rule, advice, load(edit))) return edit;
  }
  return null;
}

/** The end of a map `{ … }` of the list: line (0-based) and the column behind its brace. */
interface Spot {
  readonly line: number;
  readonly column: number;
}

function spotOfPin(lines: readonly string[], { place, spkiSha256 }: Pin): Spot | null {
  const line = place.line - 1;
  const at = lines[line]?.indexOf(spkiSha256) ?? -1;
  const end = at === -1 ? -1 : (lines[line]?.indexOf('}', at) ?? -1);
  return end === -1 ? null : { line, column: end + 1 };
}

/** A list of pins is not longer. */
const MAX_PIN_LINES = 64;

function spotOfGroup(lines: readonly string[], rule: Rule, group: string): Spot | null {
  const from = (rule.origins['pins']?.line ?? 0) - 1;
  if (from < 0) return null;
  for (const [at, line] of lines.slice(from, from + MAX_PIN_LINES).entries()) {
    for (const map of line.matchAll(/\{\s*(?:leaf|ca|any):\s*(["']?)(@?[\w.-]+)\1[^{}]*\}/g)) {
      if (map[2] === group) return { line: from + at, column: map.index + map[0].length };
    }
  }
  return null;
}

/** A new entry behind the spot: on a line of its own where the list is written so. */
function insertAt(lines: readonly string[], { line, column }: Spot, { scope, key }: PinAdvice): string {
  const text = lines[line] ?? '';
  const entry = `{ ${scope}: "${key.pin}" }`;
  const list = /^(\s*- )\{[^{}]*\}\s*(?:#.*)?$/.exec(text);
  const put =
    list === null
      ? [`${text.slice(0, column)}, ${entry}${text.slice(column)}`]
      : [text, `${list[1]}${entry}   # ${subjectWord(key.subject)}`];
  return [...lines.slice(0, line), ...put, ...lines.slice(line + 1)].join('\n');
}

/** The rule has one pin more, the right one, and every other rule has as many as before. */
function addsOnlyThis(policy: Policy, rule: Rule, { key }: PinAdvice, next: Policy | null): boolean {
  const now = next?.byName.get(rule.name);
  if (next === null || now === undefined) return false;
  const has = now.pins.anyOf.some(({ spkiSha256 }) => `sha256/${spkiSha256}` === key.pin);
  return (
    has &&
    next.rules.every((one) => {
      const more = one.name === rule.name ? 1 : 0;
      return one.pins.anyOf.length === (policy.byName.get(one.name)?.pins.anyOf.length ?? -1) + more;
    })
  );
}

/** The common name, in characters that need no escape in a YAML text. */
function subjectWord(subject: string): string {
  const name = /(?:^|, ?)CN=([^,]*)/.exec(subject)?.[1] ?? subject;
  return (
    name
      .replaceAll(/[^0-9A-Za-z .,_()*-]/g, '')
      .trim()
      .slice(0, 60) || 'observed'
  );
}

const CONTEXT_LINES = 1;

/** The unified diff of an edit, as `patch -p0` takes it. `name`: the file as the reader types it. */
export function diffOf({ before, after }: Edit, name: string): readonly string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < old.length && old[start] === now[start]) start += 1;
  let oldEnd = old.length;
  let newEnd = now.length;
  while (oldEnd > start && newEnd > start && old[oldEnd - 1] === now[newEnd - 1]) {
    oldEnd -= 1;
    newEnd -= 1;
  }
  const from = Math.max(0, start - CONTEXT_LINES);
  const oldTo = Math.min(old.length - (old.at(-1) === '' ? 1 : 0), oldEnd + CONTEXT_LINES);
  const tail = old.slice(oldEnd, oldTo);
  const span = (at: number, count: number): string => `${at + 1},${count}`;
  return [
    `--- ${name}`,
    `+++ ${name}`,
    `@@ -${span(from, oldEnd - from + tail.length)} +${span(from, newEnd - from + tail.length)} @@`,
    ...old.slice(from, start).map((line) => ` ${line}`),
    ...old.slice(start, oldEnd).map((line) => `-${line}`),
    ...now.slice(start, newEnd).map((line) => `+${line}`),
    ...tail.map((line) => ` ${line}`),
  ];
}
