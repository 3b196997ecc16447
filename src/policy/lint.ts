/**
 * What is allowed and probably not meant: warnings that depend on today or on all rules together.
 *
 * Does: expiry, missing backups, dead and duplicate pins, dead exceptions, wildcards over public suffixes, hosts that
 * a wildcard leaves out, lowered floors of chains and of TLS, leftovers in `weakens`, listeners that everybody reaches,
 * words that do nothing, demands that nothing can meet or that some roots escape, private ranges that are very wide.
 * Does not: refuse anything; `check --strict` does.
 */
import { parseCidr, parseIp } from '../model/ip.ts';
import { printTlsFloor } from '../model/tls.ts';
import { isPublicSuffix } from '../pki/x509/public-suffix.ts';
import type { Gaps } from './assemble.ts';
import type { Config } from './config.ts';
import { printDay } from './dates.ts';
import { liesWithin } from './hosts.ts';
import { lookup } from './lookup.ts';
import { backtick, byPlace, type Mistake } from './mistakes.ts';
import type { HostPattern, Pin, Place, Policy, Rule } from './policy.ts';
import { UNMATCHED } from './policy-file.ts';

const DAY_MS = 86_400_000;
/** Weeks enough for a change that needs a review and a roll-out. */
export const EXPIRY_NOTICE_MS = 30 * DAY_MS;

type Say = (place: Place, message: string, hint: string) => void;

/**
 * Warnings at `nowMs` (milliseconds since the epoch), in the order of files. `gaps`: what is missing of `policy` and
 * `config` because files are broken; then only what is whole is looked at, on its own.
 */
export function lint(policy: Policy, config: Config, nowMs: number, gaps: Gaps | null = null): readonly Mistake[] {
  const found = new Map<string, Mistake>();
  const say: Say = (place, message, hint) => {
    const key = `${place.file} ${place.line} ${place.column} ${message}`;
    found.set(key, Object.freeze({ place, message, hint, severity: 'warning' }));
  };
  lintListeners(config, say);
  const rules = gaps === null ? policy.rules : policy.rules.filter(({ place }) => !gaps.faulty.has(place));
  const demands = gaps?.config === true ? [] : [...rules, ...judging(policy)];
  for (const rule of rules) {
    lintPins(rule, nowMs, say);
    lintHosts(rule, gaps === null ? policy : null, say);
    lintFloor(rule, nowMs, say);
    lintUnsafeTls(rule, nowMs, say);
    lintIdleWords(rule, say);
    lintRanges(rule, say);
  }
  for (const rule of demands) {
    lintDemands(rule, config, say);
  }
  lintWeakens(policy, gaps === null, nowMs, say);
  return [...found.values()].toSorted(byPlace);
}

function judging({ unmatched }: Policy): readonly Rule[] {
  return unmatched.action === 'judge' ? [unmatched.rule] : [];
}

function lintListeners(config: Config, say: Say): void {
  for (const { address } of config.listen) {
    const isLoopback = address.startsWith('127.') || address === '::1';
    if (!isLoopback && parseIp(address) !== null) {
      const message = `the proxy listens on ${address}: whoever reaches it may use it`;
      say({ file: config.file, line: 1, column: 1 }, message, 'keep others out by network policy');
    }
  }
}

function lintPins(rule: Rule, nowMs: number, say: Say): void {
  const { anyOf, noneOf } = rule.pins;
  for (const pin of anyOf) {
    lintExpiry(pin, nowMs, say);
    if (noneOf.some((denied) => denied.spkiSha256 === pin.spkiSha256)) {
      say(
        pin.place,
        `rule ${backtick(rule.name)} both asks for this key and denies it`,
        'keep it in one of the two lists',
      );
    }
  }
  const seen = new Set<string>();
  for (const pin of anyOf) {
    const key = `${pin.scope} ${pin.spkiSha256}`;
    if (seen.has(key)) {
      say(rule.origins['pins'] ?? rule.place, `rule ${backtick(rule.name)} pins a key twice`, 'remove one of them');
    }
    seen.add(key);
  }
  const alive = new Set(
    anyOf.filter(({ expiresMs }) => expiresMs === null || expiresMs > nowMs).map((pin) => pin.spkiSha256),
  );
  if (anyOf.length > 0 && alive.size < 2) {
    say(
      rule.origins['pins'] ?? rule.place,
      `rule ${backtick(rule.name)} has ${alive.size === 0 ? 'no unexpired key' : 'a single key and no backup'}`,
      'add a key to rotate to (`backup: true`) or a CA group',
    );
  }
}

function lintExpiry(pin: Pin, nowMs: number, say: Say): void {
  if (pin.expiresMs === null || pin.expiresMs > nowMs + EXPIRY_NOTICE_MS) {
    return;
  }
  const effect = pin.onExpiry === 'block' ? 'mismatches go on to block' : 'mismatches only alert then';
  const verb = pin.expiresMs <= nowMs ? 'expired' : 'expires';
  say(pin.place, `the key ${verb} on ${printDay(pin.expiresMs)}; ${effect}`, 'review the group and move `expires:`');
}

/** `policy`: null when rules are missing that may cover what a wildcard leaves out. */
function lintHosts(rule: Rule, policy: Policy | null, say: Say): void {
  for (const except of rule.except) {
    const overlaps = (pattern: HostPattern): boolean =>
      liesWithin({ ...except, port: except.port ?? pattern.port }, pattern) ||
      liesWithin({ ...pattern, port: pattern.port ?? except.port }, except);
    if (!rule.match.some(overlaps)) {
      say(
        except.place,
        `${backtick(except.text)} is outside what the rule matches, so it takes nothing out`,
        'remove it',
      );
    }
  }
  for (const pattern of rule.match) {
    if (pattern.kind === 'exact') {
      continue;
    }
    if (isPublicSuffix(pattern.host)) {
      say(pattern.place, `${backtick(pattern.text)} covers a whole public suffix`, 'name the domains that are meant');
      continue;
    }
    if (policy === null) continue;
    const apex = lookup(policy, { host: pattern.host, kind: 'name', port: pattern.port ?? 443 }, rule.clients);
    if (rule.pins.anyOf.length > 0 && apex.kind === 'rule' && apex.pattern === null) {
      const message = `${backtick(pattern.text)} does not cover ${backtick(pattern.host)}, and no other rule does`;
      say(pattern.place, message, `add ${backtick(pattern.host)} if it is meant`);
    }
  }
}

/** What looks like a demand, or a reason, and is none. */
function lintIdleWords(rule: Rule, say: Say): void {
  const name = backtick(rule.name);
  const { pins, origins, match, except } = rule;
  if (rule.onFailure === 'block' && origins['pins'] !== undefined && pins.anyOf.length + pins.noneOf.length === 0) {
    say(origins['pins'], `the pins of rule ${name} are empty, so no key is asked for`, 'list keys, or remove `pins:`');
  }
  if (match.every((pattern) => except.some((outer) => liesWithin(pattern, outer)))) {
    say(origins['except'] ?? rule.place, `\`except\` takes everything out that rule ${name} matches`, 'correct it');
  }
  if (rule.reason !== null && rule.mode !== 'bypass') {
    say(origins['reason'] ?? rule.place, `\`reason\` of rule ${name} means nothing without a bypass`, 'remove it');
  }
}

/** The largest private blocks of RFC 1918 and what one organisation has of fc00::/7 are not wider. */
const WIDEST_BITS = { ipv4: 8, ipv6: 16 } as const;

function lintRanges(rule: Rule, say: Say): void {
  for (const range of rule.allowPrivate) {
    const cidr = parseCidr(range);
    const widest = cidr?.bytes.length === 4 ? WIDEST_BITS.ipv4 : WIDEST_BITS.ipv6;
    if (cidr === null || cidr.prefixBits >= widest) {
      continue;
    }
    const message = `rule ${backtick(rule.name)} may dial ${range}: loopback, metadata services and whatever else is in there`;
    say(rule.origins['allowPrivate'] ?? rule.place, message, 'list the ranges that its hosts have');
  }
}

function lintDemands(rule: Rule, { ct }: Config, say: Say): void {
  if (rule.mode === 'bypass') {
    return;
  }
  const name = backtick(rule.name);
  const at = (check: string): Place => rule.origins[`checks.${check}`] ?? rule.place;
  if (rule.checks.ct === 'require' && ct.logList === null) {
    const message = `rule ${name} requires ct and there is no log list, so every chain below a public root fails`;
    say(at('ct'), message, 'name a list in `ct.logList` of pinwarden.yaml');
  }
  for (const check of ['ct', 'lifetime'] as const) {
    if (rule.checks[check] === 'require' && rule.anchors !== 'public' && rule.checks.publicRoot !== 'require') {
      const message = `rule ${name} requires ${check}, but it is skipped for paths to a root outside the public set, and the anchors may have some`;
      say(at(check), message, 'say `publicRoot: require` too, or `anchors: public`');
    }
  }
}

function lintFloor(rule: Rule, nowMs: number, say: Say): void {
  if (rule.unsafeFloor === null) {
    return;
  }
  const place = rule.origins['unsafeFloor'] ?? rule.place;
  const day = printDay(rule.unsafeFloor.untilMs);
  if (rule.unsafeFloor.untilMs <= nowMs) {
    say(place, `the lowered floor of rule ${backtick(rule.name)} ended on ${day}`, 'remove `unsafeFloor:`');
  } else {
    say(place, `rule ${backtick(rule.name)} lets invalid upstreams through until ${day}`, 'make the upstream valid');
  }
}

function lintUnsafeTls({ name, place: at, origins, unsafeTls }: Rule, nowMs: number, say: Say): void {
  if (unsafeTls === null) {
    return;
  }
  const place = origins['unsafeTls'] ?? at;
  const day = printDay(unsafeTls.untilMs);
  if (unsafeTls.untilMs <= nowMs) {
    say(place, `the lowered TLS floor of rule ${backtick(name)} ended on ${day}`, 'remove `unsafeTls:`');
  } else {
    const isNear = unsafeTls.untilMs <= nowMs + EXPIRY_NOTICE_MS;
    const after = isNear ? '; from then on such an upstream is refused' : '';
    const message = `rule ${backtick(name)} accepts ${printTlsFloor(unsafeTls)}, until ${day}${after}`;
    say(place, message, 'upgrade the upstream');
  }
}

function lintWeakens(policy: Policy, isComplete: boolean, nowMs: number, say: Say): void {
  for (const entry of policy.weakens) {
    if (entry.untilMs <= nowMs) {
      say(entry.place, `this entry ended on ${printDay(entry.untilMs)}`, 'remove it');
    } else if (isComplete && entry.rule !== UNMATCHED && !policy.byName.has(entry.rule)) {
      say(entry.place, `there is no rule ${backtick(entry.rule)} any more`, 'remove the entry once it is rolled out');
    }
  }
}
