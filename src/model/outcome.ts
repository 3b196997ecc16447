/**
 * What one check says, and what the rule asked of it. Never a boolean: "not asked", "nothing offered" and "bad"
 * are three different answers, and collapsing two of them is how checks get skipped.
 */
import type { Finding } from './finding.ts';

/** Facts beside a finding or outcome: small, already escaped by whoever prints them; peer strings are capped by the maker. */
export type Facts = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** The checks in the order in which a report lists them. `chain`, `identity` and `tls` are the floor and have no requirement word. */
export const CHECKS = [
  'chain',
  'identity',
  'tls',
  'pins',
  'publicRoot',
  'certificatePolicies',
  'ct',
  'staple',
  'crl',
  'lifetime',
  'continuity',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** The checks whose word a rule may choose (`checks:` in a policy). */
export const OPTIONAL_CHECKS = ['publicRoot', 'ct', 'staple', 'crl', 'lifetime', 'continuity'] as const;
export type OptionalCheck = (typeof OPTIONAL_CHECKS)[number];

/** `require`: failure and absence both fail. `if-present`: failure fails, absence passes. `off`: not judged. */
export type Requirement = 'require' | 'if-present' | 'off';

export type Outcome =
  | { readonly is: 'pass'; readonly why?: string; readonly facts?: Facts }
  | {
      readonly is: 'fail';
      readonly why: string;
      readonly findings: readonly [Finding, ...Finding[]];
      readonly facts?: Facts;
    }
  /** Nothing was offered to judge: `no-staple`, `no-scts`, `no-crl`, `no-log-list`, `log-list-stale`, `no-pins`, … */
  | { readonly is: 'absent'; readonly why: string; readonly facts?: Facts }
  /** Not judged: `off`, `mode-bypass`, `needs-path`, `not-public`, `short-lived`, … */
  | { readonly is: 'skipped'; readonly why: string };

export type Outcomes = Readonly<Record<CheckName, Outcome>>;
