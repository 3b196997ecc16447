import { describe, expect, it } from 'vitest';
import { createFileMemory } from '../../src/policy/file-memory.ts';
import { lint } from '../../src/policy/lint.ts';
import { loadPolicy, readConfig } from '../../src/policy/load.ts';
import { byPlace } from '../../src/policy/mistakes.ts';
import { surveyPolicy } from '../../src/policy/survey.ts';
import cases from '../cases/policy/survey.json' with { type: 'json' };
import { brief, configOf, source } from '../support/policies.ts';

const NOW_MS = Date.UTC(2026, 5, 1);

interface Case {
  readonly files: Readonly<Record<string, string | undefined>>;
  readonly config?: string;
}

function survey({ files, config: body = '' }: Case): string[] {
  const { loaded, remains } = readConfig(`version: 1\n${body}`, '/pinwarden.yaml');
  const config = loaded.ok ? loaded.value : remains?.config;
  if (config === undefined) throw new Error('nothing is left of the configuration');
  const sources = Object.entries(files).map(([file, text]) => source(text ?? '', { file }));
  const gaps = { config: !loaded.ok, hasClients: remains?.hasClients ?? true };
  const found = surveyPolicy(sources, config, gaps, [], createFileMemory());
  const linted = found.policy === null ? [] : lint(found.policy, config, NOW_MS, found.gaps);
  return [...found.mistakes, ...linted]
    .toSorted(byPlace)
    .map((mistake) => `${mistake.place.file}:${brief(mistake).replace(/`.*` is not a pin: .*/, 'PIN')}`);
}

describe('surveyPolicy', () => {
  it.each(cases)('$name', ({ mistakes, ...files }) => {
    expect(survey(files)).toEqual(mistakes.map((one) => one.replace(/`.*` is not a pin: .*/, 'PIN')));
  });

  it('says of right files what a load says', () => {
    const text = 'version: 1\nrules: [{ name: a, match: [a.example], clients: [ci] }]\n';
    expect(survey({ files: { a: text }, config: 'clients: { ci: [10.0.0.0/8] }\n' })).toEqual([]);
    expect(survey({ files: { a: text } })).toEqual(['a:2:40 there is no client group `ci`']);
  });

  it.each([
    ['an entry that is no text', '["**.a.example", { b: 1 }]', '2:69 an entry of `mayMatch` is a map, expected a text'],
    ['nothing that is a text', '[1]', '2:53 an entry of `mayMatch` is a number `1`, expected a text'],
    ['no host', '["**.a.example", "*"]', '2:69 `*` would match every host'],
  ])('blames no rule by bounds that are wrong: %s', (_, bounds, said) => {
    const body = `policies: [1, 2, { path: /p, owner: ann, mayMatch: ${bounds} }]\n`;
    const { loaded, remains } = readConfig(`version: 1\n${body}`, '/pinwarden.yaml');
    expect(loaded.ok ? [] : loaded.mistakes.map(brief)).toContain(said);
    expect(loaded.ok ? [] : loaded.mistakes).toHaveLength(3);
    const last = remains?.config.policies.at(-1);
    expect(last).toMatchObject({ owner: 'ann', mayMatch: null });
  });

  it('says nothing of policies when shipped groups are broken', () => {
    const gaps = { config: false, hasClients: true };
    const broken = [{ file: '/g.yaml', text: 'x' }];
    const found = surveyPolicy([source('version: 1\n')], configOf(), gaps, broken, createFileMemory());
    expect(found.policy).toBeNull();
    expect(found.mistakes.map(brief)).toEqual(['1:1 the top of the file is not a map']);
  });

  it('is no affair of a load: a broken file blames no other one', () => {
    const good = source('version: 1\nrules: [{ name: a, match: [a.example] }]\n', { file: '/b.yaml' });
    const bad = source('version: 1\nrules: [{ name: a, match: [a.example], foo: 1 }]\n', { file: '/a.yaml' });
    const loaded = loadPolicy([good, bad], configOf());
    expect(loaded.ok ? [] : loaded.mistakes.map(({ place }) => place.file)).toEqual(['/a.yaml']);
  });
});
