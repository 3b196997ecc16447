/** Rules and alerts: well formed, about metrics that exist, each with its page, proved by Prometheus' own tools. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run } from '../support/client.ts';
import { knownMetrics, unknownNames } from '../support/known-metrics.ts';
import { ALERTS, DOCKER, RECORDINGS, RULE_FILES, RUNBOOKS, readYaml } from '../support/mixin.ts';
import { parseExpression } from '../support/promql.ts';
import { describeWith } from '../support/tools.ts';

const known = await knownMetrics();
const runbooks = readdirSync(`${DOCKER}/runbooks`).filter((file) => file !== 'README.md');

it('alerts and pages are one to one, and named once', () => {
  const names = ALERTS.map(({ alert }) => `${alert}.md`);
  expect(new Set(names).size).toBe(names.length);
  expect([...names].sort()).toEqual([...runbooks].sort());
});

it.each(RECORDINGS)('$record is named level:metric:operations', ({ record }) => {
  expect(record).toMatch(/^[a-z_]+:pinwarden_[a-z_]+:[a-z0-9_]+$/);
});

it.each([...RECORDINGS, ...ALERTS])('$alert$record asks for what exists', ({ expr }) => {
  expect(parseExpression(expr).mistakes).toEqual([]);
  expect(unknownNames(expr, known)).toEqual([]);
});

describe.each(ALERTS)('$alert', ({ alert = '', labels = {}, annotations = {} }) => {
  it('says what, why and where to read on', () => {
    expect(alert).toMatch(/^Pinwarden([A-Z][a-z]+)+$/);
    expect(Object.keys(labels)).toEqual(['severity']);
    expect(['critical', 'warning', 'info']).toContain(labels['severity']);
    expect(annotations['summary']).toMatch(/\.$/);
    expect(annotations['description']).toMatch(/\.$/);
    expect(annotations['dashboard_url'], 'a panel names it: node docker/generate.ts').toMatch(/viewPanel=[1-9]\d*$/);
    expect(annotations['runbook_url']).toMatch(new RegExp(`^https://[\\w.-]+/[\\w/.-]*${alert}\\.md$`));
  });

  it('has a page with symptom, metric, action and verification, about metrics that exist', () => {
    const page = readFileSync(`${DOCKER}/runbooks/${alert}.md`, 'utf8');
    const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([alert, 'Symptom', 'Metric', 'Action', 'Verification']);
    for (const section of page.split(/^## /m).slice(1))
      expect(section.length, section.slice(0, 12)).toBeGreaterThan(35);
    for (const [name = ''] of page.matchAll(/\b(pinwarden|nodejs|process)_[a-z0-9_]+\b/g)) {
      const exists =
        known.has(name) || known.has(`${name}_bucket`) || RECORDINGS.some(({ record }) => record?.includes(name));
      expect(exists, name).toBe(true);
    }
  });
});

it.each(RUNBOOKS)('$name asks Prometheus in PromQL, for what exists', ({ name, expressions }) => {
  const text = readFileSync(`${DOCKER}/runbooks/${name}`, 'utf8');
  for (const [, mark = ''] of text.matchAll(/^ *```(.*)\n[\s\S]*?^ *```/gm))
    expect(mark, 'what is typed is run').toBe('sh');
  for (const expr of expressions) {
    expect(parseExpression(expr).mistakes, expr).toEqual([]);
    expect(unknownNames(expr, known), expr).toEqual([]);
  }
});

it('codes in expressions and pages exist', async () => {
  const { CODES } = await import('../../src/model/codes.ts');
  const codes = Object.keys(CODES);
  const matchers = [...RECORDINGS, ...ALERTS].flatMap(({ expr }) => [
    ...expr.matchAll(/(?:code|reason)!?(=~?)"([^"]+)"/g),
  ]);
  expect(matchers.length).toBeGreaterThan(8);
  for (const [, operator, text = ''] of matchers) {
    // Each alternative by itself: one that matches nothing is a typing mistake.
    const alternatives = operator === '=' ? [text] : expand(text.replaceAll('\\\\', '\\'));
    for (const one of alternatives) {
      const pattern = operator === '=' ? new RegExp(`^${one.replaceAll('.', '\\.')}$`) : new RegExp(`^(?:${one})$`);
      expect(
        codes.some((code) => pattern.test(code)),
        one,
      ).toBe(true);
    }
  }
});

/** `a|b\.(c|d)` to its alternatives. */
function expand(pattern: string): readonly string[] {
  const parts = pattern.split(/\|(?![^(]*\))/);
  return parts.flatMap((part) => {
    const group = /\(([^)]*)\)/.exec(part);
    if (group === null) return [part];
    return (group[1] ?? '').split('|').flatMap((word) => expand(part.replace(group[0], word)));
  });
}

it('a matched message is inhibited or routed by labels that it has', () => {
  const { inhibit_rules: rules } = readYaml('alertmanager/alertmanager.yml') as {
    inhibit_rules: readonly { source_matchers: readonly string[]; target_matchers: readonly string[] }[];
  };
  const names = new Set(ALERTS.map(({ alert }) => alert));
  const named = rules.flatMap((rule) => [...rule.source_matchers, ...rule.target_matchers]);
  for (const matcher of named) {
    const text = /^alertname=~?"(.*)"$/.exec(matcher)?.[1] ?? '';
    for (const name of text.split('|')) expect(names.has(name), matcher).toBe(true);
  }
});

describeWith(['promtool'], 'promtool', () => {
  it('accepts rules and configuration', async () => {
    const files = RULE_FILES.map((file) => `${DOCKER}/prometheus/${file}`);
    const rules = await run('promtool', ['check', 'rules', '--lint=all', ...files]);
    expect(rules, rules.stderr + rules.stdout).toMatchObject({ exitCode: 0 });
    const config = await run('promtool', ['check', 'config', `${DOCKER}/prometheus/prometheus.yml`]);
    expect(config, config.stderr + config.stdout).toMatchObject({ exitCode: 0 });
  });

  it('sees every alert fire and stay silent', async () => {
    const file = `${DOCKER}/prometheus/tests/pinwarden-alerts.test.yml`;
    const tests = readFileSync(file, 'utf8');
    for (const { alert } of ALERTS) {
      expect(tests, 'a case in which it fires').toContain(`- name: '${alert} fires`);
      expect(tests, 'a case in which it is silent').toContain(`- name: '${alert} is silent: `);
    }
    const result = await run('promtool', ['test', 'rules', file], { timeoutMs: 110_000 });
    expect(result, result.stderr + result.stdout).toMatchObject({ exitCode: 0 });
  }, 120_000);
});

describeWith(['amtool'], 'amtool', () => {
  it('accepts the example', async () => {
    const result = await run('amtool', ['check-config', `${DOCKER}/alertmanager/alertmanager.yml`]);
    expect(result, result.stderr + result.stdout).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['critical', 'pager'],
    ['warning', 'channel'],
    ['info', 'policy-owners'],
  ])('sends %s to %s', async (severity, receiver) => {
    const file = `--config.file=${DOCKER}/alertmanager/alertmanager.yml`;
    const result = await run('amtool', ['config', 'routes', 'test', file, `severity=${severity}`]);
    expect(result.stdout.trim()).toBe(receiver);
  });
});
