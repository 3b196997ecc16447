/**
 * What a new generation would stop enforcing: the guard that a truncated or careless file runs into.
 *
 * Does: compares what decides for each host before and after, over one representative of every set of hosts that the
 * patterns of both generations tell apart; so a lost rule, a lost pattern, a new `except` and a weaker rule for a part
 * of the hosts are all the same thing: a host that is judged less strictly.
 * Does not: compare the contents of anchor files, or new keys in `anyOf` (rotation is ordinary work). Other anchors of
 * pinwarden.yaml are one weakening, of `unmatched`, whichever rules follow them. Hosts that only `unmatched` decided for are free: a rule for them is new policy, not a weakening.
 * The caller must: keep the old generation when the answer is not empty.
 */
import type { Authority } from '../model/authority.ts';
import { OPTIONAL_CHECKS } from '../model/outcome.ts';
import { isOlder, printTlsFloor } from '../model/tls.ts';
import { OID } from '../pki/der/oid.ts';
import { type ClientSets, clientSets } from './client-sets.ts';
import { lookup } from './lookup.ts';
import { backtick, byPlace, type Mistake } from './mistakes.ts';
import {
  type AnchorsChoice,
  type HostPattern,
  isInForce,
  type Pin,
  type Place,
  type Policy,
  type Rule,
  type UnsafeTls,
} from './policy.ts';
import { UNMATCHED } from './policy-file.ts';

/** One way in which a rule became weaker; also a mistake, so that every printer can show it. */
export interface Weakening extends Mistake {
  readonly rule: string;
  readonly what: WeakenedField;
}

export type WeakenedField =
  | 'rule'
  | 'mode'
  | 'onFailure'
  | `checks.${(typeof OPTIONAL_CHECKS)[number]}`
  | 'pins.anyOf'
  | 'pins.noneOf'
  | 'pins.onExpiry'
  | 'certificatePolicies'
  | 'unsafeFloor'
  | 'tls.minVersion'
  | 'unsafeTls'
  | 'plaintext'
  | 'allowPrivate'
  | 'anchors';

const MODE_STRENGTH = { bypass: 0, preflight: 1, terminate: 2 } as const;
const CHECK_STRENGTH = { off: 0, 'if-present': 1, require: 2 } as const;
const PORT_OF_HTTPS = 443;
/** A label that no policy names: it stands for every other one. */
const ANY_LABEL = 'any--other';

/** Weakenings that no `weakens:` entry of `next` allows at `nowMs` (milliseconds since the epoch). */
export function weakenings(old: Policy, next: Policy, nowMs: number): readonly Weakening[] {
  const found = new Map<string, Weakening>();
  const followers = new Set<string>();
  for (const { authority, clients } of representatives(old, next)) {
    const before = lookup(old, authority, clients.before);
    if (before.kind === 'deny' || before.pattern === null) {
      continue;
    }
    const after = lookup(next, authority, clients.after);
    if (after.kind === 'deny') {
      continue;
    }
    const host = seenAt(authority, clients);
    for (const weaker of compare(before.rule, after.rule, next, nowMs)) {
      if (weaker.what === 'anchors' && followsGlobal(before.rule) && followsGlobal(after.rule)) {
        followers.add(before.rule.name);
        continue;
      }
      const key = `${before.rule.name} ${weaker.what}`;
      if (!found.has(key)) {
        found.set(key, describe(before.rule, weaker, host, next));
      }
    }
  }
  compareUnmatched(old, next, nowMs, { found, followers });
  if (followers.size > 0) {
    found.set(`${UNMATCHED} anchors of all`, describeGlobalAnchors(followers, old, next));
  }
  return [...found.values()].filter(({ rule }) => !isAllowed(rule, old, next, nowMs)).toSorted(byPlace);
}

function seenAt(authority: Authority, { before }: ClientSets): string {
  const host = `${authority.host}:${authority.port}`;
  return before.length === 0 ? host : `${host} for clients in ${before.join(', ')}`;
}

interface Weaker {
  readonly what: WeakenedField;
  readonly message: string;
  /** Where the weaker word is; null: it is missing. */
  readonly place: Place | null;
}

/** Ports and clients that patterns of one host tell apart. */
interface Cuts {
  readonly ports: Set<number>;
  readonly clients: Set<string>;
}

interface Representative {
  readonly authority: Authority;
  /** The groups of one client, which a change of `clients:` may have changed as well. */
  readonly clients: ClientSets;
}

/** An authority and a client for every set of hosts and clients that the two policies may treat differently. */
function* representatives(old: Policy, next: Policy): Generator<Representative> {
  const rules = [...old.rules, ...next.rules];
  const cuts = collectCuts(rules);
  const sets = rules.some((rule) => rule.clients.length > 0) ? clientSets(old.clients, next.clients) : [];
  const seen = new Set<string>();
  for (const pattern of rules.flatMap((rule) => [...rule.match, ...rule.except])) {
    const key = `${pattern.kind} ${pattern.host} ${pattern.port}`;
    if (seen.has(key)) {
      continue;
    }
    seen.add(key);
    // What lies deeper has its own representatives, so only cuts at the host and above it count.
    const ports = new Set(pattern.port === null ? [PORT_OF_HTTPS] : [pattern.port]);
    const clients = new Set<string>();
    for (const suffix of suffixes(pattern.host)) {
      const cut = cuts.get(suffix);
      for (const port of pattern.port === null ? (cut?.ports ?? []) : []) {
        ports.add(port);
      }
      for (const client of cut?.clients ?? []) {
        clients.add(client);
      }
    }
    for (const host of exampleHosts(pattern)) {
      for (const port of ports) {
        const authority: Authority = { host, kind: kindOf(host), port };
        yield { authority, clients: { before: [], after: [] } };
        if (clients.size === 0) {
          continue;
        }
        for (const client of clients) {
          yield { authority, clients: { before: [client], after: [client] } };
        }
        for (const set of sets) {
          yield { authority, clients: set };
        }
      }
    }
  }
}

function collectCuts(rules: readonly Rule[]): ReadonlyMap<string, Cuts> {
  const cuts = new Map<string, Cuts>();
  for (const rule of rules) {
    for (const { host, port } of [...rule.match, ...rule.except]) {
      if (port === null && rule.clients.length === 0) {
        continue;
      }
      const cut = cuts.get(host) ?? { ports: new Set(), clients: new Set() };
      cuts.set(host, cut);
      if (port !== null) {
        cut.ports.add(port);
      }
      for (const client of rule.clients) {
        cut.clients.add(client);
      }
    }
  }
  return cuts;
}

/** `a.b.c`, `b.c`, `c`. */
function suffixes(host: string): string[] {
  const labels = host.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}

function exampleHosts({ host, kind }: HostPattern): string[] {
  if (kind === 'exact') {
    return [host];
  }
  const one = `${ANY_LABEL}.${host}`;
  return kind === 'one' ? [one] : [one, `${ANY_LABEL}.${one}`];
}

function kindOf(host: string): Authority['kind'] {
  return host.includes(':') ? 'ipv6' : /^[0-9.]+$/.test(host) ? 'ipv4' : 'name';
}

function isEnforcing(rule: Rule): boolean {
  return rule.mode !== 'bypass' && rule.onFailure === 'block';
}

type Say = (what: WeakenedField, message: string) => void;

/** How `after` is weaker than `before` on a host that both decide for. */
function compare(before: Rule, after: Rule, next: Policy, nowMs: number): Weaker[] {
  const weaker: Weaker[] = [];
  const say: Say = (what, message) => {
    const place = after.origins[what] ?? after.origins[what.split('.')[0] ?? what] ?? after.place;
    weaker.push({ what, message, place });
  };
  const isEnforced = isEnforcing(before);
  if (isEnforced && next.unmatched.action === 'judge' && after === next.unmatched.rule) {
    return [{ what: 'rule', message: 'no rule decides any more', place: null }];
  }
  compareFloor(before, after, nowMs, say);
  // What a rule only alerted about may go with it, but not under its name. The floor it enforced may not.
  if (before.name === after.name || isEnforced) {
    compareChecks(before, after, say);
    comparePins(before, after, nowMs, say);
    compareReach(before, after, say);
  }
  return weaker;
}

/** What holds whatever `onFailure` says. */
function compareFloor(before: Rule, after: Rule, nowMs: number, say: Say): void {
  if (MODE_STRENGTH[after.mode] < MODE_STRENGTH[before.mode]) {
    say('mode', `the mode goes from ${before.mode} to ${after.mode}`);
  }
  if (!isInForce(before.unsafeFloor, nowMs) && isInForce(after.unsafeFloor, nowMs)) {
    say('unsafeFloor', 'the floor is lowered');
  }
  if (isOlder(after.tls.minVersion, before.tls.minVersion)) {
    say('tls.minVersion', `TLS ${after.tls.minVersion} is enough where TLS ${before.tls.minVersion} was asked for`);
  }
  const { unsafeTls } = after;
  if (isInForce(unsafeTls, nowMs) && (!isInForce(before.unsafeTls, nowMs) || isLower(unsafeTls, before.unsafeTls))) {
    say('unsafeTls', `the TLS floor is lowered to ${printTlsFloor(unsafeTls)}`);
  }
}

function compareChecks(before: Rule, after: Rule, say: Say): void {
  if (before.onFailure === 'block' && after.onFailure === 'alert') {
    say('onFailure', 'a failure alerts and does not block any more');
  }
  for (const check of OPTIONAL_CHECKS) {
    if (CHECK_STRENGTH[after.checks[check]] < CHECK_STRENGTH[before.checks[check]]) {
      say(`checks.${check}`, `${check} goes from ${before.checks[check]} to ${after.checks[check]}`);
    }
  }
}

function comparePins(before: Rule, after: Rule, nowMs: number, say: Say): void {
  if (binds(before.pins.anyOf, nowMs) && !binds(after.pins.anyOf, nowMs)) {
    say('pins.anyOf', 'no key is pinned any more');
  }
  if (before.pins.anyOf.some(staysAfterExpiry) && after.pins.anyOf.some((pin) => !staysAfterExpiry(pin))) {
    if (before.pins.anyOf.every(staysAfterExpiry)) {
      say('pins.onExpiry', 'pins stop to block when they expire');
    }
  }
  const denied = new Set(after.pins.noneOf.map(pinKey));
  if (before.pins.noneOf.some((pin) => !denied.has(pinKey(pin)))) {
    say('pins.noneOf', 'a key is not denied any more');
  }
  if (asksForLess(before.certificatePolicies, after.certificatePolicies)) {
    say('certificatePolicies', 'certificates of another policy are enough');
  }
}

/** What may be dialled, and who is believed there. */
function compareReach(before: Rule, after: Rule, say: Say): void {
  if (before.plaintext === 'block' && after.plaintext === 'allow') {
    say('plaintext', 'plain HTTP is allowed');
  }
  if (after.allowPrivate.some((range) => !before.allowPrivate.includes(range))) {
    say('allowPrivate', 'more private addresses may be dialled');
  }
  if (!isWithin(after.anchors, before.anchors)) {
    say('anchors', 'other anchors are trusted');
  }
}

/** A rule that names no anchors has those of pinwarden.yaml, and so has `unmatched`. */
function followsGlobal(rule: Rule): boolean {
  return rule.origins['anchors'] === undefined;
}

/** The same choice, or fewer of its files: other sets cannot be ordered. */
function isWithin(after: AnchorsChoice, before: AnchorsChoice): boolean {
  if (typeof after === 'string' || typeof before === 'string') {
    return after === before;
  }
  return after.files.every((file) => before.files.includes(file));
}

/** Pins that still decide at `nowMs`: expired ones with `onExpiry: alert` do not. */
function binds(pins: readonly Pin[], nowMs: number): boolean {
  return pins.some((pin) => pin.expiresMs === null || pin.expiresMs > nowMs || pin.onExpiry === 'block');
}

function staysAfterExpiry(pin: Pin): boolean {
  return pin.expiresMs === null || pin.onExpiry === 'block';
}

/** Policies are kinds of certificates, not keys that rotate: one more is enough to be weaker, unless any was. */
function asksForLess(before: readonly string[], after: readonly string[]): boolean {
  if (before.length === 0) {
    return false;
  }
  return after.length === 0 || (!before.includes(OID.anyPolicy) && after.some((policy) => !before.includes(policy)));
}

function pinKey(pin: Pin): string {
  return `${pin.scope} ${pin.spkiSha256}`;
}

function isLower(after: UnsafeTls, before: UnsafeTls): boolean {
  if (isOlder(after.minVersion, before.minVersion)) return true;
  return after.ciphers === 'legacy' && before.ciphers === 'default';
}

interface Findings {
  readonly found: Map<string, Weakening>;
  /** Names of rules whose anchors changed because those of pinwarden.yaml did. */
  readonly followers: Set<string>;
}

function compareUnmatched(old: Policy, next: Policy, nowMs: number, { found, followers }: Findings): void {
  if (next.unmatched.action === 'deny') {
    return;
  }
  const after = next.unmatched.rule;
  const weaker: Weaker[] =
    old.unmatched.action === 'deny'
      ? [{ what: 'rule', message: 'hosts that no rule matches are not denied any more', place: after.place }]
      : // A policy that nothing is compared with: `unmatched` is the rule that decides here, not a loss.
        compare(old.unmatched.rule, after, { ...next, unmatched: { action: 'deny' } }, nowMs);
  const before = old.unmatched.action === 'deny' ? after : old.unmatched.rule;
  for (const entry of weaker) {
    if (entry.what === 'anchors' && followsGlobal(before) && followsGlobal(after)) {
      followers.add(UNMATCHED);
      continue;
    }
    found.set(`${before.name} ${entry.what}`, describe(before, entry, 'hosts that no rule matches', next));
  }
}

function describe(before: Rule, weaker: Weaker, host: string, next: Policy): Weakening {
  const namesake = next.byName.get(before.name);
  return Object.freeze({
    rule: before.name,
    what: weaker.what,
    place: weaker.place ?? namesake?.place ?? before.place,
    message: `weakens rule ${backtick(before.name)}, seen at ${host}: ${weaker.message}`,
    hint: `if it is meant, say \`weakens: [{ rule: ${before.name}, reason: …, until: … }]\` in the policy file`,
    severity: 'error' as const,
  });
}

/** More names than a line can bear. */
const MAX_NAMED = 5;

/** One entry is enough for it: nobody lists every rule that follows. */
function describeGlobalAnchors(followers: ReadonlySet<string>, old: Policy, next: Policy): Weakening {
  const names = [...followers].toSorted();
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  const listed = names.slice(0, MAX_NAMED).map(backtick).join(', ');
  const gone = old.anchorsPlace === null ? null : { ...old.anchorsPlace, line: 1, column: 1 };
  const place = next.anchorsPlace ?? gone ?? { file: 'pinwarden.yaml', line: 1, column: 1 };
  return Object.freeze({
    rule: UNMATCHED,
    what: 'anchors' as const,
    place,
    message: `\`anchors\` of pinwarden.yaml changes: other roots are trusted by what follows it (${listed}${more})`,
    hint: `if it is meant, say \`weakens: [{ rule: ${UNMATCHED}, reason: …, until: … }]\` in a policy file without owner`,
    severity: 'error' as const,
  });
}

function isAllowed(rule: string, old: Policy, next: Policy, nowMs: number): boolean {
  const owner = (old.byName.get(rule) ?? next.byName.get(rule))?.owner ?? null;
  return next.weakens.some(
    (entry) => entry.rule === rule && entry.untilMs > nowMs && (entry.owner === null || entry.owner === owner),
  );
}
