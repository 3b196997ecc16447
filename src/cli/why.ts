/**
 * `why EVENT`: one event, on one screen: who decided, expected and observed keys by name, what changed, how often, and
 * what to do next.
 *
 * Does: work from the audit files, the evidence locker and the policy files as they are now; no running proxy is
 * needed. The start of an id is enough.
 * Does not: change a file. What it prints as a diff has been tried with the loader of the proxy.
 */
import { CODES, type Code } from '../model/codes.ts';
import type { Facts } from '../model/outcome.ts';
import type { VerdictLine } from '../observe/audit-event.ts';
import {
  type Exhibit,
  type ExhibitFinding,
  type ExhibitOutcome,
  type ExpectedKey,
  type ObservedKey,
  observedKey,
} from '../observe/exhibit.ts';
import { parsePem } from '../pki/x509/pem.ts';
import type { Config } from '../policy/config.ts';
import { loadPolicy } from '../policy/load.ts';
import { printPlace } from '../policy/mistakes.ts';
import type { Policy, Rule } from '../policy/policy.ts';
import { readSources } from '../runtime/sources.ts';
import { shippedGroups } from '../runtime/supervisor-start.ts';
import { readInstallation } from './installation.ts';
import type { Io } from './io.ts';
import { evalOf, typedFor } from './next-command.ts';
import { type Files, loadFiles, shorten, shortPlace } from './policy-files.ts';
import { readTrust } from './read-trust.ts';
import { readPrefix } from './recorded.ts';
import { createScreen } from './screen.ts';
import { CommandError, EXIT_OK, readArguments, UsageError, withUsage } from './usage.ts';
import { type Case, findCase, sightingOf } from './why-case.ts';
import { type Change, changeOf, diffOf, type Edit, pinAdvice, pinEdit } from './why-fix.ts';
import { whyScreen } from './why-screen.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
} as const;

/** The event, from whichever record knows more. */
export interface Told {
  readonly eventId: string;
  readonly atMs: number;
  readonly host: string | null;
  readonly port: number | null;
  readonly client: string;
  readonly clientGroup: string | null;
  readonly user: string | null;
  readonly verdict: string;
  readonly code: Code | null;
  readonly rule: string | null;
  readonly owner: string | null;
  readonly generation: number | null;
  readonly address: string | null;
  readonly tlsVersion: string | null;
  readonly cipher: string | null;
  readonly group: string | null;
  readonly alpn: string | null;
  readonly findings: readonly ExhibitFinding[];
  readonly outcomes: Readonly<Record<string, ExhibitOutcome>>;
  readonly path: readonly ObservedKey[] | null;
  readonly nearest: readonly ObservedKey[] | null;
  /** Without either: what the upstream sent, leaf first; null: it is not on record. */
  readonly presented: readonly ObservedKey[] | null;
  readonly facts: Facts;
}

export interface Fix {
  readonly says: string;
  readonly diff: readonly string[];
  /** Commands to go on with. */
  readonly steps: readonly string[];
}

export interface Answer {
  readonly told: Told;
  readonly found: Case;
  readonly expected: readonly ExpectedKey[];
  /** `file:line:column`; null: the rule is not in the files any more. */
  readonly rulePlace: string | null;
  /** Null: nothing to compare. */
  readonly change: Change | null;
  /** What is known of a key beside its subject, with a space in front; empty: nothing. */
  readonly noteOf: (key: ObservedKey) => string;
  readonly fix: Fix;
}

/** @returns 0 told, 1 no such event, 2 usage. */
export async function runWhy(argv: readonly string[], io: Io): Promise<number> {
  return withUsage('why', io, async () => {
    const { values, positionals } = readArguments(argv, OPTIONS);
    const [id, second] = positionals;
    if (id === undefined || second !== undefined) throw new UsageError('name one event');
    const config = readInstallation(values.config, io);
    const typed = typedFor(config.file, io);
    const found = findCase(config, readPrefix(id, typed), typed);
    const answer = answerFor(config, found, io);
    io.out(values.json ? `${JSON.stringify(jsonOf(answer))}\n` : whyScreen(answer, createScreen(io)));
    return EXIT_OK;
  });
}

function answerFor(config: Config, found: Case, io: Io): Answer {
  const told = tell(found);
  const files = loadFiles(config.file, io);
  const rule = ruleNamed(told.rule, files.policy);
  const isJudged = found.exhibit !== null;
  const change = isJudged && told.verdict !== 'allow' ? changeOf(told.path, found.lastGood) : null;
  const good = new Set(found.lastGood?.keys);
  const place = rule === null ? null : printPlace(shortPlace(rule.place, io.cwd));
  return {
    told,
    found,
    expected: found.exhibit?.expected ?? (rule === null ? [] : rule.pins.anyOf.map(expectedOf)),
    rulePlace: place ?? (told.rule === null ? null : 'the rule is not in the files as they are now'),
    change,
    noteOf: ({ pin }) => (good.has(pin) ? ' [as on the last good chain]' : ''),
    fix: fixFor({ told, found, change, rule }, { config, files, io }),
  };
}

function ruleNamed(name: string | null, policy: Policy | null): Rule | null {
  if (name === null || policy === null) return null;
  const { unmatched } = policy;
  return (
    policy.byName.get(name) ?? (unmatched.action === 'judge' && unmatched.rule.name === name ? unmatched.rule : null)
  );
}

function expectedOf({ scope, spkiSha256, name, group, backup }: Rule['pins']['anyOf'][number]): ExpectedKey {
  return { scope, pin: `sha256/${spkiSha256}`, name, group, backup, expires: null };
}

/** The audit line says when and who; the exhibit what exactly was found. */
function tell(found: Case): Told {
  const { line, exhibit, eventId } = found;
  if (line === null && exhibit !== null) return tellExhibit(eventId, exhibit, found);
  if (line === null) throw new TypeError('an event without any record');
  const outcomes = Object.fromEntries(Object.entries(line.checks).map(([check, is]) => [check, { is, why: null }]));
  const subjects = line.path ?? [];
  const bare = (pin: string, at: number): ObservedKey => ({
    pin,
    subject: subjects[at] ?? '',
    issuer: subjects[at + 1] ?? '?',
    sha256: line.chain[at] ?? '',
    notBefore: null,
    notAfter: null,
  });
  const path = exhibit === null ? (line.path === null ? null : line.keys.map(bare)) : exhibit.path;
  return {
    ...line,
    findings: exhibit?.findings ?? line.codes.map((code) => ({ code, certificate: null, facts: {} })),
    outcomes: exhibit?.outcomes ?? outcomes,
    path,
    nearest: exhibit === null ? null : exhibit.nearest,
    presented: path !== null || (exhibit?.nearest ?? null) !== null ? null : presentedOf(line, exhibit),
  };
}

/** From the locker every certificate, from the audit line the names on the leaf. */
function presentedOf(line: VerdictLine | null, exhibit: Exhibit | null): readonly ObservedKey[] | null {
  const parsed = exhibit === null ? null : parsePem(exhibit.chain);
  if (parsed?.ok === true && parsed.value.length > 0) return parsed.value.map(observedKey);
  const { subject = null, issuer = null, chain = [] } = line ?? {};
  const [sha256 = ''] = chain;
  if (subject === null) return null;
  return [{ pin: '', subject, issuer: issuer ?? '?', sha256, notBefore: null, notAfter: null }];
}

function tellExhibit(eventId: string, exhibit: Exhibit, found: Case): Told {
  const sighting = sightingOf(found);
  return {
    ...exhibit,
    eventId,
    atMs: Date.parse(sighting?.at ?? exhibit.lastSeen),
    client: sighting?.client ?? '?',
    clientGroup: sighting?.group ?? null,
    user: null,
    presented: exhibit.path === null && exhibit.nearest === null ? presentedOf(null, exhibit) : null,
    facts: {},
  };
}

interface Matter {
  readonly told: Told;
  readonly found: Case;
  readonly change: Change | null;
  readonly rule: Rule | null;
}

interface Surroundings {
  readonly config: Config;
  readonly files: Files;
  readonly io: Io;
}

const EXPORT_ID = 8;

function fixFor(matter: Matter, around: Surroundings): Fix {
  const { told, found } = matter;
  const typed = typedFor(around.config.file, around.io);
  const alert = found.close?.clientAlert ?? null;
  if (alert !== null) {
    const trust = 'give it the CA, or bypass the host if it pins on its own';
    return {
      says:
        alert === 'closed'
          ? `nothing, unless requests fail there: then the client does not trust the CA of the proxy; ${trust}`
          : `the client does not trust the CA of the proxy (${alert}): ${trust}`,
      diff: [],
      steps: [
        `${evalOf(typed('env'))}      # for the shell that starts the client`,
        `${typed('ca trust')}           # for the stores of this machine`,
      ],
    };
  }
  if (told.code === null) return { says: 'nothing is wrong', diff: [], steps: [] };
  const steps = found.exhibit === null ? [] : [typed(`evidence export ${found.exhibit.id.slice(0, EXPORT_ID)}`)];
  const target = told.host === null ? null : `${told.host}${told.port === 443 ? '' : `:${told.port}`}`;
  if (told.code !== 'pin.mismatch' || matter.rule === null || found.exhibit === null) {
    const isChain = found.exhibit !== null && target !== null;
    return { says: CODES[told.code].next, diff: [], steps: isChain ? [compareWith(target), ...steps] : steps };
  }
  return pinFix(matter, { rule: matter.rule, exhibit: found.exhibit }, around, [
    ...(target === null ? [] : [compareWith(target)]),
    ...steps,
  ]);
}

function compareWith(target: string): string {
  return `pinwarden probe ${target}   # from another network`;
}

const PIN_WORDS: Readonly<Record<Change['is'], string>> = {
  'same-ca': 'if the key was rotated on purpose, add its pin:',
  'same-keys': 'put the pins of the rule back as they were, or add that of the key that this host had all along:',
  'other-ca': 'only if you know that this host changed its CA, add its pin; else somebody is in the middle:',
  unknown: 'only if you know that this host changed its CA, add its pin; else somebody is in the middle:',
};

function pinFix(
  { change }: Matter,
  { rule, exhibit }: { readonly rule: Rule; readonly exhibit: Exhibit },
  { config, files, io }: Surroundings,
  steps: readonly string[],
): Fix {
  const changed: Change = change ?? { is: 'unknown', says: '' };
  const advice = pinAdvice(exhibit, rule, changed, endsInPublicRoot(exhibit, config, files.policy));
  if ('no' in advice) {
    return { says: `no pin is offered: ${advice.no}; ${CODES['pin.mismatch'].next}`, diff: [], steps };
  }
  const known = rule.pins.anyOf.some(({ spkiSha256 }) =>
    exhibit.path?.some(({ pin }) => pin === `sha256/${spkiSha256}`),
  );
  if (known) return { says: 'the rule pins a key of this path by now: nothing to do', diff: [], steps: [] };
  const says = PIN_WORDS[changed.is];
  const policy = files.policy;
  const edit =
    policy === null ? null : pinEdit(policy, rule, advice, files.texts, (tried) => compileWith(config, tried));
  if (edit !== null) return { says, diff: diffOf(edit, shorten(edit.file, io.cwd)), steps };
  const where = printPlace(shortPlace(rule.place, io.cwd));
  return {
    says: `${says} in pins.anyOf of rule ${rule.name} (${where})`,
    diff: [`+ { ${advice.scope}: "${advice.key.pin}" }`],
    steps,
  };
}

/** The same name with the same key as a root of the public set. */
function endsInPublicRoot({ path }: Exhibit, config: Config, policy: Policy | null): boolean {
  const root = path?.at(-1);
  if (root === undefined) return false;
  try {
    const { anchors } = readTrust(config, policy).publicAnchors;
    return anchors.some(({ certificate }) => `sha256/${certificate.spkiSha256}` === root.pin);
  } catch (thrown) {
    if (thrown instanceof CommandError) return false;
    throw thrown;
  }
}

function compileWith(config: Config, edit: Edit): Policy | null {
  const sources = readSources(config).sources.map((one) =>
    one.file === edit.file ? { ...one, text: edit.after } : one,
  );
  const loaded = loadPolicy(sources, config, shippedGroups());
  return loaded.ok ? loaded.value : null;
}

function jsonOf({ told, found, expected, rulePlace, change, fix }: Answer): object {
  const { alike, lastGood, close, exhibit } = found;
  return {
    ...told,
    record: undefined,
    at: new Date(told.atMs).toISOString(),
    rulePlace,
    expected,
    change,
    alike: alike === null ? null : { ...alike, clients: Object.fromEntries(alike.clients) },
    lastGood: lastGood?.record ?? null,
    close: close?.record ?? null,
    evidence: exhibit?.id ?? null,
    fix,
  };
}
