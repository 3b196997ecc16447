import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/load.ts';
import { printPlace } from '../../src/policy/mistakes.ts';
import { foreseenRefusals } from '../../src/runtime/foreseen.ts';
import { saveLastGood } from '../../src/runtime/last-good.ts';
import { configOf, PIN_A, PIN_B, source, unwrap } from '../support/policies.ts';

const NOW_MS = Date.UTC(2026, 5, 1);
const FILE = '/etc/pw/policies/a.yaml';
const PINS = `pins: { anyOf: [{ leaf: "${PIN_A}" }, { leaf: "${PIN_B}" }] }`;
const RULES = `rules:\n  - { name: bank, match: [bank.example], ${PINS} }\n`;

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'foreseen-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

const config = (body = '') => configOf(`state: ${state}\npolicies: [policies]\n${body}`);
const keep = (rules = RULES, body = '') =>
  saveLastGood(state, {
    number: 7,
    config: { file: '/etc/pw/pinwarden.yaml', text: `version: 1\nstate: ${state}\npolicies: [policies]\n${body}` },
    sources: [{ file: FILE, text: `version: 1\n${rules}` }],
  });
const foresee = (rules: string, body = '', nowMs = NOW_MS) => {
  const now = config(body);
  return foreseenRefusals(now, unwrap(loadPolicy([source(`version: 1\n${rules}`)], now)), [], nowMs);
};
const brief = (rules: string, body = '') =>
  foresee(rules, body).map(({ place, message }) => `${printPlace(place)} ${message.replace(/^.*\(7\): /, '')}`);

describe('nothing is said', () => {
  const other = 'rules: [{ name: other, match: [x.example] }]\n';

  it('without a state directory, or without a last good generation in it', () => {
    expect(foresee(other)).toEqual([]);
    rmSync(state, { recursive: true });
    expect(foresee(other)).toEqual([]);
  });

  it('when what is there cannot be read or is not whole', () => {
    const file = join(state, 'last-good.json');
    mkdirSync(file);
    expect(foresee(other)).toEqual([]);
    rmSync(file, { recursive: true });
    for (const text of ['', '{', '[]', '{"format":1,"content":"x","sha256":"y"}']) {
      writeFileSync(file, text);
      expect(foresee(other), text).toEqual([]);
    }
    keep('rules: [{ name: broken }]\n');
    expect(foresee(other), 'it does not compile any more').toEqual([]);
  });

  it('when nothing is weaker, or a `weakens` entry lets it pass', () => {
    keep();
    expect(foresee(RULES)).toEqual([]);
    const entry = 'weakens: [{ rule: bank, reason: moved, until: 2026-07-01 }]\n';
    expect(foresee(`${entry}${other}`)).toEqual([]);
    expect(foresee(`${entry}${other}`, '', Date.UTC(2026, 7, 1)), 'it has ended').toHaveLength(1);
  });
});

describe('a warning', () => {
  it('names the rule, the place of now, and the entry that lets it pass', () => {
    keep();
    const [found, ...more] = foresee(RULES.replace('[bank.example],', '[bank.example], onFailure: alert,'));
    expect(more).toEqual([]);
    expect(found).toMatchObject({ severity: 'warning', place: { file: FILE, line: 3 } });
    expect(found?.place.isWholeFile).toBeUndefined();
    expect(found?.message).toMatch(
      /^the proxy would refuse this beside its last good generation \(7\): weakens rule `bank`, seen at bank\.example:443/,
    );
    expect(found?.hint).toContain('weakens: [{ rule: bank, reason: …, until: … }]');
  });

  it('shows no line of what is gone, since the lines of now are others', () => {
    keep();
    expect(brief('rules: [{ name: other, match: [x.example] }]\n')).toEqual([
      expect.stringMatching(/^\/etc\/pw\/policies\/a\.yaml weakens rule `bank`/),
    ]);
    keep(RULES, 'unmatched: { action: deny }\n');
    expect(brief(RULES)).toEqual([expect.stringContaining('are not denied any more')]);
    keep(RULES, 'anchors: [a.pem]\n');
    expect(brief(RULES)).toEqual([expect.stringMatching(/^\/etc\/pw\/pinwarden\.yaml `anchors` of pinwarden.yaml/)]);
  });

  it('changes nothing in the state directory', () => {
    keep();
    const file = join(state, 'last-good.json');
    const before = [readdirSync(state), readFileSync(file, 'utf8'), statSync(file).mtimeMs, statSync(state).mtimeMs];
    expect(foresee('rules: [{ name: other, match: [x.example] }]\n')).toHaveLength(1);
    const after = [readdirSync(state), readFileSync(file, 'utf8'), statSync(file).mtimeMs, statSync(state).mtimeMs];
    expect(after).toEqual(before);
  });
});
