/**
 * A ready policy file from what a probe saw. Pure.
 *
 * Does: pin two CA keys of the verified path, the issuing CA and its backup nearest to the anchor, and start with
 * `alert`; name the shipped group that holds one of them.
 * Does not: print a rule for anything but a chain without a single finding, verified to the public set or to anchors
 * that were named. A rule made from an intercepted connection would pin the interceptor.
 */
import { isIP } from 'node:net';
import { join, relative } from 'node:path';
import { CODES, type Code } from '../model/codes.ts';
import { parseIp } from '../model/ip.ts';
import { clip } from '../model/text.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import type { AnchorsChoice } from '../policy/policy.ts';
import { judgeAddress } from '../upstream/addresses.ts';
import type { Probed } from './probe-facts.ts';
import type { Glass, Seen } from './probe-look.ts';

export type RuleText =
  | { readonly ok: true; readonly lines: readonly string[] }
  | { readonly ok: false; readonly why: string; readonly next: string };

const HTTPS_PORT = 443;
const NAME_MAX = 64;

/** Where the file will most likely lie: the policies of the configuration at hand. Absolute. */
export interface Home {
  readonly config: string;
  readonly policies: string;
}

/** Lines of one entry of `rules:`. `names`: taken names; the new one is added. */
export function ruleLines(
  probed: Probed,
  { groups, home }: Pick<Glass, 'groups'> & { readonly home: Home },
  anchors: AnchorsChoice,
  names: Set<string>,
): RuleText {
  const seen = probed.views.findLast((view) => view.kind === 'seen');
  if (probed.word !== 'good' || seen === undefined || seen.report.path === null) return refusal(probed);
  const { authority } = seen.evidence;
  const issuers = seen.report.path.slice(1);
  const [issuing] = issuers;
  if (issuing === undefined) {
    return {
      ok: false,
      why: 'the certificate is its own anchor: there is no CA key to pin',
      next: 'pin the leaf by hand: pinwarden pins FILE.pem',
    };
  }
  const backup = issuers.findLast(({ spkiSha256 }) => spkiSha256 !== issuing.spkiSha256) ?? null;
  const host = authority.kind === 'ipv6' ? `[${authority.host}]` : authority.host;
  const match = authority.port === HTTPS_PORT ? host : `${host}:${authority.port}`;
  const isTransparent = seen.report.outcomes.ct.is === 'pass';
  const checks = [...(anchors === 'public' ? ['publicRoot: require'] : []), ...(isTransparent ? ['ct: require'] : [])];
  return {
    ok: true,
    lines: [
      `  - name: ${ruleName(authority.host, names)}`,
      `    match: [${JSON.stringify(match)}]`,
      '    onFailure: alert              # block when its alerts have stayed away for a while',
      ...anchorLines(anchors, home),
      ...privateLines(seen),
      '    pins:',
      '      anyOf:',
      ...pinLines(issuing, backup),
      ...groupLines(issuers, { groups }),
      ...(checks.length === 0 ? [] : [`    checks: { ${checks.join(', ')} }`]),
    ],
  };
}

/** What to do about a chain with this finding. A root of one's own is mostly not sent: such a chain looks incomplete. */
export function nextAfter(code: Code): string {
  const ofNobody = code === 'chain.private-root' || code === 'chain.incomplete' || code === 'chain.self-signed';
  if (!ofNobody) return CODES[code].next;
  const other = code === 'chain.incomplete' ? 'an intermediate is missing or ' : '';
  return `if the root is yours, name it: --anchors FILE; if not, ${other}somebody is in the middle`;
}

function refusal({ word, code, comparison }: Probed): RuleText {
  if (comparison?.is === 'different') {
    return { ok: false, why: comparison.says, next: 'find out which way is intercepted; pin neither until then' };
  }
  if (word === 'unreached' || code === null) {
    return {
      ok: false,
      why: `nothing was seen (${code ?? 'no answer'})`,
      next: code === null ? 'try again' : CODES[code].next,
    };
  }
  return {
    ok: false,
    why: `${CODES[code].says} (${code}): pins of this chain could be an attacker's`,
    next: nextAfter(code),
  };
}

function pinLines(issuing: Certificate, backup: Certificate | null): readonly string[] {
  const line = (certificate: Certificate, more: string): string =>
    `        - { ca: "sha256/${certificate.spkiSha256}", name: ${JSON.stringify(nameOf(certificate))}${more} }`;
  if (backup === null) {
    return [line(issuing, ''), '        # one CA key only: add a backup before `onFailure: block`'];
  }
  return [line(issuing, ''), line(backup, ', backup: true')];
}

/** The common name, as reports print it; short, and without characters that play tricks. */
function nameOf({ subject }: Certificate): string {
  const common = /(?:^|,)CN=((?:\\.|[^,\\])+)/.exec(subject.text)?.[1] ?? subject.text;
  return clip(common, 80).replaceAll(/[^\x20-\x7e]/g, '?');
}

function groupLines(issuers: readonly Certificate[], { groups }: Pick<Glass, 'groups'>): readonly string[] {
  const keys = new Set(issuers.map(({ spkiSha256 }) => spkiSha256));
  const names = [...groups]
    .filter(([, { pins }]) => pins.some((pin) => keys.has(pin.spkiSha256)))
    .map(([name]) => name);
  return names.map((name) => `        # or all keys of this CA: - { ca: ${JSON.stringify(name)} }`);
}

/**
 * Files of the configuration's directory relative to the policies: that directory is what goes to other machines and
 * into images. What lies elsewhere has no other name than its own.
 */
function anchorLines(anchors: AnchorsChoice, { config, policies }: Home): readonly string[] {
  if (anchors === 'public') return [];
  if (anchors === 'system') return ['    anchors: system'];
  const isBeside = anchors.files.every((file) => file.startsWith(`${config}/`));
  const files = isBeside ? anchors.files.map((file) => relative(policies, file)) : anchors.files;
  return [
    isBeside
      ? '    # relative to this file, if it lies where the policies are; change it for another place'
      : '    # a file of this machine: where the proxy runs elsewhere, as in an image, put it beside and change this',
    `    anchors: ${JSON.stringify(files)}`,
  ];
}

/** A private address must be allowed by name, or the proxy will not dial it. */
function privateLines({ evidence, via }: Seen): readonly string[] {
  const bytes = evidence.address === null || via !== null ? null : parseIp(evidence.address);
  if (bytes === null || judgeAddress(bytes, 0, [], { endpoints: [], interfaces: [] }).ok) return [];
  return [`    allowPrivate: [${JSON.stringify(`${evidence.address}/${bytes.length * 8}`)}]`];
}

function ruleName(host: string, names: Set<string>): string {
  const base =
    host
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '')
      .slice(0, NAME_MAX - 4) || 'host';
  let name = isIP(host) === 0 ? base : `ip-${base}`;
  for (let count = 2; names.has(name); count += 1) name = `${base}-${count}`;
  names.add(name);
  return name;
}

export interface Seeing {
  /** ISO date. */
  readonly seenOn: string;
  readonly compared: boolean;
  readonly home: Home;
}

/** A whole policy file. */
export function policyText(rules: readonly (readonly string[])[], { seenOn, compared, home }: Seeing): string {
  const schema = relative(home.policies, join(home.config, 'policy.schema.json'));
  const advice = compared
    ? 'Seen in two ways with the same CA.'
    : 'Seen from one network only: compare with `pinwarden probe HOST --via PROXY` before it blocks.';
  return [
    // As in the files that ship: editors check it where it is saved among the policies.
    `# yaml-language-server: $schema=${schema}`,
    `# From \`pinwarden probe --yaml\` on ${seenOn}.`,
    `# ${advice}`,
    'version: 1',
    'rules:',
    ...rules.flat(),
    '',
  ].join('\n');
}
