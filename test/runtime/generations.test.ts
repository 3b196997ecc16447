import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/policy/load.ts';
import { Generations, materialOf } from '../../src/runtime/generations.ts';
import { testClock } from '../support/clock.ts';
import { listBytes, testLog } from '../support/ct-log.ts';
import { authority } from '../support/test-ca.ts';

let dir: string;
let generations: Generations;
const at = (name: string) => join(dir, name);
const CONFIG = 'version: 1\npolicies: [a.yaml, b.yaml]\nanchors: [roots.pem]\n';
const rules = (...names: readonly string[]) =>
  `version: 1\nrules:\n${names.map((name) => `  - { name: ${name}, match: [${name}.example], onFailure: block }\n`).join('')}`;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'generations-'));
  writeFileSync(at('pinwarden.yaml'), CONFIG);
  writeFileSync(at('a.yaml'), rules('a'));
  writeFileSync(at('b.yaml'), rules('b'));
  writeFileSync(at('roots.pem'), authority({ cn: 'Root' }).pem);
  generations = make();
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function make(pause: () => Promise<void> = async () => undefined): Generations {
  return new Generations({
    configPath: at('pinwarden.yaml'),
    clock: testClock(),
    pause,
    shippedGroups: () => [],
    ownCas: () => [],
  });
}

function start(of: Generations, lastGood: Parameters<Generations['start']>[2] = null, text = CONFIG) {
  const config = loadConfig(text, at('pinwarden.yaml'));
  if (!config.ok) throw new Error(config.mistakes[0]?.message);
  return of.start(config.value, { file: at('pinwarden.yaml'), text }, lastGood);
}

const serving = (of: Generations) => of.current?.policy.rules.map(({ name }) => name);

describe('start', () => {
  it('refuses what is broken, and what names anchors that are not there', () => {
    writeFileSync(at('a.yaml'), 'rules: [');
    expect(start(generations).kind).toBe('refused');
    writeFileSync(at('a.yaml'), rules('a'));
    rmSync(at('roots.pem'));
    expect(start(generations)).toMatchObject({
      kind: 'refused',
      refused: [{ message: expect.stringContaining('roots.pem') }],
    });
    writeFileSync(at('roots.pem'), 'no pem');
    expect(start(generations).kind).toBe('refused');
    expect(generations.current).toBeNull();
  });

  it('falls back to the last good text of a file that broke while the proxy was down', () => {
    writeFileSync(at('b.yaml'), 'rules: [');
    const sources = [
      { file: at('a.yaml'), text: rules('a') },
      { file: at('b.yaml'), text: rules('b') },
    ];
    const step = start(generations, { number: 41, config: { file: at('pinwarden.yaml'), text: CONFIG }, sources });
    expect(step).toMatchObject({ kind: 'accepted', generation: { number: 42 } });
    expect(serving(generations)).toEqual(['a', 'b']);
    expect(step.kind === 'accepted' && step.refused.length).toBeGreaterThan(0);
  });

  it('refuses a configuration that enforces less than the one before the restart', () => {
    const sources = [
      { file: at('a.yaml'), text: rules('a') },
      { file: at('b.yaml'), text: rules('b') },
    ];
    const lastGood = { number: 1, config: { file: at('pinwarden.yaml'), text: CONFIG }, sources };
    const weaker = `${CONFIG}unmatched: { mode: bypass, reason: shorter nights }\n`;
    expect(start(generations, lastGood, weaker)).toMatchObject({
      kind: 'refused',
      refused: expect.arrayContaining([expect.objectContaining({ rule: 'unmatched', what: 'mode' })]),
    });
    expect(start(make(), lastGood).kind).toBe('accepted');
  });

  it('compares with what was in force even when the new configuration could not hold it', () => {
    const forCi = 'version: 1\nrules: [{ name: a, match: [a.example], clients: [ci] }]\n';
    const grouped = `${CONFIG}clients: { ci: [10.0.0.0/8] }\n`;
    const sources = [
      { file: at('a.yaml'), text: forCi },
      { file: at('b.yaml'), text: rules('b') },
    ];
    const lastGood = { number: 1, config: { file: at('pinwarden.yaml'), text: grouped }, sources };
    writeFileSync(at('a.yaml'), 'version: 1\nrules: []\n');
    expect(start(generations, lastGood)).toMatchObject({ kind: 'refused' });
  });

  it('refuses to lose what a file enforced before the restart', () => {
    const sources = [
      { file: at('a.yaml'), text: rules('a', 'a2') },
      { file: at('b.yaml'), text: rules('b') },
    ];
    start(generations, { number: 1, config: { file: at('pinwarden.yaml'), text: CONFIG }, sources });
    expect(serving(generations)).toEqual(['a', 'a2', 'b']);
  });
});

describe('reload', () => {
  it('keeps a file that broke, then takes it when it is right, and says when it is as before', async () => {
    start(generations);
    expect(await generations.reload()).toEqual({ kind: 'unchanged' });
    writeFileSync(at('b.yaml'), 'rules: [');
    expect(await generations.reload()).toMatchObject({ kind: 'refused' });
    expect(serving(generations)).toEqual(['a', 'b']);
    expect(generations.current?.held).toHaveLength(1);
    expect(await generations.reload()).toEqual({ kind: 'unchanged' });
    writeFileSync(at('b.yaml'), rules('b'));
    expect(await generations.reload()).toEqual({ kind: 'restored' });
    expect(generations.current?.held).toEqual([]);
    writeFileSync(at('b.yaml'), rules('b', 'b2'));
    expect(await generations.reload()).toMatchObject({ kind: 'accepted', generation: { number: 2 }, refused: [] });
    expect(serving(generations)).toEqual(['a', 'b', 'b2']);
  });

  it('moves the others on while one is held', async () => {
    start(generations);
    writeFileSync(at('a.yaml'), rules('a', 'a2'));
    writeFileSync(at('b.yaml'), rules());
    const step = await generations.reload();
    expect(step).toMatchObject({ kind: 'accepted' });
    expect(serving(generations)).toEqual(['a', 'a2', 'b']);
    expect(step.kind === 'accepted' && step.refused.map(({ place }) => place.file)).toContain(at('b.yaml'));
  });

  it('never takes a file that is being written', async () => {
    let length = 0;
    const text = rules('b', 'b2');
    const writing = make(async () => {
      length += 10;
      writeFileSync(at('b.yaml'), text.slice(0, length));
    });
    start(writing);
    writeFileSync(at('b.yaml'), '');
    await writing.reload();
    expect(serving(writing)).toEqual(['a', 'b', 'b2']);
    expect(writing.current?.number).toBe(2);
  });

  it('keeps the configuration that runs when the file breaks or goes away', async () => {
    start(generations);
    writeFileSync(at('pinwarden.yaml'), 'version: 2\n');
    expect(await generations.reload()).toMatchObject({ kind: 'refused' });
    rmSync(at('pinwarden.yaml'));
    expect(await generations.reload()).toMatchObject({ kind: 'refused' });
    expect(serving(generations)).toEqual(['a', 'b']);
    writeFileSync(at('pinwarden.yaml'), `${CONFIG}unmatched: { action: deny }\n`);
    expect(await generations.reload()).toMatchObject({ kind: 'accepted', refused: [] });
    expect(generations.current?.policy.unmatched).toEqual({ action: 'deny' });
  });

  it('takes new anchors, and keeps the old ones when the new are unusable', async () => {
    start(generations);
    writeFileSync(at('roots.pem'), 'no pem');
    expect(await generations.reload()).toMatchObject({ kind: 'refused' });
    expect(await generations.reload(), 'said once').toEqual({ kind: 'unchanged' });
    rmSync(at('roots.pem'));
    expect(await generations.reload()).toMatchObject({ kind: 'refused' });
    writeFileSync(at('roots.pem'), authority({ cn: 'Other' }).pem);
    expect(await generations.reload()).toMatchObject({ kind: 'accepted' });
  });

  it('wants a start first', async () => {
    await expect(generations.reload()).rejects.toThrow(TypeError);
  });
});

it('names a generation by contents, wherever the files lie', () => {
  start(generations);
  const before = generations.current?.sha256;
  const other = make();
  start(other, null, `${CONFIG}# comment\n`);
  expect(other.current?.sha256).not.toBe(before);
  const material = materialOf(generations.current!, []);
  expect(material).toMatchObject({ number: 1, sha256: before, config: { text: CONFIG } });
  expect(structuredClone(material)).toEqual(material);
});

describe('the CT log list', () => {
  const text = `${CONFIG}ct: { logList: logs.json }\n`;
  const list = (atMs: number) => writeFileSync(at('logs.json'), listBytes([testLog()], atMs));

  it('is never replaced by an older one, not even by a restart', async () => {
    writeFileSync(at('pinwarden.yaml'), text);
    list(2_000);
    expect(start(generations, null, text).kind).toBe('accepted');
    list(1_000);
    const refused = [{ message: expect.stringContaining('rollback') }];
    expect(await generations.reload()).toMatchObject({ kind: 'refused', refused });
    list(3_000);
    expect((await generations.reload()).kind).toBe('accepted');
    list(2_500);
    const config = { file: at('pinwarden.yaml'), text };
    const lastGood = { number: 2, config, sources: [], logListMs: 3_000 };
    expect(start(make(), lastGood, text)).toMatchObject({ kind: 'refused', refused });
  });
});
