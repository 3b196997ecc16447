/**
 * Why a rule decides for a host, and why every other candidate does not: data, and its text for people.
 *
 * Does: the same lookup as the data plane, then a look at all rules, which costs O(rules).
 * The caller must: hand in the canonical authority and the names of the groups the client is in.
 */
import { type Authority, printAuthority } from '../model/authority.ts';
import { OPTIONAL_CHECKS } from '../model/outcome.ts';
import { printTlsFloor } from '../model/tls.ts';
import { printDate } from './dates.ts';
import { liesWithin } from './hosts.ts';
import { type Decision, lookup } from './lookup.ts';
import { compareText, printPlace } from './mistakes.ts';
import {
  anchorsKey,
  type HostPattern,
  type Pin,
  type Place,
  type Policy,
  type Rule,
  type UnsafeTls,
} from './policy.ts';

export interface Explanation {
  readonly authority: string;
  readonly clients: readonly string[];
  readonly decision: 'rule' | 'deny';
  /** null: denied. */
  readonly rule: {
    readonly name: string;
    readonly owner: string | null;
    readonly place: Place;
    readonly why: string;
  } | null;
  /** Rules whose patterns cover the host or nearly do, in the order of their names; at most MAX_LOST. */
  readonly lost: readonly Lost[];
  readonly fields: readonly Field[];
}

export interface Lost {
  readonly rule: string;
  readonly pattern: string;
  readonly place: Place;
  readonly why: string;
}

export interface Field {
  readonly field: string;
  readonly value: string | readonly string[] | null;
  /** null: written nowhere; the default. */
  readonly place: Place | null;
}

/** More candidates than anybody reads. */
const MAX_LOST = 50;

export function explain(policy: Policy, authority: Authority, clientNames: readonly string[]): Explanation {
  const decision = lookup(policy, authority, clientNames);
  const winner = decision.kind === 'rule' ? decision.rule : null;
  const lost = policy.rules
    .filter((rule) => rule !== winner)
    .flatMap((rule) => whyLost(rule, authority, { clientNames, decision, policy }) ?? [])
    .toSorted((left, right) => compareText(left.rule, right.rule))
    .slice(0, MAX_LOST);
  return Object.freeze({
    authority: printAuthority(authority),
    clients: clientNames,
    decision: decision.kind,
    rule:
      decision.kind === 'rule'
        ? { name: decision.rule.name, owner: decision.rule.owner, place: decision.rule.place, why: decision.why }
        : null,
    lost,
    fields: winner === null ? [] : fieldsOf(winner, policy),
  });
}

/** What was asked besides the authority, and the answer. */
interface Asked {
  readonly clientNames: readonly string[];
  readonly decision: Decision;
  readonly policy: Policy;
}

/** The most telling pattern of a rule, or null when the rule has nothing to do with the host. */
function whyLost(rule: Rule, authority: Authority, asked: Asked): Lost | null {
  const { clientNames } = asked;
  const said = (pattern: HostPattern, why: string): Lost => ({
    rule: rule.name,
    pattern: pattern.text,
    place: pattern.place,
    why,
  });
  const self = { kind: 'exact', host: authority.host, port: authority.port } as const;
  const covering = rule.match.filter((pattern) => liesWithin(self, { ...pattern, port: null }));
  const [first] = covering;
  if (first === undefined) {
    const near = rule.match.find((pattern) => nearMiss(pattern, authority) !== null);
    return near === undefined ? null : said(near, nearMiss(near, authority) ?? '');
  }
  const onPort = covering.find((pattern) => pattern.port === null || pattern.port === authority.port);
  if (onPort === undefined) {
    return said(first, `only for port ${first.port}`);
  }
  const except = rule.except.find((pattern) => liesWithin(self, pattern));
  if (except !== undefined) {
    return said(onPort, `\`except\` at ${printPlace(except.place)} takes the host out`);
  }
  if (rule.clients.length > 0 && !rule.clients.some((name) => clientNames.includes(name))) {
    return said(onPort, `only for clients ${rule.clients.join(', ')}`);
  }
  return said(onPort, lessSpecific(onPort, rule, asked));
}

const RANKS = { exact: 2, one: 1, deep: 0 } as const;

function lessSpecific(loser: HostPattern, rule: Rule, asked: Asked): string {
  const { decision } = asked;
  if (decision.kind === 'deny' || decision.pattern === null) {
    return 'another rule decides';
  }
  const winner = decision.pattern;
  if (RANKS[loser.kind] < RANKS[winner.kind]) {
    return `${winner.text} is more specific`;
  }
  if (loser.host.length < winner.host.length) {
    return `${winner.text} is longer`;
  }
  if (clientRank(decision.rule, asked) < clientRank(rule, asked)) {
    return rule.clients.length === 0
      ? `rule ${decision.rule.name} is for this client`
      : `the group of rule ${decision.rule.name} comes first in \`clients:\``;
  }
  return `${winner.text} names the port`;
}

/** Position of the first of the client's groups that a rule is for; a rule for all comes last. */
function clientRank(rule: Rule, { clientNames, policy }: Asked): number {
  const positions = rule.clients
    .filter((name) => clientNames.includes(name))
    .map((name) => policy.clientOrder.get(name));
  return Math.min(...positions.map((position) => position ?? Number.MAX_SAFE_INTEGER), Number.POSITIVE_INFINITY);
}

function nearMiss(pattern: HostPattern, authority: Authority): string | null {
  if (pattern.kind === 'exact') {
    return null;
  }
  if (pattern.host === authority.host) {
    return 'a star needs a label in front, so the domain itself is not covered';
  }
  return pattern.kind === 'one' && authority.host.endsWith(`.${pattern.host}`)
    ? `\`*\` is exactly one label; \`**.${pattern.host}\` would match`
    : null;
}

function fieldsOf(rule: Rule, { anchorsPlace }: Policy): readonly Field[] {
  const field = (name: string, value: Field['value'], origin = name): Field => ({
    field: name,
    value,
    place: rule.origins[origin] ?? null,
  });
  const floor = rule.unsafeFloor;
  return [
    field('mode', rule.mode),
    field('onFailure', rule.onFailure),
    field('reason', rule.reason),
    field('pins.anyOf', rule.pins.anyOf.map(printPin), rule.pins.anyOf.length > 0 ? 'pins' : ''),
    field('pins.noneOf', rule.pins.noneOf.map(printPin), rule.pins.noneOf.length > 0 ? 'pins' : ''),
    ...OPTIONAL_CHECKS.map((check) => field(`checks.${check}`, rule.checks[check])),
    field('certificatePolicies', rule.certificatePolicies),
    { ...field('anchors', anchorsKey(rule.anchors).split('\n')), place: rule.origins['anchors'] ?? anchorsPlace },
    field('plaintext', rule.plaintext),
    field('answer', rule.answer),
    field('clients', rule.clients.length === 0 ? 'all' : rule.clients),
    field('allowPrivate', rule.allowPrivate),
    field('metricsGroup', rule.metricsGroup),
    field('tls.minVersion', rule.tls.minVersion, 'tls'),
    field('unsafeFloor', floor === null ? null : `${floor.action} until ${printDate(floor.untilMs)}: ${floor.reason}`),
    field('unsafeTls', rule.unsafeTls === null ? null : printUnsafeTls(rule.unsafeTls)),
  ];
}

function printUnsafeTls({ minVersion, ciphers, untilMs, reason }: UnsafeTls): string {
  return `${printTlsFloor({ minVersion, ciphers })} until ${printDate(untilMs)}: ${reason}`;
}

function printPin(pin: Pin): string {
  const notes = [pin.name, pin.group, pin.backup ? 'backup' : null].filter((note) => note !== null);
  const words = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  return `${pin.scope} sha256/${pin.spkiSha256}${words}`;
}

/** Up to here the place of a value stands on the same line. */
const SHORT_VALUE = 24;
/** What 80 columns leave beside the names: a key with its scope, and not its notes. */
const VALUE_COLUMNS = 58;

function fieldLines(name: string, values: readonly string[], origin: string): readonly string[] {
  const [first = '—', ...more] = values;
  const under = (text: string): string => `  ${' '.repeat(19)} ${text}`;
  const head = `  ${name.padEnd(19)} `;
  if (first.length <= SHORT_VALUE) return [`${head}${first.padEnd(12)}  ${origin}`, ...more.map(under)];
  return [`${head}${first}`, ...[...more, origin].map(under)];
}

/** A key and its notes on two lines where one is too long. */
function broken(value: string): readonly string[] {
  const at = value.indexOf(' (');
  return value.length <= VALUE_COLUMNS || at < 0 ? [value] : [value.slice(0, at), `  ${value.slice(at + 1)}`];
}

/** `place` prints where something was written, shortened as the reader likes it. */
export function printExplanation(explanation: Explanation, place: (at: Place) => string = printPlace): string {
  const { rule } = explanation;
  const who = explanation.clients.length === 0 ? '' : ` for client ${explanation.clients.join(', ')}`;
  const lines =
    rule === null
      ? [`${explanation.authority}${who}: denied`, '  no rule matches, and `unmatched` says `action: deny`']
      : [
          `${explanation.authority}${who}: rule ${rule.name}${rule.owner === null ? '' : ` of ${rule.owner}`}`,
          `  ${rule.why}`,
          `  ${place(rule.place)}`,
        ];
  if (explanation.lost.length > 0) {
    lines.push('', 'why the others lost');
    for (const { rule: name, pattern, why, place: at } of explanation.lost) {
      lines.push(`  ${name} (${pattern}): ${why}`, `    ${place(at)}`);
    }
  }
  if (explanation.fields.length > 0) {
    lines.push('', 'what holds');
    for (const { field, value, place: at } of explanation.fields) {
      const values = typeof value === 'string' ? [value] : (value ?? []);
      const origin = at === null ? 'default' : place(at);
      lines.push(...fieldLines(field, values.flatMap(broken), origin));
    }
  }
  return `${lines.join('\n')}\n`;
}
