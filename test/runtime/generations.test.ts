import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCa } from '../../src/minting/ca.ts';
import { loadConfig } from '../../src/policy/load.ts';
import { lookAtCas, makeMissingCa, openCas } from '../../src/runtime/ca-files.ts';
import { Generations, materialOf } from '../../src/runtime/generations.ts';
import { type TestClock, testClock } from '../support/clock.ts';
import { listBytes, testLog } from '../support/ct-log.ts';
import { authority } from '../support/test-ca.ts';

let dir: string;
let generations: Generations;
let clock: TestClock;
const at = (name: string) => join(dir, name);
const CONFIG = 'version: 1\npolicies: [a.yaml, b.yaml]\nanchors: [roots.pem]\n';
const rules = (...names: readonly string[]) =>
  `version: 1\nrules:\n${names.map((name) => `  - { name: ${name}, match: [${name}.example], onFailure: block }\n`).join('')}`;

beforeEach(() => {
  clock = testClock();
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
    clock,
    pause,
    shippedGroups: () => [],
    lookAtCas: (config, before) => lookAtCas(config, before, clock.nowMs(), null),
  });
}

function start(of: Generations, lastGood: Parameters<Generations['start']>[2] = null, text = CONFIG) {
  const config = loadConfig(text, at('pinwarden.yaml'));
  if (!config.ok) throw new Error(config.mistakes[0]?.message);
  makeMissingCa(config.value.ca, clock.nowMs());
  const cas = openCas(config.value.ca, clock.nowMs(), null);
  return of.start(config.value, { file: at('pinwarden.yaml'), text }, lastGood, cas);
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
      refused: [{ message: expect.stringContaining('roots.pem'), place: { line: 3, column: 11 } }],
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
    expect(await generations.reload()).toEqual({ kind: 'unchanged', refused: [] });
    writeFileSync(at('b.yaml'), 'rules: [');
    expect(await generations.reload()).toMatchObject({ kind: 'refused' });
    expect(serving(generations)).toEqual(['a', 'b']);
    expect(generations.current?.held).toHaveLength(1);
    expect(await generations.reload(), 'held still').toMatchObject({
      kind: 'unchanged',
      refused: [{ place: { file: at('b.yaml') } }],
    });
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

  it('says that a file of anchors is not there before it calls them other anchors', async () => {
    start(generations);
    writeFileSync(at('pinwarden.yaml'), CONFIG.replace('roots.pem', 'rots.pem'));
    const step = await generations.reload();
    const messages = step.kind === 'refused' ? step.refused.map(({ message }) => message) : [];
    expect(messages[0]).toContain('rots.pem');
    expect(messages.length).toBeGreaterThan(1);
    expect(new Set(messages).size, 'each once').toBe(messages.length);
  });

  it('takes new anchors, and keeps the old ones when the new are unusable', async () => {
    start(generations);
    writeFileSync(at('roots.pem'), 'no pem');
    expect(await generations.reload()).toMatchObject({ kind: 'refused' });
    expect(await generations.reload(), 'said once').toMatchObject({
      kind: 'unchanged',
      refused: [{ message: expect.stringContaining('roots.pem') }],
    });
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

describe('the CAs', () => {
  const put = (prefix: string, cn: string, mode = 0o600) => {
    const made = createCa({ commonName: cn, nowMs: clock.nowMs(), days: 300 });
    for (const name of ['ca.pem', 'ca-key.pem']) rmSync(at(`${prefix}${name}`), { force: true });
    writeFileSync(at(`${prefix}ca.pem`), made.certificatePem);
    writeFileSync(at(`${prefix}ca-key.pem`), made.keyPem, { mode });
    return made.certificatePem;
  };
  const signing = () => generations.current?.cas.current.ca.certificate.subject;

  it('are part of a generation, though not of its name, and stay ours when they are replaced', async () => {
    start(generations);
    const { sha256, cas } = generations.current!;
    const next = put('next-', 'Next CA');
    expect(await generations.reload()).toMatchObject({
      kind: 'accepted',
      generation: { number: 2, sha256 },
      refused: [],
    });
    const brought = put('', 'Brought CA');
    expect(await generations.reload()).toMatchObject({ kind: 'accepted', generation: { number: 3, sha256 } });
    const material = materialOf(generations.current!, []);
    expect(material.ca).toMatchObject({ current: { certificatePem: brought }, next: { certificatePem: next } });
    expect(material.trust.ownCas).toEqual([brought, next, cas.current.ca.certificatePem]);
    expect(JSON.stringify(material.trust)).not.toContain('PRIVATE');
    expect(await generations.reload()).toMatchObject({ kind: 'unchanged' });
  });

  it('never change to half of a pair that is being written', async () => {
    start(generations);
    const before = generations.current?.cas;
    put('', 'Brought CA', 0o644);
    expect(await generations.reload()).toMatchObject({
      kind: 'refused',
      refused: [{ message: expect.stringContaining('chmod 600') }],
    });
    expect(await generations.reload(), 'said once').toMatchObject({ kind: 'unchanged' });
    expect(generations.current?.cas).toBe(before);
    rmSync(at('ca-key.pem'));
    expect(await generations.reload()).toMatchObject({ kind: 'refused' });
    put('', 'Brought CA');
    expect(await generations.reload()).toMatchObject({ kind: 'accepted', refused: [] });
    expect(signing()).toBe('CN=Brought CA');
  });

  it('do not hold up policies, nor are held up by them', async () => {
    start(generations);
    writeFileSync(at('ca-key.pem'), 'half');
    writeFileSync(at('a.yaml'), rules('a', 'a2'));
    expect(await generations.reload()).toMatchObject({
      kind: 'accepted',
      refused: [{ message: expect.stringContaining('ca-key') }],
    });
    expect(serving(generations)).toEqual(['a', 'a2', 'b']);
    writeFileSync(at('b.yaml'), 'rules: [');
    put('', 'Brought CA');
    expect(await generations.reload()).toMatchObject({ kind: 'accepted', refused: [expect.anything()] });
    expect(signing()).toBe('CN=Brought CA');
  });

  it('that a configuration asks for and that are not there keep the configuration as a whole', async () => {
    start(generations);
    const asking = `${CONFIG}ca: { next: { signsFrom: 2026-05-01 } }\nunmatched: { action: deny }\n`;
    writeFileSync(at('pinwarden.yaml'), asking);
    expect(await generations.reload()).toMatchObject({
      kind: 'refused',
      refused: [{ message: expect.stringMatching(/next-ca-key\.pem.*pinwarden ca rotate/) }],
    });
    expect(generations.current?.policy.unmatched.action).toBe('judge');
    expect(await generations.reload()).toMatchObject({ kind: 'unchanged' });
    put('next-', 'Next CA');
    expect(await generations.reload()).toMatchObject({ kind: 'accepted', refused: [] });
    expect(generations.current?.policy.unmatched.action).toBe('deny');
    expect(generations.current?.cas.next?.signsFromMs).toBe(Date.UTC(2026, 4, 1));
    rmSync(at('next-ca.pem'));
    expect(await generations.reload()).toMatchObject({ kind: 'refused' });
    expect(generations.current?.cas.next, 'it still will sign').not.toBeNull();
  });

  it('that are complained about do not hold up a configuration that names the same ones', async () => {
    writeFileSync(at('next-ca.pem'), 'nothing');
    start(generations);
    writeFileSync(at('pinwarden.yaml'), `${CONFIG}ca: { create: never }\nunmatched: { action: deny }\n`);
    expect(await generations.reload()).toMatchObject({
      kind: 'accepted',
      refused: [{ message: expect.stringContaining('it is not handed out') }],
    });
    expect(generations.current?.policy.unmatched.action).toBe('deny');
  });

  it('are taken when their time has come, although no file changed', async () => {
    start(generations);
    const later = createCa({ commonName: 'Later CA', nowMs: clock.nowMs() + 5 * 86_400_000, days: 300 });
    writeFileSync(at('ca.pem'), later.certificatePem);
    writeFileSync(at('ca-key.pem'), later.keyPem);
    expect(await generations.reload()).toMatchObject({
      kind: 'refused',
      refused: [{ message: expect.stringContaining('not valid yet') }],
    });
    clock.advance(5 * 86_400_000);
    expect(await generations.reload()).toMatchObject({ kind: 'accepted', refused: [] });
    expect(signing()).toBe('CN=Later CA');
  });

  it('with a next one that cannot be used start all the same, and say so', () => {
    writeFileSync(at('next-ca.pem'), 'nothing');
    expect(start(generations)).toMatchObject({
      kind: 'accepted',
      refused: [{ message: expect.stringContaining('it is not handed out') }],
    });
  });
});
