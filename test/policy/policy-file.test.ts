import { describe, expect, it } from 'vitest';
import { readPolicyFile } from '../../src/policy/policy-file.ts';
import { MAX_MISTAKES } from '../../src/policy/yaml.ts';
import cases from '../cases/policy/refused.json' with { type: 'json' };
import { errorsOf, PIN_A, PIN_B, source, unwrap } from '../support/policies.ts';

const readFile = (text: string) => readPolicyFile(source(text), new Map(), 'public');

describe('readPolicyFile', () => {
  it.each(cases)('refuses: $name', ({ text, errors }) => {
    const read = readFile(text);
    expect(errorsOf(read)).toEqual(errors);
    for (const { hint } of read.ok ? [] : read.mistakes) {
      expect(hint, 'every error ends with the next step').toMatch(/\w/);
    }
  });

  it('says what was meant', () => {
    const read = readFile('version: 1\nrules: [{ name: a, match: [a.example], onFailure: blok, plantext: allow }]\n');
    expect(read.ok ? [] : read.mistakes.map(({ hint }) => hint)).toEqual([
      'did you mean `block`?',
      'did you mean `plaintext`?',
    ]);
  });

  it('does not guess about groups when groups are faulty', () => {
    const read = readFile(
      `version: 1\npinGroups: { g: { pins: [{ key: "${PIN_A}" }], on: 1 } }\nrules: [{ name: a, match: [a.example], pins: { anyOf: [{ ca: g }] } }]\n`,
    );
    expect(errorsOf(read)).toEqual(['2:91 unknown key `on`']);
  });

  it('reads no further behind more mistakes than anybody reads', () => {
    const read = readFile(`version: 1\nrules: [${'~,'.repeat(MAX_MISTAKES * 5)}]\n`);
    expect(errorsOf(read)).toHaveLength(MAX_MISTAKES);
  });

  it('refuses the name of what decides when no rule matches', () => {
    const read = readFile('version: 1\nrules: [{ name: unmatched, match: [a.example] }]\n');
    expect(errorsOf(read)).toEqual(['2:17 the name `unmatched` is taken']);
  });

  it('warns of groups that nobody uses', () => {
    const read = readFile(
      `version: 1\npinGroups: { g: { pins: [{ key: "${PIN_A}" }] } }\nrules: [{ name: a, match: [a.example] }]\n`,
    );
    expect(read.ok && read.warnings.map(({ message }) => message)).toEqual(['no rule uses the pin group `g`']);
  });

  it('reads rules, groups and weakens', () => {
    const file = unwrap(
      readFile(
        `version: 1
pinGroups: { g: { pins: [{ key: "${PIN_A}" }, { key: "${PIN_B}", backup: true }] } }
weakens: [{ rule: a, reason: moved, until: 2027-06-01 }]
rules: [{ name: a, match: [a.example], pins: { anyOf: [{ ca: g }] } }]
`,
      ),
    );
    expect(file.rules.map(({ pins }) => pins.anyOf.length)).toEqual([2]);
    expect(file.weakens).toMatchObject([{ rule: 'a', reason: 'moved', untilMs: Date.UTC(2027, 5, 1), owner: null }]);
    expect(
      errorsOf(
        readFile(
          'version: 1\nweakens: [{ rule: a, reason: r, until: soon }]\nrules: [{ name: a, match: [a.example] }]',
        ),
      ),
    ).toEqual(['2:40 `soon` is not a date']);
  });
});
