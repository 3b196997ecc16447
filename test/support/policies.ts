/** Policies from texts, for tests: no files, one fixed place for them. */
import type { Authority } from '../../src/model/authority.ts';
import type { Config } from '../../src/policy/config.ts';
import { loadConfig, loadPolicy, type PolicySource } from '../../src/policy/load.ts';
import type { Loaded, Mistake } from '../../src/policy/mistakes.ts';
import type { Policy, Rule } from '../../src/policy/policy.ts';
import { parseWithDefaultPort } from '../../src/wire/authority.ts';

/** Two pins that are well formed and belong to nobody. */
export const PIN_A = `sha256/${Buffer.alloc(32, 1).toString('base64')}`;
export const PIN_B = `sha256/${Buffer.alloc(32, 2).toString('base64')}`;
export const PIN_C = `sha256/${Buffer.alloc(32, 3).toString('base64')}`;

export function configOf(body = '', file = '/etc/pw/pinwarden.yaml'): Config {
  return unwrap(loadConfig(`version: 1\n${body}`, file));
}

export function source(text: string, more: Partial<PolicySource> = {}): PolicySource {
  const file = '/etc/pw/policies/a.yaml';
  return { path: '/etc/pw/policies', owner: null, mayMatch: null, mayNot: [], file, text, ...more };
}

/** `text` begins after `version: 1`. */
export function load(
  text: string,
  config = configOf('clients: { ci: [10.0.0.0/8], dev: [10.1.0.0/16] }'),
): Loaded<Policy> {
  return loadPolicy([source(`version: 1\n${text}`)], config);
}

export function policyOf(text: string, config?: Config): Policy {
  return unwrap(load(text, config));
}

/** A rule in one line of flow style: `rules: [{ name: r, … }]`. */
export function ruleOf(fields: string, config?: Config): Rule {
  const [rule] = policyOf(`rules: [{ name: r, match: [r.example], ${fields} }]`, config).rules;
  if (rule === undefined) throw new Error('no rule');
  return rule;
}

export function unwrap<T>(loaded: Loaded<T>): T {
  if (!loaded.ok) throw new Error(loaded.mistakes.map(brief).join('\n'));
  return loaded.value;
}

/** Errors as `line:column message`, in order. */
export function errorsOf(loaded: Loaded<unknown>): string[] {
  return loaded.ok ? [] : loaded.mistakes.filter(({ severity }) => severity === 'error').map(brief);
}

export function brief({ place, message }: Pick<Mistake, 'place' | 'message'>): string {
  return `${place.line}:${place.column} ${message}`;
}

export function at(text: string): Authority {
  const read = parseWithDefaultPort(text, 443);
  if (!read.ok) throw new Error(`${text}: ${read.why}`);
  return read.value;
}
