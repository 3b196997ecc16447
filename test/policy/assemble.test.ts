import { describe, expect, it } from 'vitest';
import { assemble, MAX_METRICS_GROUPS, MAX_RULES, OTHER_METRICS_GROUP } from '../../src/policy/assemble.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { lookup } from '../../src/policy/lookup.ts';
import type { Rule } from '../../src/policy/policy.ts';
import { at, configOf, errorsOf, load, policyOf, source, unwrap } from '../support/policies.ts';

const errors = (text: string): string[] => errorsOf(load(text));
const A = '/etc/pw/policies/a.yaml';

describe('assemble: refused', () => {
  it('equal patterns in two files, naming both', () => {
    const loaded = loadPolicy(
      [
        source('version: 1\nrules: [{ name: b, match: [x.example] }]', { file: '/etc/pw/policies/b.yaml' }),
        source('version: 1\nrules: [{ name: a, match: [X.Example.] }]'),
      ],
      configOf(),
    );
    expect(errorsOf(loaded)).toEqual([`2:28 \`x.example\` is also matched by rule \`a\` at ${A}:2:28`]);
    expect(!loaded.ok && loaded.mistakes[0]?.place.file).toBe('/etc/pw/policies/b.yaml');
  });

  it('equal patterns for the same client', () => {
    expect(
      errors(
        'rules: [{ name: a, match: [x.example], clients: [ci, dev] }, { name: b, match: [x.example], clients: [ci] }]',
      ),
    ).toEqual([`2:81 \`x.example\` for client \`ci\` is also matched by rule \`a\` at ${A}:2:28`]);
  });

  it('a pattern twice in a rule', () => {
    expect(errors('rules: [{ name: a, match: ["*.x.example:443", "*.X.example:443"] }]')).toEqual([
      `2:47 \`*.X.example:443\` is in the rule twice, first at ${A}:2:28`,
    ]);
  });

  it('a name twice, also for prototypes of objects', () => {
    expect(
      errors('rules: [{ name: constructor, match: [x.example] }, { name: constructor, match: [y.example] }]'),
    ).toEqual([`2:54 the name \`constructor\` is taken by ${A}:2:9`]);
  });

  it('unknown client groups', () => {
    expect(errors('rules: [{ name: a, match: [x.example], clients: [ic, other] }]')).toEqual([
      '2:40 there is no client group `ic`',
      '2:40 there is no client group `other`',
    ]);
  });

  it("weakens of another owner's rules", () => {
    const own = (owner: string, rules: string) =>
      source(`version: 1\n${rules}`, { owner, file: `/etc/pw/${owner}.yaml` });
    const weakens = (name: string) =>
      `weakens: [{ rule: ${name}, reason: r, until: 2027-06-01 }]\nrules: [{ name: web, match: [web.example] }]`;
    const pay = own('pay', 'rules: [{ name: bank, match: [bank.example] }]');
    expect(errorsOf(loadPolicy([pay, own('web', weakens('bank'))], configOf()))).toEqual([
      '2:11 owner `web` may not weaken `bank`',
    ]);
    expect(errorsOf(loadPolicy([pay, own('web', weakens('unmatched'))], configOf()))).toEqual([
      '2:11 owner `web` may not weaken `unmatched`',
    ]);
    expect(errorsOf(loadPolicy([pay, own('web', weakens('web'))], configOf()))).toEqual([]);
    expect(errorsOf(loadPolicy([pay, source(`version: 1\n${weakens('bank')}`)], configOf()))).toEqual([]);
  });
});

it('refuses more rules than a worker can hold, and finds each of as many as it can', () => {
  // 100,000 rules as text take long to read; here one rule stands for all, with a name and a host of its own.
  const [model] = policyOf('rules: [{ name: r, match: [h.example] }]').rules;
  const [pattern] = model?.match ?? [];
  if (model === undefined || pattern === undefined) throw new Error('no rule');
  const rules = Array.from({ length: MAX_RULES }, (_, index): Rule => {
    return { ...model, name: `r${index}`, metricsGroup: 'g', match: [{ ...pattern, host: `h${index}.example` }] };
  });
  const file = (all: typeof rules) => [{ source: source(''), rules: all, weakens: [] }];
  expect(errorsOf(assemble(file([...rules, model]), configOf()))).toEqual([`2:9 more than ${MAX_RULES} rules`]);
  const policy = unwrap(assemble(file(rules), configOf()));
  expect(lookup(policy, at('h99999.example'), [])).toMatchObject({ rule: { name: 'r99999' } });
});

describe('assemble: accepted', () => {
  it('the same host on other ports or for other clients', () => {
    const policy = policyOf(`rules:
  - { name: a, match: [x.example] }
  - { name: b, match: ["x.example:444"] }
  - { name: c, match: [x.example], clients: [ci] }
  - { name: d, match: [x.example], clients: [dev], except: [y.example] }
`);
    expect([...policy.byName.keys()]).toEqual(['a', 'b', 'c', 'd']);
    expect(policy.excepts.size).toBe(1);
  });

  it('at most 200 metrics groups, the rest in one', () => {
    const rules = Array.from(
      { length: MAX_METRICS_GROUPS + 2 },
      (_, index) => `{ name: r${index}, match: [r${index}.example] }`,
    );
    const loaded = load(`rules: [${rules.join(', ')}, { name: last, match: [last.example], metricsGroup: r0 }]`);
    const groups = loaded.ok ? loaded.value.rules.map(({ metricsGroup }) => metricsGroup) : [];
    expect(new Set(groups).size).toBe(MAX_METRICS_GROUPS + 1);
    expect(groups.slice(-3)).toEqual([OTHER_METRICS_GROUP, OTHER_METRICS_GROUP, 'r0']);
    expect(loaded.ok && loaded.warnings.length).toBe(1);
  });
});
