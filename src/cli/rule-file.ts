/**
 * `verify --rule FILE`: a policy file, of which the rule for the host is taken, or the fields of one rule.
 *
 * Does: the precedence of the proxy within the one file, with its groups and defaults, for a client in no group.
 * Does not: look at other policy files or at pinwarden.yaml, so no `unmatched` and no client groups.
 */
import type { Authority } from '../model/authority.ts';
import { assemble } from '../policy/assemble.ts';
import type { Config } from '../policy/config.ts';
import { loadConfig } from '../policy/load.ts';
import { lookup } from '../policy/lookup.ts';
import { type Mistake, printMistake, printPlace } from '../policy/mistakes.ts';
import type { PinGroups } from '../policy/pin-groups.ts';
import type { Rule } from '../policy/policy.ts';
import { type PolicyFile, readPolicyFile } from '../policy/policy-file.ts';
import { readYaml } from '../policy/yaml.ts';
import { ruleOfYaml } from './plain-rule.ts';
import { shortPlace } from './policy-files.ts';
import { CommandError } from './usage.ts';

export interface ChosenRule {
  readonly rule: Rule;
  /** Where a rule of a policy file is and by which pattern it was taken; null: the file is one rule. */
  readonly origin: string | null;
}

/** More rules than anybody reads. */
const MAX_LISTED = 10;

interface Ask {
  readonly text: string;
  readonly file: string;
  readonly cwd: string;
  readonly authority: Authority;
  readonly groups: PinGroups;
}

/** @throws CommandError when the file is wrong, or has no rule for the host */
export function chooseRule(ask: Ask): ChosenRule {
  const { text, file, groups } = ask;
  const yaml = readYaml(text, file);
  const value = yaml.ok ? yaml.value.value : (yaml.partial?.value ?? null);
  if (isPolicyFile(value)) return chooseOf(ask);
  const loaded = yaml.ok ? ruleOfYaml(yaml.value, groups) : yaml;
  if (loaded.ok) return { rule: loaded.value, origin: null };
  const next = 'give a policy file (version and rules), or the fields of one rule as they stand under rules:';
  throw refused('the rule is not valid', loaded.mistakes, next, ask);
}

/** Neither key is one of a rule. */
function isPolicyFile(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('version' in value || 'rules' in value);
}

function chooseOf(ask: Ask): ChosenRule {
  const { text, file, cwd, authority, groups } = ask;
  const source = { path: file, owner: null, mayMatch: null, mayNot: [], file, text };
  const read = readPolicyFile(source, groups, 'public');
  const loaded = read.ok ? assemble([read.value], configFor(read.value)) : read;
  if (!loaded.ok) throw refused('the policy file is not valid', loaded.mistakes, 'correct it: pinwarden check', ask);
  const decision = lookup(loaded.value, authority, []);
  if (decision.kind === 'rule') {
    const place = printPlace(shortPlace(decision.rule.place, cwd));
    return { rule: decision.rule, origin: `${place}, ${decision.why}` };
  }
  const listed = loaded.value.rules.slice(0, MAX_LISTED).map(describe);
  const rest = loaded.value.rules.length - listed.length;
  const lines = [`no rule of ${file} is for ${authority.host}:${authority.port}; it has`, ...listed];
  throw new CommandError(
    [...lines, ...(rest > 0 ? [`  and ${rest} more`] : [])].join('\n'),
    'name a --host that one of them matches, or leave --rule out for the floor alone',
  );
}

function describe({ name, match, except, clients }: Rule): string {
  const texts = (patterns: Rule['match']): string => patterns.map(({ text }) => text).join(', ');
  const but = except.length === 0 ? '' : ` except ${texts(except)}`;
  const whom = clients.length === 0 ? '' : `, only for clients ${clients.join(', ')}`;
  return `  ${name}: ${texts(match)}${but}${whom}`;
}

/** What a policy file takes from pinwarden.yaml: client groups by name, and nothing for a host without a rule. */
function configFor({ rules }: PolicyFile): Config {
  const loaded = loadConfig('version: 1\nunmatched: { action: deny }\n', '/pinwarden.yaml');
  if (!loaded.ok) throw new TypeError(loaded.mistakes[0]?.message ?? 'the defaults are refused');
  const names = new Set(rules.flatMap(({ clients }) => clients));
  return { ...loaded.value, clients: [...names].map((name) => ({ name, ranges: [] })) };
}

function refused(what: string, mistakes: readonly Mistake[], next: string, { text, cwd }: Ask): CommandError {
  const errors = mistakes.filter(({ severity }) => severity === 'error');
  const printed = errors.map((one) => printMistake({ ...one, place: shortPlace(one.place, cwd) }, text));
  return new CommandError([what, ...printed].join('\n'), next);
}
