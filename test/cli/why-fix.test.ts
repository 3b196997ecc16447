import { describe, expect, it } from 'vitest';
import { changeOf, diffOf, type Edit, pinAdvice, pinEdit } from '../../src/cli/why-fix.ts';
import { readAuditRecord, type VerdictLine } from '../../src/observe/audit-event.ts';
import { exhibitOf } from '../../src/observe/exhibit.ts';
import { verdictRecord } from '../../src/observe/records.ts';
import { loadConfig, loadPolicy } from '../../src/policy/load.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { mismatchEntry, rogueLeaf } from '../support/unexpected.ts';
import { BACKUP, goodEntry, KEY, POLICY } from './sight-support.ts';

const exhibit = exhibitOf(mismatchEntry())!;
const goodLine = (...args: Parameters<typeof goodEntry>) =>
  readAuditRecord(verdictRecord(goodEntry(...args), 1)) as VerdictLine;
const otherCa = { ...goodLine(), keys: [KEY, BACKUP] };

const config = loadConfig('version: 1\npolicies: [p.yaml]\n', '/t/pinwarden.yaml');

function policyFrom(text: string): Policy | null {
  if (!config.ok) throw new Error('refused');
  const source = { path: '/t/p.yaml', owner: null, mayMatch: null, mayNot: [], file: '/t/p.yaml', text };
  const loaded = loadPolicy([source], config.value);
  return loaded.ok ? loaded.value : null;
}

describe('what changed', () => {
  it.each([
    ['unknown', null, goodLine()],
    ['unknown', exhibit.path, null],
    ['other-ca', exhibit.path, otherCa],
    ['same-ca', exhibit.path, goodLine()],
    ['same-keys', exhibit.path, goodLine({}, rogueLeaf())],
  ] as const)('%s', (is, path, lastGood) => {
    expect(changeOf(path, lastGood)).toMatchObject({ is });
  });
});

describe('no pin is offered', () => {
  const rule = policyFrom(POLICY)!.byName.get('bank')!;
  const same = changeOf(exhibit.path, goodLine());
  const other = changeOf(exhibit.path, otherCa);

  it.each([
    ['when another thing is wrong', { ...exhibit, codes: ['ct.no-scts', 'pin.mismatch'] as const }, same, true],
    ['when the headline is another', { ...exhibit, code: 'chain.private-root' as const }, same, true],
    ['without a valid path', { ...exhibit, path: null }, same, true],
    ['for a private root of another CA', exhibit, other, false],
    ['for a private root without a memory', exhibit, changeOf(exhibit.path, null), false],
  ])('%s', (_, one, change, isPublic) => {
    expect(pinAdvice(one, rule, change, isPublic)).toHaveProperty('no');
  });

  it('and one is, of the kind that the rule has', () => {
    const [leaf, issuing] = exhibit.path!;
    expect(pinAdvice(exhibit, rule, other, true)).toEqual({ scope: 'ca', key: issuing });
    expect(pinAdvice(exhibit, rule, same, false)).toEqual({ scope: 'ca', key: issuing });
    const leaves = policyFrom(POLICY.replaceAll('ca:', 'leaf:'))!.byName.get('bank')!;
    expect(pinAdvice(exhibit, leaves, same, false)).toEqual({ scope: 'leaf', key: leaf });
    expect(pinAdvice({ ...exhibit, path: exhibit.path!.slice(0, 1) }, rule, same, true)).toEqual({
      scope: 'leaf',
      key: leaf,
    });
  });
});

const advice = { scope: 'ca', key: exhibit.path![1]! } as const;

function editOf(text: string): Edit | null {
  const policy = policyFrom(text);
  if (policy === null) throw new Error('the policy of the test is refused');
  const rule = policy.byName.get('bank')!;
  return pinEdit(policy, rule, advice, new Map([['/t/p.yaml', text]]), ({ after }) => policyFrom(after));
}

const added = (text: string) => {
  const edit = editOf(text);
  return edit === null ? null : diffOf(edit, 'p.yaml').filter((line) => /^\+[^+]/.test(line));
};

describe('the edit', () => {
  it('of a list with a line for each pin is one more line', () => {
    expect(added(POLICY)).toEqual([`+        - { ca: "${advice.key.pin}" }   # Other Trusted Issuing`]);
    expect(diffOf(editOf(POLICY)!, 'p.yaml')).toEqual([
      '--- p.yaml',
      '+++ p.yaml',
      '@@ -9,2 +9,3 @@',
      `         - { ca: "${BACKUP}", backup: true }`,
      `+        - { ca: "${advice.key.pin}" }   # Other Trusted Issuing`,
      '   - { name: other, match: [other.example], onFailure: alert }',
    ]);
  });

  it('of a list on one line is one more entry', () => {
    const text = `version: 1\nrules:\n  - { name: bank, match: [a.example], onFailure: alert, pins: { anyOf: [{ ca: "${KEY}" }] } }\n`;
    expect(added(text)).toEqual([
      `+  - { name: bank, match: [a.example], onFailure: alert, pins: { anyOf: [{ ca: "${KEY}" }, { ca: "${advice.key.pin}" }] } }`,
    ]);
  });

  it('of a rule with a group leaves the group alone', () => {
    const text = `version: 1
pinGroups:
  cas: { pins: [{ key: "${KEY}" }, { key: "${BACKUP}", backup: true }] }
rules:
  - { name: first, match: [b.example], pins: { anyOf: [{ ca: cas }] } }
  - name: bank
    match: [a.example]
    pins: { anyOf: [{ any: cas }] }
`;
    expect(added(text)).toEqual([`+    pins: { anyOf: [{ any: cas }, { ca: "${advice.key.pin}" }] }`]);
  });

  it.each([
    [
      'a list over many lines',
      `version: 1\nrules:\n  - name: bank\n    match: [a.example]\n    onFailure: alert\n    pins:\n      anyOf:\n        - ca: "${KEY}"\n`,
    ],
    [
      'JSON',
      JSON.stringify(
        {
          version: 1,
          rules: [{ name: 'bank', match: ['a.example'], onFailure: 'alert', pins: { anyOf: [{ ca: KEY }] } }],
        },
        null,
        1,
      ),
    ],
    [
      'an alias, by which another rule would change too',
      `version: 1\ndefaults: { onFailure: alert }\nrules:\n  - { name: bank, match: [a.example], pins: &p { anyOf: [{ ca: "${KEY}" }] } }\n  - { name: second, match: [b.example], pins: *p }\n`,
    ],
  ])('is not guessed: %s', (_, text) => {
    expect(editOf(text)).toBeNull();
  });

  it('is not shown when the loader refuses it, or the file is not among the texts', () => {
    const policy = policyFrom(POLICY)!;
    const rule = policy.byName.get('bank')!;
    const texts = new Map([['/t/p.yaml', POLICY]]);
    expect(pinEdit(policy, rule, advice, texts, () => null)).toBeNull();
    expect(pinEdit(policy, rule, advice, texts, () => policy)).toBeNull();
    expect(pinEdit(policy, rule, advice, new Map(), () => policy)).toBeNull();
  });

  it('escapes a name that a peer chose', () => {
    const policy = policyFrom(POLICY)!;
    const hostile = { ...advice, key: { ...advice.key, subject: 'CN=x" }\n  - { name: evil' } };
    const edit = pinEdit(policy, policy.byName.get('bank')!, hostile, new Map([['/t/p.yaml', POLICY]]), ({ after }) =>
      policyFrom(after),
    );
    expect(edit?.after.split('\n')).toHaveLength(POLICY.split('\n').length + 1);
    expect(edit?.after).not.toContain('{ name: evil');
  });
});

it('the diff of the last line of a file', () => {
  expect(diffOf({ file: 'f', before: 'a\nb\n', after: 'a\nb\nc\n' }, 'f')).toEqual([
    '--- f',
    '+++ f',
    '@@ -2,1 +2,2 @@',
    ' b',
    '+c',
  ]);
});
