/**
 * Name constraints (RFC 5280 §4.2.1.10): the names of one certificate against the trees of one issuer.
 *
 * Does: dNSName, iPAddress, directoryName, rfc822Name and URI in the subjectAltName, the subject itself against
 * directory trees and its emailAddress attributes against email trees; forms that nobody compares fail when the
 * extension is critical. A wildcard is inside a permitted tree when all it can match is, and inside an excluded tree
 * when anything it can match is. A common name that looks like a host is held against dNSName trees when there is no
 * dNSName: it is no identity to us, but clients that read it must not be led past the constraints.
 * Does not: walk a path, or exempt self-issued certificates: path/ does.
 */

import type { Certificate, GeneralNames, IpRange, Name, NameConstraints } from './certificate.ts';

/** Most comparisons of names with trees. A thousand names under 250 trees; measured at 6 ms. */
export const MAX_COMPARISONS = 250_000;

/** Violations after these are not listed: one is enough to refuse, some help to understand. */
const MAX_VIOLATIONS = 8;

export interface NameViolation {
  readonly form:
    | 'dns'
    | 'ip'
    | 'email'
    | 'uri'
    | 'directory'
    | 'subject'
    | 'subject-email'
    | 'subject-host'
    | 'other'
    | 'any';
  /** `unreadable`: a name or tree of a constrained form that cannot be compared. `budget`: nothing was compared. */
  readonly why: 'excluded' | 'not-permitted' | 'unreadable' | 'unsupported-form' | 'budget';
  /** As in the certificate, at most 256 characters; bytes as hex. Whoever prints it escapes it. */
  readonly name: string;
}

/** Everything about `certificate` that breaks `constraints`; empty: nothing does. */
export function checkNameConstraints(constraints: NameConstraints, certificate: Certificate): readonly NameViolation[] {
  const names = certificate.extensions.subjectAltName;
  if (comparisons(constraints, certificate) > MAX_COMPARISONS) return [{ form: 'any', why: 'budget', name: '' }];
  const found: NameViolation[] = [];
  const judge = <T>(form: NameViolation['form'], values: readonly T[], print: (value: T) => string, rule: Rule<T>) => {
    for (const value of values) {
      if (found.length >= MAX_VIOLATIONS) return;
      const why = rule(value);
      if (why !== null) found.push(Object.freeze({ form, why, name: print(value).slice(0, 256) }));
    }
  };
  const same = (text: string): string => text;
  judge('dns', names?.dns ?? [], same, dnsRule(constraints));
  judge('ip', names?.ip ?? [], (ip) => ip.toString('hex'), ipRule(constraints));
  judge('email', names?.email ?? [], same, emailRule(constraints, 'exact'));
  judge('uri', names?.uri ?? [], same, uriRule(constraints));
  judge('directory', names?.directory ?? [], (name) => name.text, directoryRule(constraints));
  // An empty subject names nothing, as long as the subjectAltName does.
  const subjects = certificate.subject.key === '' && names !== undefined ? [] : [certificate.subject];
  judge('subject', subjects, (name) => name.text, directoryRule(constraints));
  const emails = certificate.subject.emails.map((email) => email ?? '');
  judge('subject-email', emails, same, emailRule(constraints, 'any-case-excluded'));
  judge('subject-host', hostsOfSubject(certificate), same, dnsRule(constraints));
  judge('other', names?.otherTags ?? [], String, otherRule(constraints));
  return Object.freeze(found);
}

/** Why a name breaks the constraints; null: it does not. */
type Rule<T> = (name: T) => NameViolation['why'] | null;

type Form = Exclude<keyof GeneralNames, 'otherTags'>;

function treeCount(constraints: NameConstraints, form: Form): number {
  return constraints.permitted[form].length + constraints.excluded[form].length;
}

/** How many comparisons `checkNameConstraints` may take; path building counts them over a whole search. */
export function comparisons(constraints: NameConstraints, certificate: Certificate): number {
  const names = certificate.extensions.subjectAltName;
  const count = (form: Form, extra: number) => ((names?.[form].length ?? 0) + extra) * treeCount(constraints, form);
  const emails = certificate.subject.emails.length;
  const tags = constraints.permitted.otherTags.length + constraints.excluded.otherTags.length;
  const other = (names?.otherTags.length ?? 0) * tags;
  return (
    count('dns', hostsOfSubject(certificate).length) +
    count('ip', 0) +
    count('email', emails) +
    count('uri', 0) +
    count('directory', 1) +
    other
  );
}

/** Excluded trees win over permitted ones (RFC 5280 §4.2.1.10). */
function decide(excluded: boolean, anyPermitted: boolean, permitted: boolean): NameViolation['why'] | null {
  if (excluded) return 'excluded';
  return anyPermitted && !permitted ? 'not-permitted' : null;
}

// dNSName

/** Labels of letters, digits, hyphens and underscores, and perhaps one star as the left-most label. */
const DNS_NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;

const ENDS_IN_NUMBER = /\.[0-9]+$/;

/**
 * Common names that old clients take for a host, as OpenSSL does for an end-entity without a dNSName. One that is an
 * address is no dNSName; only where no subjectAltName says so it is held against the trees all the same.
 */
function hostsOfSubject({ subject, extensions }: Certificate): readonly string[] {
  const names = extensions.subjectAltName;
  if (extensions.basicConstraints?.ca === true || (names?.dns.length ?? 0) > 0) return [];
  return subject.commonNames.filter((written) => {
    // A trailing dot makes it no host, in OpenSSL too.
    const name = written.toLowerCase();
    return name.includes('.') && DNS_NAME.test(name) && (names === undefined || !ENDS_IN_NUMBER.test(name));
  });
}

function dnsRule(constraints: NameConstraints): Rule<string> {
  const permitted = constraints.permitted.dns.map(canonicalDns);
  const excluded = constraints.excluded.dns.map(canonicalDns);
  if (permitted.length + excluded.length === 0) return () => null;
  // An excluded tree that cannot be read might have covered any name.
  const unreadable = !excluded.every(isDnsTree);
  return (written) => {
    const name = canonicalDns(written);
    if (unreadable || !DNS_NAME.test(name)) return 'unreadable';
    return decide(
      excluded.some((tree) => dnsInside(name, tree) || isBelow(name, tree) || wildcardReaches(name, tree)),
      permitted.length > 0,
      permitted.some((tree) => dnsInside(name, tree)),
    );
  };
}

/** Lower case, without the dot that makes a name absolute. A lone dot stays: it names nothing, unlike the empty tree. */
function canonicalDns(name: string): string {
  const lower = name.toLowerCase();
  return lower.length > 1 && lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** What a dNSName tree may be, a leading period included; a lone dot holds nothing, as in BoringSSL. */
function isDnsTree(tree: string): boolean {
  return tree === '' || tree === '.' || HOST.test(tree.startsWith('.') ? tree.slice(1) : tree);
}

/**
 * A tree holds itself and what is below it, the empty one everything. With a leading period it is malformed, because
 * only URI trees may have one (RFC 5280 §4.2.1.10): it permits nothing, and excludes what is below it.
 */
function dnsInside(name: string, tree: string): boolean {
  if (tree === '') return true;
  return (
    name === tree || (name.length > tree.length && name.endsWith(tree) && name[name.length - tree.length - 1] === '.')
  );
}

function isBelow(name: string, tree: string): boolean {
  return tree.startsWith('.') && name.length > tree.length && name.endsWith(tree);
}

/** Whether `*.x` can match the root of `tree`: the tree is exactly one label below x. */
function wildcardReaches(name: string, tree: string): boolean {
  if (!name.startsWith('*.')) return false;
  const label = tree.length - (name.length - 1);
  return label > 0 && tree.endsWith(name.slice(1)) && tree.indexOf('.') === label;
}

// iPAddress

function ipRule({ permitted, excluded }: NameConstraints): Rule<Buffer> {
  return (address) =>
    decide(
      excluded.ip.some((range) => ipInside(address, range)),
      permitted.ip.length > 0,
      permitted.ip.some((range) => ipInside(address, range)),
    );
}

/** Families are apart: an IPv4-mapped IPv6 address is not in an IPv4 range. */
function ipInside(address: Buffer, range: IpRange): boolean {
  if (address.length !== range.address.length) return false;
  for (let i = 0; i < address.length; i++) {
    if ((((address[i] ?? 0) ^ (range.address[i] ?? 0)) & (range.mask[i] ?? 0)) !== 0) return false;
  }
  return true;
}

// directoryName

/** Keys of names are built so that a key is a prefix of another exactly when its RDNs are (name.ts). */
function directoryRule({ permitted, excluded }: NameConstraints): Rule<Name> {
  const isVague = excluded.directory.some((tree) => tree.hasTeletex);
  return (name) =>
    decide(
      excluded.directory.some((tree) => name.key.startsWith(tree.key)),
      permitted.directory.length > 0,
      permitted.directory.some((tree) => name.key.startsWith(tree.key)),
      // Different bytes of a TeletexString prove no difference: the excluded tree might have covered this name.
    ) ?? (isVague || (name.hasTeletex && excluded.directory.length > 0) ? 'unreadable' : null);
}

// rfc822Name

interface EmailTree {
  /** null: any mailbox of the host. */
  readonly local: string | null;
  /** With a leading period: hosts below it; else that host alone. */
  readonly host: string;
}

const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*$/;
const HOST = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;

/**
 * Local parts compare with case (RFC 5321 §2.4), except that an excluded tree covers the emailAddress of a subject in
 * any case: there the standards never said which it is, so the stricter reading holds.
 */
function emailRule({ permitted, excluded }: NameConstraints, mode: 'exact' | 'any-case-excluded'): Rule<string> {
  if (permitted.email.length + excluded.email.length === 0) return () => null;
  const inside = permitted.email.map(parseEmailTree);
  const outside = excluded.email.map(parseEmailTree);
  return (text) => {
    const mailbox = parseMailbox(text);
    // An excluded tree that cannot be read might have covered this name.
    if (mailbox === null || outside.includes(null)) return 'unreadable';
    return decide(
      outside.some((tree) => tree !== null && emailInside(mailbox, tree, mode === 'any-case-excluded')),
      inside.length > 0,
      inside.some((tree) => tree !== null && emailInside(mailbox, tree, false)),
    );
  };
}

/** `local@host`; quoted local parts and address literals are not read. */
function parseMailbox(text: string): { readonly local: string; readonly host: string } | null {
  const at = text.indexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  const host = text.slice(at + 1).toLowerCase();
  return at > 0 && LOCAL_PART.test(local) && isHost(host) ? { local, host } : null;
}

function parseEmailTree(text: string): EmailTree | null {
  if (text.includes('@')) return parseMailbox(text);
  const host = text.toLowerCase();
  return isHost(host.startsWith('.') ? host.slice(1) : host) ? { local: null, host } : null;
}

/** A DNS name, not an IPv4 address: its last label is not a number. */
function isHost(host: string): boolean {
  return HOST.test(host) && !/(?:^|\.)[0-9]+$/.test(host);
}

function emailInside(mailbox: { local: string; host: string }, tree: EmailTree, anyCase: boolean): boolean {
  if (tree.local === null) return hostInside(mailbox.host, tree.host);
  if (mailbox.host !== tree.host) return false;
  return anyCase ? mailbox.local.toLowerCase() === tree.local.toLowerCase() : mailbox.local === tree.local;
}

/** For email and URI trees: with a leading period hosts below it, else that host alone. */
function hostInside(host: string, tree: string): boolean {
  return tree.startsWith('.') ? host.length > tree.length && host.endsWith(tree) : host === tree;
}

// URI

/** A URI without a host name, or whose host is an address, breaks any URI constraint (RFC 5280 §4.2.1.10). */
function uriRule({ permitted, excluded }: NameConstraints): Rule<string> {
  if (permitted.uri.length + excluded.uri.length === 0) return () => null;
  const inside = permitted.uri.map((tree) => tree.toLowerCase());
  const outside = excluded.uri.map((tree) => tree.toLowerCase());
  const unreadable = outside.some((tree) => !isHost(tree.startsWith('.') ? tree.slice(1) : tree));
  return (text) => {
    const host = uriHost(text);
    if (host === null || unreadable) return 'unreadable';
    return decide(
      outside.some((tree) => hostInside(host, tree)),
      inside.length > 0,
      inside.some((tree) => hostInside(host, tree)),
    );
  };
}

/** scheme "://" [userinfo "@"] host [":" port] (RFC 3986 §3.2); percent-encoded and bracketed hosts are not read. */
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[^/?#@\\]*@)?([A-Za-z0-9._-]+)(?::[0-9]*)?(?:[/?#]|$)/;

function uriHost(text: string): string | null {
  const host = canonicalDns(URI.exec(text)?.[1] ?? '');
  return isHost(host) ? host : null;
}

// Forms that are not compared

/** RFC 5280 §4.2.1.10: a critical constraint on a form that is present must be processed or refused. */
function otherRule({ critical, permitted, excluded }: NameConstraints): Rule<number> {
  const constrained = new Set([...permitted.otherTags, ...excluded.otherTags]);
  return (tag) => (critical && constrained.has(tag) ? 'unsupported-form' : null);
}
