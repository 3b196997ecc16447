import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conclude, type Probed } from '../../src/cli/probe-facts.ts';
import { probedBlock, probedLine, probedTotal } from '../../src/cli/probe-screen.ts';
import { createScreen } from '../../src/cli/screen.ts';
import { openRange, type Range } from './probe-support.ts';

const NAMES = ['good', 'private-root', 'expired-leaf', 'self-signed', 'plaintext'] as const;
let range: Range;
const probed: Record<string, Probed> = {};
beforeAll(async () => {
  range = await openRange(...NAMES);
  for (const name of NAMES) probed[name] = conclude(range.target(name), [await range.view(name)]);
});
afterAll(async () => await range.close());

const screen = (columns: number, isTty = false) => createScreen({ isTty, columns, env: {} });
const PIN = /sha256\/[A-Za-z0-9+/]{43}=/g;

describe.each([80, 140])('at %i columns', (columns) => {
  it.each(NAMES)('%s fits, with and without colours', (name) => {
    const text = probedBlock(probed[name]!, range.glass('file'), screen(columns));
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(columns);
    expect(stripVTControlCharacters(probedBlock(probed[name]!, range.glass('file'), screen(columns, true)))).toBe(text);
    expect(probedLine(probed[name]!, screen(columns)).trimEnd().length).toBeLessThanOrEqual(columns);
  });

  it('shows no pin of a bad chain, and says so', () => {
    const text = probedBlock(probed['private-root']!, range.glass('file'), screen(columns));
    expect(text).not.toMatch(PIN);
    expect(text).toContain('do not pin its keys');
    expect(text).toContain('CN=Corporate Inspection Root');
    expect(text).toMatch(/next .*if the root is yours/);
  });

  it('shows each pin of a good chain whole', () => {
    const text = probedBlock(probed['good']!, range.glass('file'), screen(columns));
    expect(text.match(PIN)?.slice(1)).toEqual([range.pki.inter.pin, range.pki.root.pin]);
    expect(text).toMatch(/staple +absent +no-staple/);
    expect(text).toContain('anchor (file)');
  });
});

it.each([80, 140])('keeps the columns of the checks when a rule decides, at %i columns', async (columns) => {
  const view = await range.view('good');
  if (view.kind === 'unreached') throw new Error('the upstream is not there');
  const judged = conclude(range.target('good'), [{ ...view, decides: 'rule r' }]);
  const text = probedBlock(judged, range.glass('file'), screen(columns));
  const lines = text.split('\n').filter((line) => /^ {2}\w+ +(pass|fail|absent|skipped)\b/.test(line));
  expect(lines.map((line) => line.trim().split(/ +/)[0])).toContain('certificatePolicies');
  expect(new Set(lines.map((line) => line.search(/(?<= )(pass|fail|absent|skipped)\b/))).size).toBe(1);
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
});

describe('what is special', () => {
  it('is said: an end in the past, a way that failed, two ways that differ', async () => {
    const glass = range.glass('file');
    expect(probedBlock(probed['expired-leaf']!, glass, screen(80))).toMatch(/ended 20\d\d-/);
    expect(probedBlock(probed['plaintext']!, glass, screen(80))).toContain('direct: tls.protocol');
    const via = { host: '127.0.0.1', kind: 'ipv4', port: 9 } as const;
    const lost = { kind: 'unreached', via, code: 'dial.refused', facts: {} } as const;
    const noProxy = probedBlock(conclude('h:1', [await range.view('good'), lost]), glass, screen(80));
    expect(noProxy).toContain('via 127.0.0.1:9: dial.refused, the proxy refused the connection');
    expect(noProxy).toContain('check that an HTTP proxy listens on 127.0.0.1:9');
    const shut = { ...lost, code: 'dial.failed', facts: { status: 403 } } as const;
    expect(probedBlock(conclude('h:1', [shut]), glass, screen(80))).toContain('ask whoever runs 127.0.0.1:9');
    const two = conclude('h:1', [await range.view('good'), await range.view('private-root')]);
    expect(probedBlock(two, glass, screen(80))).toMatch(/compared .*different chains/);
    const differing: Probed = { ...two, code: null };
    expect(probedLine(differing, screen(140))).toContain('different chains');
  });

  it('is counted at the end', () => {
    expect(probedTotal(Object.values(probed))).toBe('5 hosts: 1 good, 3 bad, 1 unreached\n');
  });
});
