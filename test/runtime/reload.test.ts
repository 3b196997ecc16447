import { describe, expect, it } from 'vitest';
import { createFileMemory } from '../../src/policy/file-memory.ts';
import { loadConfig, loadPolicy, type PolicySource } from '../../src/policy/load.ts';
import { type Ask, decide, decideConfig, needsRestart, type Previous } from '../../src/runtime/reload.ts';
import { AT_MS } from '../support/entries.ts';

const CONFIG_FILE = { file: '/etc/pw/pinwarden.yaml', text: 'version: 1\npolicies: [./p]\n' };
const loadedConfig = loadConfig(CONFIG_FILE.text, CONFIG_FILE.file);
if (!loadedConfig.ok) throw new Error(loadedConfig.mistakes[0]?.message);
const config = loadedConfig.value;

const rule = (name: string, more = 'onFailure: block') =>
  `  - name: ${name}\n    match: [${name}.example]\n    ${more}\n`;
const file = (name: string, ...rules: readonly string[]): PolicySource => ({
  path: '/etc/pw/p',
  owner: null,
  mayMatch: null,
  mayNot: [],
  file: `/etc/pw/p/${name}.yaml`,
  text: `version: 1\nrules:\n${rules.join('')}`,
});
const broken = (name: string): PolicySource => ({ ...file(name), text: 'version: 1\nrules: [' });

function previousOf(...sources: readonly PolicySource[]): Previous {
  const loaded = loadPolicy(sources, config);
  if (!loaded.ok) throw new Error(loaded.mistakes[0]?.message);
  return { sources, policy: loaded.value };
}

function ask(fields: Partial<Ask>): Ask {
  const base = {
    config,
    configFile: CONFIG_FILE,
    sources: [],
    unread: [],
    shippedGroups: [],
    files: createFileMemory(),
    previous: null,
    unrested: new Set<string>(),
  };
  return { ...base, nowMs: AT_MS, ...fields };
}

function accepted(fields: Partial<Ask>) {
  const decided = decide(ask(fields));
  if (!decided.ok) throw new Error(decided.mistakes.map(({ message }) => message).join('; '));
  const { policy, held } = decided.accepted;
  return { rules: policy.rules.map(({ name }) => name).sort(), held: held.map((one) => one.file) };
}

describe('a first start', () => {
  it('is refused for any broken or unreadable file', () => {
    expect(decide(ask({ sources: [file('a', rule('a')), broken('b')] }))).toMatchObject({ ok: false });
    const unread = [{ file: '/etc/pw/p/b.yaml', why: 'permission denied', hint: 'make it readable' }];
    const decided = decide(ask({ sources: [file('a', rule('a'))], unread }));
    expect(decided).toMatchObject({
      ok: false,
      mistakes: [{ message: 'permission denied', hint: 'make it readable' }],
    });
  });

  it('takes what is right', () => {
    expect(accepted({ sources: [file('a', rule('a')), file('b', rule('b'))] })).toEqual({
      rules: ['a', 'b'],
      held: [],
    });
  });
});

describe('a broken file', () => {
  it('keeps its own last good text and leaves the others alone', () => {
    const previous = previousOf(file('a', rule('a')), file('b', rule('b')));
    const sources = [file('a', rule('a'), rule('a2')), broken('b')];
    expect(accepted({ sources, previous })).toEqual({ rules: ['a', 'a2', 'b'], held: ['/etc/pw/p/b.yaml'] });
  });

  it('that is new is left out', () => {
    const previous = previousOf(file('a', rule('a')));
    const sources = [file('a', rule('a')), broken('b')];
    expect(accepted({ sources, previous })).toEqual({ rules: ['a'], held: ['/etc/pw/p/b.yaml'] });
  });

  it('that cannot be read any more keeps its text, and so do all of a directory', () => {
    const previous = previousOf(file('a', rule('a')), file('b', rule('b')));
    const gone = [{ file: '/etc/pw/p/b.yaml', why: 'permission denied', hint: 'make it readable' }];
    expect(accepted({ sources: [file('a', rule('a'))], unread: gone, previous }).rules).toEqual(['a', 'b']);
    const all = [{ file: '/etc/pw/p', why: 'no such file', hint: 'make it' }];
    expect(accepted({ sources: [], unread: all, previous }).rules).toEqual(['a', 'b']);
  });

  it('that clashes with another one loses against the one that did not change', () => {
    const previous = previousOf(file('a', rule('a')), file('b', rule('b')));
    const sources = [file('a', rule('a')), file('b', rule('b'), rule('a'))];
    expect(accepted({ sources, previous })).toEqual({ rules: ['a', 'b'], held: ['/etc/pw/p/b.yaml'] });
  });
});

describe('a weaker file', () => {
  const previous = previousOf(file('a', rule('a')), file('b', rule('b')));

  it.each([
    ['loses a rule', file('b')],
    ['alerts instead of blocking', file('b', rule('b', 'onFailure: alert'))],
    ['bypasses', file('b', rule('b', 'mode: bypass\n    reason: because'))],
  ])('that %s is held', (_what, weaker) => {
    const sources = [file('a', rule('a')), weaker];
    expect(accepted({ sources, previous })).toEqual({ rules: ['a', 'b'], held: ['/etc/pw/p/b.yaml'] });
  });

  it('that is gone is held', () => {
    expect(accepted({ sources: [file('a', rule('a'))], previous }).rules).toEqual(['a', 'b']);
  });

  it('passes when it says so', () => {
    const weakens = 'weakens:\n  - { rule: b, reason: the bank asked, until: 2026-04-01 }\n';
    const weaker = { ...file('b', rule('b', 'onFailure: alert')) };
    const sources = [file('a', rule('a')), { ...weaker, text: `${weaker.text}${weakens}` }];
    expect(accepted({ sources, previous })).toEqual({ rules: ['a', 'b'], held: [] });
  });

  it('is none when it goes back to what was in force a moment ago', () => {
    const stricter = previousOf(file('a', rule('a')), file('b', rule('b')));
    const looser = file('b', rule('b', 'onFailure: alert'));
    const sources = [file('a', rule('a')), looser];
    const earlier = () => previousOf(file('a', rule('a')), looser).policy;
    expect(accepted({ sources, previous: stricter }).held).toEqual(['/etc/pw/p/b.yaml']);
    expect(accepted({ sources, previous: { ...stricter, earlier } }).held).toEqual([]);
    const other = [file('a', rule('a', 'onFailure: alert')), looser];
    expect(accepted({ sources: other, previous: { ...stricter, earlier } }).held).toEqual(['/etc/pw/p/a.yaml']);
    expect(accepted({ sources, previous: { ...stricter, earlier: () => null } }).held).toEqual(['/etc/pw/p/b.yaml']);
  });

  it('cut at any byte never takes a rule away', () => {
    const whole = file('b', rule('b'), rule('b2'), rule('b3'));
    const before = previousOf(file('a', rule('a')), whole);
    for (let length = 0; length < whole.text.length; length += 1) {
      const cut = { ...whole, text: whole.text.slice(0, length) };
      expect(accepted({ sources: [file('a', rule('a')), cut], previous: before }).rules, `cut to ${length}`).toEqual([
        'a',
        'b',
        'b2',
        'b3',
      ]);
    }
  });
});

describe('a file that may be unfinished', () => {
  const alert = 'onFailure: alert';
  const previous = previousOf(file('a', rule('a', alert), rule('a2', alert)), file('b', rule('b')));
  const shorter = file('a', rule('a', alert));
  const decided = (fields: Partial<Ask>) => {
    const answer = decide(ask({ previous, unrested: new Set([shorter.file]), ...fields }));
    if (!answer.ok) throw new Error('refused');
    const { held, waiting, policy } = answer.accepted;
    return { held: held.map((one) => one.file), waiting, rules: policy.rules.map(({ name }) => name).sort() };
  };

  it('waits when it would be taken, and leaves the others alone', () => {
    const sources = [shorter, file('b', rule('b'), rule('b2'))];
    expect(decided({ sources })).toEqual({ held: [], waiting: [shorter.file], rules: ['a', 'a2', 'b', 'b2'] });
    expect(decided({ sources, unrested: new Set() })).toEqual({ held: [], waiting: [], rules: ['a', 'b', 'b2'] });
  });

  it('is refused at once when it is wrong, and cut off inside a line whatever it says', () => {
    expect(decided({ sources: [broken('a'), file('b', rule('b'))] })).toMatchObject({
      held: [shorter.file],
      waiting: [],
    });
    const cut = { ...shorter, text: shorter.text.slice(0, -1) };
    const answer = decide(ask({ previous, sources: [cut, file('b', rule('b'))] }));
    expect(answer).toMatchObject({
      accepted: {
        held: [{ mistakes: [{ message: expect.stringContaining('cut off'), place: { line: 5, column: 21 } }] }],
      },
    });
  });

  it('takes along what only goes together with it, without calling it wrong', () => {
    const moved = file('b', rule('b'), rule('a2', alert));
    expect(decided({ sources: [shorter, moved] })).toEqual({
      held: [],
      waiting: [shorter.file, moved.file],
      rules: ['a', 'a2', 'b'],
    });
    expect(decided({ sources: [shorter, moved], unrested: new Set() }).waiting).toEqual([]);
  });
});

it('a previous generation that does not compile any more guards nothing, but still serves as last good', () => {
  const previous: Previous = { sources: [file('a', rule('a'))], policy: null };
  expect(accepted({ sources: [broken('a')], previous })).toEqual({ rules: ['a'], held: ['/etc/pw/p/a.yaml'] });
  const lost: Previous = { sources: [broken('a')], policy: null };
  expect(decide(ask({ sources: [{ ...broken('a'), text: 'other: broken' }], previous: lost })).ok).toBe(false);
});

describe('the configuration', () => {
  it('that is broken refuses a first start and keeps the running one', () => {
    const bad = { file: CONFIG_FILE.file, text: 'version: 1\nlisten_on: everything\n' };
    expect(decideConfig(bad, null)).toMatchObject({ ok: false, mistakes: [{ severity: 'error' }] });
    const kept = decideConfig(bad, { config, configFile: CONFIG_FILE });
    expect(kept).toMatchObject({ ok: true, config, configFile: CONFIG_FILE });
    expect(kept.ok && kept.refused.length).toBeGreaterThan(0);
  });

  it('that is right is taken; sockets and processes wait for a restart', () => {
    const next = { file: CONFIG_FILE.file, text: `${CONFIG_FILE.text}workers: 3\nanchors: system\n` };
    const decided = decideConfig(next, { config, configFile: CONFIG_FILE });
    expect(decided).toMatchObject({ ok: true, configFile: next, refused: [] });
    expect(decided.ok && needsRestart(config, decided.config)).toEqual(['workers']);
  });
});
